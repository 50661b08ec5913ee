"""Wrong settings of stores: each is one problem that says what to do, and never shows a URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from hearth.problems import render
from hearth.settings.loading import LoadedStack, load_config
from tests.planning.stacks import chat, config
from tests.settings.stack_files import Wrong

Load = Callable[..., LoadedStack]

ENCRYPTED = "{secure: v1:abc}"
FILES: Mapping[str, Wrong] = {
    "replicas without Redis": Wrong(
        "{}", "hearth:webUi.redis", "2 replicas", "add redis: {engine: valkey}", without=("webUi.redis",)
    ),
    "workers without Redis": Wrong(
        "{webUi.replicas: 1, webUi.workers: 4}",
        "hearth:webUi.redis",
        "is required with 4 workers",
        "add redis: {engine: valkey}",
        without=("webUi.redis",),
    ),
    "replicas with SQLite": Wrong(
        "webUi.database: {engine: sqlite, storageClass: fast}",
        "hearth:webUi.database.engine",
        "cannot serve 2 replicas: SQLite, and the vector store",
        "engine: postgres",
    ),
    "workers with SQLite": Wrong(
        "{webUi.replicas: 1, webUi.workers: 4, webUi.database: {engine: sqlite, storageClass: fast}}",
        "hearth:webUi.database.engine",
        "cannot serve 4 workers",
        "engine: postgres",
    ),
    "SQLite on NFS": Wrong(
        "{webUi.replicas: 1, webUi.database: {engine: sqlite}}",
        "hearth:webUi.database.storageClass",
        "SQLite would be on NFS",
        "a class of block storage",
    ),
    "SQLite on a file share": Wrong(
        "{webUi.replicas: 1, webUi.database: {engine: sqlite, storageClass: azurefile-csi}}",
        "hearth:webUi.database.storageClass",
        "a file system of the network by its name",
        "engine: postgres",
    ),
    "uploads on a volume of one node": Wrong(
        "storage: {storageClass: gp3}",
        "hearth:storage.storageClass",
        "is Amazon EBS, which one node mounts at once: replicas would not see each other's files",
        "ReadWriteMany volumes",
    ),
    "vector database in files": Wrong(
        "webUi.vectorDb: chroma", "hearth:webUi.vectorDb", "there is no key vectorDb", "hearth:webUi takes image"
    ),
    "no connection at all": Wrong(
        "webUi.database: {poolSize: 0}", "hearth:webUi.database.poolSize", "at least 1 and at most 100", "poolSize: 1"
    ),
    "more connections than a database bears": Wrong(
        "webUi.database: {poolSize: 1000}",
        "hearth:webUi.database.poolSize",
        "at least 1 and at most 100",
        "poolSize: 1",
    ),
    "unknown engine of Redis": Wrong(
        "webUi.redis: {engine: keydb}", "hearth:webUi.redis.engine", "is not one of redis, valkey", "choose one of"
    ),
    "unknown mode of Redis": Wrong(
        "webUi.redis: {mode: cluster}", "hearth:webUi.redis.mode", "is not one of single, sentinel", "choose one of"
    ),
    "Sentinel over Dragonfly": Wrong(
        "webUi.redis: {engine: dragonfly, mode: sentinel}",
        "hearth:webUi.redis.mode",
        "brings no Sentinel",
        "mode: single, or engine: valkey",
    ),
    "Sentinel on two nodes": Wrong(
        "{webUi.redis: {mode: sentinel}, cpuNodes: {count: 2}}",
        "hearth:webUi.redis.mode",
        "there are 2 CPU nodes",
        "hearth:cpuNodes.count",
    ),
    "mode of an external Redis": Wrong(
        f"webUi.redis: {{engine: external, mode: sentinel, external: {{url: {ENCRYPTED}}}}}",
        "hearth:webUi.redis.mode",
        "has no effect with engine external",
        "remove it, or write engine: redis or valkey",
    ),
    "Sentinels without an external server": Wrong(
        "webUi.redis: {mode: sentinel, external: {sentinels: [s1, s2, s3]}}",
        "hearth:webUi.redis.external.url",
        "is required",
        "pulumi config set --secret",
    ),
    "external Redis beside a server": Wrong(
        f"webUi.redis: {{engine: valkey, external: {{url: {ENCRYPTED}}}}}",
        "hearth:webUi.redis.external",
        "has no effect with engine valkey",
        "engine: external",
    ),
    "external Redis without a place": Wrong(
        "webUi.redis: {engine: external}",
        "hearth:webUi.redis.external",
        "redis://:PASSWORD@HOST:6379/0",
        "pulumi config set --secret --path 'hearth:webUi.redis.external.url'",
    ),
    "external Redis without a URL": Wrong(
        "webUi.redis: {engine: external, external: {port: 6380}}",
        "hearth:webUi.redis.external.url",
        "is required",
        "pulumi config set --secret",
    ),
    "URL in plain text": Wrong(
        "webUi.redis: {engine: external, external: {url: 'redis://:planted@h/0'}}",
        "hearth:webUi.redis.external.url",
        "is a secret in plain text",
        "pulumi config set",
    ),
    "a name as a network": Wrong(
        f"webUi.redis: {{engine: external, external: {{url: {ENCRYPTED}, networks: [redis.lan]}}}}",
        "hearth:webUi.redis.external.networks[0]",
        "is not a network",
        "write a network in CIDR notation, such as 10.1.2.0/24",
    ),
    "an address as a network": Wrong(
        f"webUi.redis: {{engine: external, external: {{url: {ENCRYPTED}, networks: [10.0.0.5]}}}}",
        "hearth:webUi.redis.external.networks[0]",
        "without the size of a network, which for it alone is 10.0.0.5/32",
        "write a network in CIDR notation",
    ),
    "a port that does not exist": Wrong(
        f"webUi.redis: {{engine: external, external: {{url: {ENCRYPTED}, port: 70000}}}}",
        "hearth:webUi.redis.external.port",
        "at most 65535",
        "port: 1",
    ),
    "external Postgres without a place": Wrong(
        "webUi.database: {engine: external}",
        "hearth:webUi.database.external",
        "postgresql://USER:PASSWORD@HOST:5432/DATABASE",
        "pulumi config set --secret",
    ),
    "volume of an external Postgres": Wrong(
        f"webUi.database: {{engine: external, volumeGib: 50, external: {{url: {ENCRYPTED}}}}}",
        "hearth:webUi.database.volumeGib",
        "has no effect with engine external",
        "remove it",
    ),
    "instances of one server": Wrong(
        "webUi.database: {instances: 3}",
        "hearth:webUi.database.instances",
        "has no effect with engine postgres",
        "engine: cloudnativePg",
    ),
    "memory of SQLite": Wrong(
        "{webUi.replicas: 1, webUi.database: {engine: sqlite, storageClass: fast, memoryGib: 4}}",
        "hearth:webUi.database.memoryGib",
        "has no effect with engine sqlite",
        "remove it",
    ),
    "cluster without its operator": Wrong(
        "{webUi.database: {engine: cloudnativePg}, addOns.cloudnativePg: 'off'}",
        "hearth:addOns.cloudnativePg",
        "needs the operator",
        "managed or present",
    ),
}

REDIS_URLS: Mapping[str, tuple[str, str, str]] = {
    "Valkey's own scheme": ("valkey://:planted@h:6379/0", "does not know", "redis://"),
    "no scheme": ("h:6379", "begins with h://", "redis://"),
    "another protocol": ("https://h:6379", "begins with https://", "redis://"),
    "no host": ("redis:///0", "has no host", "redis://"),
    "port is no number": ("redis://:planted@h:abc/0", "cannot be read", "redis://"),
    "another port": ("redis://:planted@h:6380/0", "has port 6380", "write port: 6380"),
    "name of a database": ("redis://:planted@h:6379/chat", "number of a database", "redis://"),
    "slash in the password": ("redis://:plan/ted@h:6379/0", "one of / ? #", "%2F"),
}
SENTINEL_URLS: Mapping[str, tuple[str, str, str]] = {
    "TLS": ("rediss://:planted@mymaster/0", "asks for TLS", "without TLS"),
    "odd password": ("redis://:plan-ted@mymaster/0", "letters and digits", "letters and digits"),
    "escaped password": ("redis://:plan%2Fted@mymaster/0", "letters and digits", "letters and digits"),
    "no service": ("redis://:planted@/0", "service", "mymaster"),
}
POSTGRES_URLS: Mapping[str, tuple[str, str, str]] = {
    "asyncpg": ("postgresql+asyncpg://u:planted@h/d", "postgresql+asyncpg://", "postgresql://USER"),
    "psycopg 3": ("postgresql+psycopg://u:planted@h/d", "a driver that Open WebUI does not have", "postgresql://USER"),
    "MySQL": ("mysql://u:planted@h/d", "begins with mysql://", "postgresql://USER"),
    "SQLite": ("sqlite:////data/webui.db", "begins with sqlite://", "postgresql://USER"),
    "no host": ("postgresql:///d", "has no host", "postgresql://USER"),
    "no database": ("postgresql://u:planted@h", "names no user or no database", "postgresql://USER"),
    "no user": ("postgresql://h/d", "names no user or no database", "postgresql://USER"),
    "another port": ("postgresql://u:planted@h:6432/d", "has port 6432", "write port: 6432"),
}
RIGHT: Mapping[str, dict[str, Any]] = {
    "Redis": {"redis": {"engine": "external", "external": {"url": "redis://:pw@h/0"}}},
    "Redis with TLS on its own port": {
        "redis": {"engine": "external", "external": {"url": "rediss://u:p%2Fw@h:6380/1", "port": 6380}}
    },
    "Sentinels": {"redis": {"engine": "external", "external": {"url": "redis://:pw@main/0", "sentinels": ["a", "b"]}}},
    "Postgres": {"database": {"engine": "external", "external": {"url": "postgresql://u:p@h/d?sslmode=verify-full"}}},
    "Postgres's older scheme": {"database": {"engine": "external", "external": {"url": "postgres://u:p@h/d"}}},
    "encrypted": {"database": {"engine": "external", "external": {"url": "[encrypted]"}}},
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in FILES.items()])
def test_a_wrong_stack_file_is_one_problem(case: Wrong, load_changed: Load) -> None:
    loaded = load_changed(yaml.safe_load(case.changes), case.without)
    text = render(loaded.problems, loaded.source)
    assert [problem.key for problem in loaded.problems] == [case.key], text
    assert case.why in loaded.problems[0].why
    assert case.remedy in loaded.problems[0].remedy
    assert "planted" not in text


def assert_one_problem(web_ui: dict[str, Any], key: str, why: str, remedy: str) -> None:
    loaded = load_config(config(webUi=chat(**web_ui)), "test")
    text = render(loaded.problems, loaded.source)
    assert [problem.key for problem in loaded.problems] == [key], text
    assert why in loaded.problems[0].why
    assert remedy in loaded.problems[0].remedy
    assert "planted" not in text and "ted@" not in text


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in REDIS_URLS.items()])
def test_a_wrong_url_of_redis_is_explained(case: tuple[str, str, str]) -> None:
    url, why, remedy = case
    web_ui = {"redis": {"engine": "external", "external": {"url": url}}}
    assert_one_problem(web_ui, "hearth:webUi.redis.external.url", why, remedy)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in SENTINEL_URLS.items()])
def test_a_url_that_sentinels_do_not_bear_is_explained(case: tuple[str, str, str]) -> None:
    url, why, remedy = case
    web_ui = {"redis": {"engine": "external", "external": {"url": url, "sentinels": ["s1", "s2", "s3"]}}}
    assert_one_problem(web_ui, "hearth:webUi.redis.external.url", why, remedy)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in POSTGRES_URLS.items()])
def test_a_wrong_url_of_postgres_is_explained(case: tuple[str, str, str]) -> None:
    url, why, remedy = case
    web_ui = {"database": {"engine": "external", "external": {"url": url}}}
    assert_one_problem(web_ui, "hearth:webUi.database.external.url", why, remedy)


@pytest.mark.parametrize("web_ui", [pytest.param(case, id=name) for name, case in RIGHT.items()])
def test_a_right_url_is_accepted(web_ui: dict[str, Any]) -> None:
    assert load_config(config(webUi=chat(**web_ui)), "test").problems == ()
