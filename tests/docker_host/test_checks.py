"""What is found wrong with a Docker host, by facts made up for each case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from hearth.docker_host.checks import find_problems
from hearth.docker_host.facts import Gpu, Gpus, HostFacts, Published
from hearth.planning.memory.deployment import GIB
from hearth.planning.plan import Plan
from tests.containers import stacks

_4090 = "NVIDIA GeForce RTX 4090"
GPUS = Gpus(tuple(Gpu(index, _4090, 24564) for index in range(4)), "570.86.15")
ENOUGH = HostFacts(
    version="29.1.3",
    os="linux",
    memory_bytes=512 * GIB,
    free_disk_bytes=500 * GIB,
    disk="/var/lib/docker",
    kept_bytes={},
    published=(),
    busy_ports=frozenset(),
    gpus=GPUS,
    toolkit=True,
)
OTHER_STACK = Published("hearth-dev-web-ui", "dev", "0.0.0.0", 3000)


@pytest.fixture(scope="module")
def gpu_plan() -> Plan:
    return stacks.plan(**stacks.GPU)


@pytest.fixture(scope="module")
def cpu_plan() -> Plan:
    return stacks.plan()


def found(plan: Plan, **facts: Any) -> dict[str, str]:
    return {problem.key: problem.why for problem in find_problems(plan, replace(ENOUGH, **facts))}


def test_a_host_that_has_everything(gpu_plan: Plan) -> None:
    assert found(gpu_plan) == {}


@pytest.mark.parametrize(
    ("facts", "key", "why"),
    [
        ({"version": "19.03.15"}, "hearth:docker.host", "its engine is Docker 19.03.15"),
        ({"version": "dev"}, "hearth:docker.host", "its engine is Docker dev"),
        ({"os": "windows"}, "hearth:docker.host", "runs containers for windows"),
        (
            {"gpus": Gpus((), None, "nvidia-smi says: No devices were found")},
            "hearth:gpuNodePools[0].gpu",
            "no NVIDIA GPU that can be used: nvidia-smi says: No devices were found",
        ),
        ({"toolkit": False}, "hearth:gpuNodePools[0].gpu", "NVIDIA's container toolkit is not set up"),
        (
            {"gpus": replace(GPUS, driver="525.147.05")},
            "hearth:gpuNodePools[0].gpu",
            "driver is 525.147.05, and the images of the engines need 535",
        ),
        (
            {"gpus": replace(GPUS, found=GPUS.found[:2])},
            "hearth:gpuNodePools[0].gpuIds",
            "the stack uses GPU 2",
        ),
        (
            {"gpus": replace(GPUS, found=(*GPUS.found[:3], Gpu(3, "NVIDIA L4", 12288)))},
            "hearth:gpuNodePools[0].gpu",
            "GPU 3 is a NVIDIA L4 with 12288 MiB",
        ),
        ({"memory_bytes": 16 * GIB}, "hearth:cpuNodes.memoryGib", "and the host has 16.0"),
        ({"free_disk_bytes": 5 * GIB}, "hearth:storage.hostPath", "/var/lib/docker has 5.0"),
        (
            {"published": (OTHER_STACK,)},
            "hearth:docker.publish.web-ui",
            "container hearth-dev-web-ui of stack dev listens there already",
        ),
        (
            {"published": (replace(OTHER_STACK, stack=None),)},
            "hearth:docker.publish.web-ui",
            "container hearth-dev-web-ui listens",
        ),
        ({"busy_ports": frozenset({8000})}, "hearth:docker.publish.qwen3-8b", "another program listens there already"),
    ],
)
def test_what_is_missing_is_named_with_its_setting(
    gpu_plan: Plan, facts: Mapping[str, Any], key: str, why: str
) -> None:
    problems = found(gpu_plan, **facts)

    assert list(problems) == [key]
    assert why in problems[key]


@pytest.mark.parametrize(
    "facts",
    [
        {"version": "20.10.24+dfsg1"},
        {"gpus": None},
        {"gpus": replace(GPUS, found=tuple(replace(gpu, memory_mib=None) for gpu in GPUS.found))},
        {"free_disk_bytes": None},
        {"published": (replace(OTHER_STACK, address="192.0.2.1"),)},
        {"published": (replace(OTHER_STACK, stack="test"),), "busy_ports": frozenset({3000})},
        {"busy_ports": frozenset({8080})},
    ],
    ids=[
        "Debian's engine",
        "GPUs of another machine",
        "GPUs that share their host's memory",
        "disk of another machine",
        "the port at another address",
        "the stack's own port",
        "a port of others",
    ],
)
def test_what_is_no_problem(gpu_plan: Plan, facts: Mapping[str, Any]) -> None:
    assert found(gpu_plan, **facts) == {}


def test_a_stack_without_gpus_needs_neither_driver_nor_toolkit(cpu_plan: Plan) -> None:
    assert found(cpu_plan, gpus=None, toolkit=False) == {}


def test_what_a_cache_holds_is_not_downloaded_again(cpu_plan: Plan) -> None:
    assert cpu_plan.docker
    (cache,) = cpu_plan.docker.caches.values()
    little = GIB // 2

    assert found(cpu_plan, free_disk_bytes=little)
    assert found(cpu_plan, free_disk_bytes=little, kept_bytes={cache: GIB}) == {}


def test_a_cache_that_the_engine_does_not_measure_counts_as_full(cpu_plan: Plan) -> None:
    assert cpu_plan.docker
    (cache,) = cpu_plan.docker.caches.values()

    assert found(cpu_plan, free_disk_bytes=0, kept_bytes={cache: None}) == {}


def test_everything_is_found_at_once(gpu_plan: Plan) -> None:
    problems = found(gpu_plan, toolkit=False, memory_bytes=GIB, free_disk_bytes=0, busy_ports=frozenset({3000}))

    assert len(problems) == 4
