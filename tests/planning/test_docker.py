"""The one host of target docker: how people reach it, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest

from hearth.problems import ConfigurationError
from tests.containers.stacks import BASE, GPU, POSTGRES, plan

CHAT = BASE["webUi"]


def env(**changes: Any) -> Any:
    return plan(**changes).web_ui.server.container.env


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "http://localhost:3000"),
        ({"docker": {"publish": {"web-ui": 3001}}}, "http://localhost:3001"),
        ({"docker": {"address": "192.168.1.5"}}, "http://192.168.1.5:3000"),
        ({"docker": {"address": "0.0.0.0"}}, None),
        ({"docker": {"address": "0.0.0.0"}, "webUi": {**CHAT, "hostname": "chat.lan.org"}}, "http://chat.lan.org:3000"),
        ({"docker": {"address": "::1"}}, "http://localhost:3000"),
        ({"docker": {"address": "fd00::5"}}, "http://[fd00::5]:3000"),
        ({"webUi": {**CHAT, "exposure": {"type": "none"}}}, None),
    ],
)
def test_people_reach_the_chat_at_its_port(changes: dict[str, Any], url: str | None) -> None:
    assert plan(**changes).web_ui.url == url


def test_both_names_of_loopback_are_taken() -> None:
    assert env()["CORS_ALLOW_ORIGIN"] == "http://localhost:3000;http://127.0.0.1:3000"


def test_further_origins_are_added() -> None:
    allowed = env(webUi={**CHAT, "otherOrigins": ["https://chat.internal"]})["CORS_ALLOW_ORIGIN"]
    assert allowed.endswith(";https://chat.internal")


def test_nothing_of_a_cluster_is_planned() -> None:
    found = plan(**GPU, storage={"hostPath": "/srv/hearth"})
    assert (found.add_ons, found.runtime_class, found.nfs_class, found.address_pool) == ((), None, None, None)
    assert (found.cpu_node_count, found.retain_claims, found.web_ui.server.exposure) == (1, False, None)


def test_the_servers_must_fit_into_the_host() -> None:
    with pytest.raises(ConfigurationError) as refused:
        plan(cpuNodes={"cpus": 4, "memoryGib": 4})
    [problem] = refused.value.problems
    assert problem.key == "hearth:cpuNodes.memoryGib"
    assert "3 (ollama) + 1.75 (web-ui) = 4.75 GiB" in problem.why


def test_servers_with_gpus_count_too() -> None:
    with pytest.raises(ConfigurationError, match=r"qwen3-8b\) \+ 40 \(pair"):
        plan(**{**GPU, "cpuNodes": {"memoryGib": 64}})


def test_models_must_fit_onto_the_gpus_of_the_host() -> None:
    pool = {"name": "local", "gpu": "RTX4090-24GB", "gpusPerNode": 2}
    with pytest.raises(ConfigurationError, match="asked for are 3"):
        plan(**{**GPU, "gpuNodePools": [pool]})


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"docker": {"address": "0.0.0.0"}}, "web-ui are served over plain HTTP to everybody who reaches 0.0.0.0"),
        ({"docker": {"ipc": "host"}}, "hearth:docker.ipc is host"),
        ({"storage": {"hostPath": "/srv", "retainData": False}}, "folders in /srv stay"),
        ({**POSTGRES, "storage": {"nfs": {"server": "nfs.lan", "share": "/x"}}}, "Postgres is on NFS"),
    ],
)
def test_what_deserves_a_second_look_is_told(changes: dict[str, Any], text: str) -> None:
    assert any(text in warning for warning in plan(**changes).warnings)


def test_a_stack_on_loopback_has_nothing_to_tell() -> None:
    assert plan().warnings == ()
