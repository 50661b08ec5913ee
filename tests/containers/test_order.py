"""Workloads as containers: what starts after what, what each may do, and who reaches it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hearth.containers import NetworkAttachment, PublishedPort, TmpfsMount, containers, images, networks
from hearth.planning.memory.deployment import GIB
from tests.containers.stacks import GPU, POSTGRES, plan, specs
from tests.planning import stacks

CHAT = {"admin": {"email": "admin@example.org"}}


@pytest.mark.parametrize("changes", [{}, GPU, POSTGRES], ids=["light", "GPUs", "stores"])
def test_each_comes_after_what_it_waits_for(changes: dict[str, object]) -> None:
    seen: set[str] = set()
    for spec in containers(plan(**changes)):
        assert set(spec.after) <= seen, spec.name
        seen.add(spec.name)


@pytest.mark.parametrize("changes", [{}, GPU, POSTGRES], ids=["light", "GPUs", "stores"])
def test_what_is_waited_for_can_come_true(changes: dict[str, object]) -> None:
    by_name = {spec.name: spec for spec in containers(plan(**changes))}
    for spec in by_name.values():
        for other, state in spec.after.items():
            assert by_name[other].runs_to_end if state == "completed" else by_name[other].healthcheck


def test_steps_run_to_their_end_one_after_the_other() -> None:
    found = specs(**POSTGRES)
    steps = ["postgres-prepare", "postgres-set-password", "postgres"]
    assert [found[name].runs_to_end for name in steps] == [True, True, False]
    assert found["postgres-set-password"].after == {"hearth-test-postgres-prepare": "completed"}
    assert found["postgres"].after == {"hearth-test-postgres-set-password": "completed"}


def test_the_web_ui_waits_for_stores_models_and_its_migration() -> None:
    assert specs(**POSTGRES)["web-ui"].after == {
        "hearth-test-redis": "healthy",
        "hearth-test-postgres": "healthy",
        "hearth-test-ollama": "healthy",
        "hearth-test-web-ui-migration": "completed",
        "hearth-test-web-ui-prepare": "completed",
    }


def test_a_server_waits_for_its_weights() -> None:
    assert specs(**GPU)["qwen3-8b"].after["hearth-test-qwen3-8b-download"] == "completed"


def test_a_step_is_started_once_and_a_server_always() -> None:
    found = specs()
    assert {spec.restart for spec in found.values() if spec.runs_to_end} == {"no"}
    assert {spec.restart for spec in found.values() if not spec.runs_to_end} == {"unless-stopped"}


def test_gpus_are_given_in_the_order_of_the_file() -> None:
    found = specs(**GPU)
    assert {name: spec.gpu_ids for name, spec in found.items() if spec.gpu_ids} == {"qwen3-8b": (3,), "pair": (2, 1)}


def test_without_ids_the_first_gpus_are_taken() -> None:
    pool = {"name": "local", "gpu": "RTX4090-24GB", "gpusPerNode": 4}
    assert specs(**{**GPU, "gpuNodePools": [pool]})["pair"].gpu_ids == (1, 2)


def test_a_server_of_a_model_has_shared_memory_of_its_own() -> None:
    spec = specs(**GPU)["pair"]
    assert (spec.ipc, spec.shm_bytes) == ("private", 8 * GIB)


def test_servers_of_models_share_memory_with_the_host_where_the_stack_says_so() -> None:
    found = specs(**{**GPU, "docker": {"ipc": "host"}, "webUi": POSTGRES["webUi"]})
    assert {name for name, spec in found.items() if spec.ipc == "host"} == {"qwen3-8b", "pair"}
    assert found["qwen3-8b"].shm_bytes is None


def test_only_published_ports_and_the_internet_leave_the_stack() -> None:
    found = specs(**GPU)
    edge = NetworkAttachment("hearth-test-edge")
    outside = {name for name, spec in found.items() if edge in spec.networks}
    assert outside == {"web-ui", "qwen3-8b", "qwen3-8b-download", "pair-download"}


def test_the_network_within_has_no_way_out() -> None:
    assert [(network.name, network.internal) for network in networks(plan())] == [
        ("hearth-test", True),
        ("hearth-test-edge", False),
    ]


def test_ports_are_published_on_loopback() -> None:
    assert specs()["web-ui"].ports == (PublishedPort("127.0.0.1", 3000, 8080),)
    assert specs(**GPU)["qwen3-8b"].ports == (PublishedPort("127.0.0.1", 8000, 8000),)


def test_a_stack_says_where_ports_are_published() -> None:
    found = specs(docker={"address": "0.0.0.0", "publish": {"web-ui": 3001, "ollama": 11434}})
    assert found["web-ui"].ports == (PublishedPort("0.0.0.0", 3001, 8080),)
    assert found["ollama"].ports == (PublishedPort("0.0.0.0", 11434, 11434),)


def test_nothing_is_published_where_nobody_is_to_reach_it() -> None:
    found = specs(webUi={**CHAT, "database": {"engine": "sqlite"}, "exposure": {"type": "none"}})
    assert not any(spec.ports for spec in found.values())


def test_servers_have_the_names_of_their_workloads() -> None:
    aliases = {name: spec.networks[0].aliases for name, spec in specs().items()}
    assert aliases["ollama"] == ("ollama",)
    assert aliases["ollama-pull"] == ()


def test_a_health_check_has_the_time_that_the_start_may_take() -> None:
    check = specs(**GPU)["qwen3-8b"].healthcheck
    assert check and check.start_period_seconds >= 600
    assert check.test[:3] == ("CMD", "bash", "-c") and check.test[-2:] == ("8000", "/health")


def test_commands_are_health_checks_as_they_are() -> None:
    check = specs(**POSTGRES)["postgres"].healthcheck
    assert check and check.test[:2] == ("CMD", "pg_isready")


def test_nothing_may_do_more_than_it_needs() -> None:
    for spec in specs(**POSTGRES).values():
        assert spec.cap_drop == ("ALL",) and spec.no_new_privileges and spec.read_only, spec.name


def test_only_the_step_that_gives_away_folders_is_root() -> None:
    found = specs(**POSTGRES)
    root = {name for name, spec in found.items() if spec.user.startswith("0:") or spec.cap_add}
    assert root and all(name.endswith("-prepare") for name in root)
    assert found["postgres-prepare"].command == ("999:999", "/volumes/0")


def test_logs_are_bounded() -> None:
    assert {spec.log_options["max-size"] for spec in specs(**GPU).values()} == {"10m"}
    assert {spec.log_options["max-file"] for spec in specs(**GPU).values()} == {"3"}


def test_files_in_memory_come_on_top_of_a_containers_memory() -> None:
    spec = specs()["ollama"]
    scratch = sum(mount.size_bytes for mount in spec.mounts if isinstance(mount, TmpfsMount))
    assert scratch and spec.memory_bytes == 3 * GIB + scratch


def test_every_container_is_labelled() -> None:
    for spec in specs(**POSTGRES).values():
        assert spec.labels == {
            "dev.hearth.project": "hearth",
            "dev.hearth.stack": "test",
            "dev.hearth.workload": spec.workload,
        }


def test_secrets_are_named_and_not_held() -> None:
    redis = specs(**POSTGRES)["redis"]
    assert redis.secret_env == ("REDISCLI_AUTH",)
    assert redis.secret_files == {"/run/secrets/hearth/auth.conf": "auth.conf"}


def test_every_image_is_fetched_once() -> None:
    found = images(plan(**GPU))
    assert len(set(found)) == len(found) == 2


def test_an_image_that_is_built_is_not_fetched() -> None:
    built = plan(**GPU, engines={"vllm": {"build": {}}})
    [image] = images(built)
    assert "open-webui" in image


def test_two_stacks_share_no_name_but_caches() -> None:
    one, two = plan(), plan(namespace="other")
    assert not {spec.name for spec in containers(one)} & {spec.name for spec in containers(two)}
    assert not {network.name for network in networks(one)} & {network.name for network in networks(two)}


def test_a_stack_of_a_cluster_has_no_containers() -> None:
    with pytest.raises(ValueError, match="target onprem"):
        containers(stacks.plan())


def test_a_plan_without_its_host_is_refused() -> None:
    with pytest.raises(ValueError, match="no containers of its own"):
        containers(replace(plan(), docker=None))
