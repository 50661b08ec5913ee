"""Every variable that Hearth gives Open WebUI is one that the pinned Open WebUI reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hearth.catalog.open_webui import EnvironmentTable, Variable, dumps, environment_table, loads
from hearth.catalog.versions import images
from hearth.planning.plan import Plan
from hearth.planning.stack import make_plan
from hearth.settings.loading import load_stack
from tests.planning.stacks import chat, model, plan

ROOT = Path(__file__).parent.parent.parent
STACKS = [path.suffixes[0].removeprefix(".") for path in sorted(ROOT.glob("Pulumi.*.yaml"))]
SYSTEM = {"HOME": "Python's expanduser, for caches of libraries"}
"""Variables that are not for Open WebUI itself, and who reads them."""

REDIS = {"engine": "valkey"}
OLLAMA = {"models": ["gemma3:4b", "nomic-embed-text"]}
TLS = {"type": "ingress", "className": "nginx", "tls": {"secretName": "chat-tls"}}
SQLITE = {"engine": "sqlite", "storageClass": "local-ssd"}
S3 = {"endpoint": "https://s3.example.org", "bucket": "uploads", "accessKey": "a", "secretKey": "b"}
OPEN_ID = {
    "providerUrl": "https://id.example.org/.well-known/openid-configuration",
    "clientId": "chat",
    "clientSecret": "c",
    "rolesClaim": "roles",
    "groupsClaim": "groups",
    "allowedDomains": ["example.org"],
}
MODEL = model()
OTHER = model(name="other", pool="h100")
BGE = model(name="bge", source="BAAI/bge-m3", pool="ada", contextLength=8192)
WHISPER = model(name="whisper", pool="ada", source="openai/whisper-large-v3-turbo", contextLength=448)
WHISPER |= {"weightsGib": 1.6, "attentionHeads": 20}
ARENA = {"name": "Arena", "models": ["qwq", "other"]}
EXTERNAL_REDIS = {"engine": "external", "external": {"url": "redis://:pw@main/0", "sentinels": ["s1.lan"]}}
EXTERNAL_POSTGRES = {"engine": "external", "external": {"url": "postgresql://u:pw@h/d"}}
OPTIONS: dict[str, dict[str, Any]] = {
    "the least": {},
    "several replicas": {"webUi": chat(replicas=3, redis=REDIS)},
    "several workers": {"webUi": chat(workers=4, redis={"engine": "redis"})},
    "sqlite": {"webUi": chat(database=SQLITE)},
    "external stores": {"webUi": chat(redis=EXTERNAL_REDIS, database=EXTERNAL_POSTGRES)},
    "a cluster of Postgres": {"webUi": chat(database={"engine": "cloudnativePg"})},
    "ollama alone": {"models": None, "ollama": OLLAMA},
    "embeddings": {"ollama": OLLAMA, "webUi": chat(embeddingModel="nomic-embed-text")},
    "a name with a certificate": {"webUi": chat(hostname="chat.example.org", exposure=TLS)},
    "sign-up": {"webUi": chat(signUp=True, defaultUserRole="user")},
    "served embeddings": {"models": [MODEL, BGE], "webUi": chat(embeddingModel="bge", embeddingDimensions=2560)},
    "served speech": {"models": [MODEL, WHISPER], "webUi": chat(speechToText={"model": "whisper"})},
    "a speech server": {"webUi": chat(speechToText={"server": {}})},
    "tika": {"webUi": chat(contentExtraction={"engine": "tika"})},
    "docling": {"webUi": chat(contentExtraction={"engine": "docling"})},
    "pipelines": {"webUi": chat(pipelines={})},
    "uploads in a bucket": {"webUi": chat(uploads={"s3": {**S3, "prefix": "chat"}})},
    "identity provider": {"webUi": chat(hostname="chat.example.org", exposure=TLS, openIdConnect=OPEN_ID)},
    "look": {"webUi": chat(name="Office", locale="ko-KR", banners=[{"content": "Closed on Monday"}])},
    "arena": {"models": [MODEL, OTHER], "webUi": chat(evaluation={"arenaModels": [ARENA]})},
    "sentinels": {"webUi": chat(replicas=3, redis={"engine": "redis", "mode": "sentinel"})},
}


def rendered(plan: Plan) -> Iterator[tuple[str, str | None]]:
    """Variables of every container of the web tier; the value of a secret is None."""
    for workload in (plan.web_ui.server, plan.web_ui.migration):
        if workload:
            for container in (*workload.before, workload.container):
                yield from container.env.items()
                yield from ((name, None) for name in container.secret_env)


def ignored(plan: Plan) -> set[str]:
    return {name for name, _ in rendered(plan)} - environment_table().variables.keys() - SYSTEM.keys()


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_open_webui_reads_every_variable(options: dict[str, Any]) -> None:
    assert not ignored(plan(**options))


@pytest.mark.parametrize("stack", STACKS)
def test_open_webui_reads_every_variable_of_the_stacks_here(stack: str) -> None:
    assert not ignored(make_plan(load_stack(ROOT, stack)))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_switches_are_written_as_open_webui_compares_them(options: dict[str, Any]) -> None:
    table = environment_table().variables
    switches = [(n, v) for n, v in rendered(plan(**options)) if n in table and table[n].type == "boolean"]
    assert not [(name, value) for name, value in switches if value is None or value.lower() not in ("true", "false")]


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_numbers_are_numbers(options: dict[str, Any]) -> None:
    table = environment_table().variables
    numbers = [(n, v) for n, v in rendered(plan(**options)) if n in table and table[n].type == "integer"]
    assert not [(name, value) for name, value in numbers if value is None or not value.lstrip("-").isdigit()]


def test_the_table_is_of_the_pinned_version() -> None:
    assert images()["openWebUi"].endswith(f":v{environment_table().version}")


@pytest.mark.parametrize("name", ["WEB_CONCURRENCY", "ENABLE_SIGN_UP", "ANONYMIZED_TELEMETRY", "HF_HUB_OFFLINE"])
def test_what_open_webui_does_not_read_is_not_in_the_table(name: str) -> None:
    assert name not in environment_table().variables


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ENABLE_SIGNUP", Variable("boolean", "True", ("config.py",), ("ui.enable_signup",))),
        ("DATABASE_POOL_MAX_OVERFLOW", Variable("integer", "0", ("env.py",))),
        ("OLLAMA_BASE_URLS", Variable("list", "", ("config.py",), ("ollama.base_urls",))),
        ("WEBUI_BANNERS", Variable("json", "[]", ("config.py",), ("ui.banners",))),
        ("HSTS", Variable("text", None, ("utils/security_headers.py",))),
        ("KB_EXEC_MAX_GREP_FILES", Variable("integer", "200", ("env.py",))),
    ],
)
def test_what_the_table_says(name: str, expected: Variable) -> None:
    assert environment_table().variables[name] == expected


def test_a_written_table_is_read_back() -> None:
    table = EnvironmentTable(
        "1.0.0", {"A": Variable("list", None, ("a.py", "b.py"), ("a.b",)), "B": Variable("text", "", ("a.py",))}
    )
    assert loads(dumps(table)) == table
