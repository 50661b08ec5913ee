"""Stores of the web tier: what is planned for each kind, and what the web tier is told."""

from __future__ import annotations

from typing import Any

import pytest

from hearth.planning.plan import StorePlan
from hearth.problems import ConfigurationError
from hearth.workload import FilesVolume, Outside, Workload
from tests.planning.stacks import chat, plan

EXTERNAL = {"engine": "external", "external": {"url": "redis://:pw@h/0", "networks": ["10.0.0.0/28"]}}
POSTGRES_URL = "postgresql://u:pw@h/d"
EXTERNAL_POSTGRES = {"engine": "external", "external": {"url": POSTGRES_URL}}


def redis(**wanted: Any) -> StorePlan:
    found = plan(webUi=chat(redis=wanted)).redis
    assert found
    return found


def database(web_ui: dict[str, Any] | None = None, **wanted: Any) -> StorePlan:
    found = plan(webUi=chat(database=wanted, **(web_ui or {}))).postgres
    assert found
    return found


def sentinel() -> Workload:
    [server] = redis(mode="sentinel").servers
    return server


def file(workload: Workload, name: str) -> str:
    volumes = [m.volume for c in (workload.container, *workload.beside) for m in c.mounts]
    return next(v.files[name] for v in volumes if isinstance(v, FilesVolume) and name in v.files)


def test_sentinels_need_three_pods_on_three_nodes() -> None:
    server = sentinel()
    assert (server.replicas, server.min_available, server.scheduling.even) == (3, 2, True)


def test_each_pod_has_a_volume_of_its_own() -> None:
    assert all(claim.for_each_replica and not claim.shared for claim in sentinel().claims)


def test_a_pod_has_a_data_node_and_a_sentinel() -> None:
    server = sentinel()
    assert [c.name for c in (server.container, *server.beside)] == ["valkey", "sentinel"]
    assert all(c.probes for c in server.beside)


def test_open_webui_asks_every_pod_for_the_master() -> None:
    env = redis(mode="sentinel").env
    hosts = "redis-0.redis,redis-1.redis,redis-2.redis"
    assert env["REDIS_SENTINEL_HOSTS"] == env["WEBSOCKET_SENTINEL_HOSTS"] == hosts
    assert hosts.split(",") == sentinel().container.env["NODES"].split()


def test_with_sentinels_the_host_of_the_url_is_their_service() -> None:
    address = redis(mode="sentinel").address
    assert address == "mymaster:6379"
    assert f"down-after-milliseconds {address.partition(':')[0]} " in file(sentinel(), "sentinel.conf")


def test_the_web_tier_reaches_data_nodes_and_sentinels() -> None:
    assert {peer.port for peer in redis(mode="sentinel").peers} == {6379, 26379}


def test_one_server_is_not_asked_through_sentinels() -> None:
    assert not [name for name in redis().env if "SENTINEL" in name]


def test_memory_of_a_pod_counts_both_containers() -> None:
    server = sentinel()
    assert server.memory_gib == server.container.resources.memory_gib + server.beside[0].resources.memory_gib


def test_dragonfly_calls_nobody_and_has_memory_for_its_threads() -> None:
    [server] = redis(engine="dragonfly").servers
    options = {name: value for name, _, value in (argument.partition("=") for argument in server.container.args)}
    assert options["--version_check"] == "false"
    assert int(options["--maxmemory"].removesuffix("mb")) >= 256 * int(options["--proactor_threads"])


@pytest.mark.parametrize("engine", ["redis", "valkey", "dragonfly"])
def test_no_password_is_in_the_environment(engine: str) -> None:
    [server] = redis(engine=engine).servers
    assert server.container.secret_env and not set(server.container.secret_env) & set(server.container.env)


def test_an_external_redis_is_only_reached() -> None:
    found = redis(**EXTERNAL)
    assert (found.servers, found.peers) == ((), ())
    assert found.calls_outside == (Outside(6379, ("10.0.0.0/28",)),)


def test_external_sentinels_are_reached_too() -> None:
    external = {"url": "redis://:pw@main/0", "sentinels": ["s1.lan", "s2.lan"], "sentinelPort": 26380}
    found = redis(engine="external", external=external)
    assert [server.port for server in found.calls_outside] == [6379, 26380]
    assert found.env["WEBSOCKET_SENTINEL_PORT"] == "26380"


def test_an_external_redis_must_not_be_shared() -> None:
    assert any("no other stack" in warning for warning in plan(webUi=chat(redis=EXTERNAL)).warnings)


def test_an_external_database_has_no_server_but_its_vectors() -> None:
    stack = plan(webUi=chat(database=EXTERNAL_POSTGRES))
    assert stack.postgres and not stack.postgres.servers
    assert stack.web_ui.migration and stack.web_ui.migration.calls_outside == stack.postgres.calls_outside


def test_a_cluster_is_made_by_an_operator() -> None:
    stack = plan(webUi=chat(database={"engine": "cloudnativePg"}))
    assert stack.postgres and stack.postgres.cluster and not stack.postgres.servers
    assert ("cloudnativePg", "managed") in {(a.name, a.mode) for a in stack.add_ons}
    assert stack.postgres.cluster.instances == 3
    assert stack.postgres.address == "postgres-rw:5432"


def test_only_a_cluster_needs_the_operator() -> None:
    assert "cloudnativePg" not in {a.name for a in plan().add_ons}


def test_the_web_tier_reaches_pods_by_the_labels_of_the_operator() -> None:
    found = database(engine="cloudnativePg")
    assert found.cluster and found.peers[0].labels == found.cluster.pod_labels


def test_data_of_a_cluster_outlives_the_stack() -> None:
    assert plan(webUi=chat(database={"engine": "cloudnativePg"})).retain_claims


def test_instances_of_a_cluster_need_room_too() -> None:
    wanted = {"engine": "cloudnativePg", "instances": 3, "memoryGib": 16}
    with pytest.raises(ConfigurationError, match="postgres needs 16 GiB"):
        plan(webUi=chat(database=wanted), cpuNodes={"count": 2, "cpus": 8, "memoryGib": 20})


def test_every_pool_of_every_worker_finds_a_connection() -> None:
    web_ui = {"replicas": 3, "workers": 2, "redis": {}}
    found = database(web_ui)
    sizes = {name: int(size) for name, size in found.env.items()}
    requests = sizes["DATABASE_POOL_SIZE"] + sizes["DATABASE_POOL_MAX_OVERFLOW"]
    vectors = sizes["PGVECTOR_POOL_SIZE"] + sizes["PGVECTOR_POOL_MAX_OVERFLOW"]
    allowed = next(a for a in found.servers[0].container.args if a.startswith("max_connections="))
    assert int(allowed.partition("=")[2]) > 3 * 2 * (2 * requests + vectors)


def test_connections_are_explained() -> None:
    text = database({"replicas": 3, "workers": 2, "redis": {}}).connections
    assert "3 x 2 workers" in text and "7 x 32" in text and "244 connections" in text


def test_a_cluster_allows_as_many_connections_as_a_server() -> None:
    cluster = database({"replicas": 3, "workers": 2, "redis": {}}, engine="cloudnativePg").cluster
    assert cluster and cluster.parameters["max_connections"] == "250"


def test_an_external_server_that_allows_too_few_connections_is_refused() -> None:
    external = {"url": POSTGRES_URL, "maxConnections": 100}
    web_ui = chat(replicas=2, workers=2, redis={}, database={"engine": "external", "external": external})
    with pytest.raises(ConfigurationError, match=r"external.maxConnections = 100(.|\n)*180 connections") as refused:
        plan(webUi=web_ui)
    assert "poolSize" in str(refused.value)


def test_a_smaller_pool_needs_fewer_connections() -> None:
    external = {"url": POSTGRES_URL, "maxConnections": 100}
    wanted = {"engine": "external", "poolSize": 3, "external": external}
    stack = plan(webUi=chat(replicas=2, workers=2, redis={}, database=wanted))
    assert stack.postgres and "5 x 10" in stack.postgres.connections


@pytest.mark.parametrize("wanted", [{}, {"mode": "sentinel"}, {"engine": "dragonfly"}, EXTERNAL])
@pytest.mark.parametrize("kept", [{}, {"engine": "cloudnativePg"}, EXTERNAL_POSTGRES])
def test_every_pair_of_stores_is_told_to_the_web_tier(wanted: dict[str, Any], kept: dict[str, Any]) -> None:
    stack = plan(webUi=chat(replicas=2, redis=wanted, database=kept))
    assert stack.redis and stack.postgres
    server = stack.web_ui.server
    for store in (stack.redis, stack.postgres):
        assert store.env.items() <= server.container.env.items()
        assert set(store.secret_env) <= set(server.container.secret_env)
        assert set(store.calls_outside) <= set(server.calls_outside)
        assert all(peer in server.calls for peer in store.peers)
