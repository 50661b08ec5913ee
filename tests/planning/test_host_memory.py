"""What a model takes beside its GPUs: host memory, shared memory, volume, time to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearth.engines.flags import UnknownVersion
from hearth.planning.memory.host import host_memory_gib, shared_memory_gib
from hearth.planning.plan import ModelPlan, Plan
from hearth.planning.stack import make_plan
from hearth.settings.loading import load_stack
from hearth.workload import ScratchVolume

ROOT = Path(__file__).parents[2]
PROD = ("deepseek-r1", "gpt-oss-120b", "qwq-32b")
MODELS = pytest.mark.parametrize("name", PROD)


@pytest.fixture(scope="module")
def prod() -> Plan:
    return make_plan(load_stack(ROOT, "prod"))


def found(plan: Plan, name: str) -> ModelPlan:
    return next(model for model in plan.models if model.name == name)


def test_every_rank_takes_as_much_again() -> None:
    sizes = [host_memory_gib("vllm", "0.33.0", gpus) for gpus in (1, 2, 3)]
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0] > 0


@pytest.mark.parametrize("gpus", [1, 8])
def test_shared_memory_is_part_of_it(gpus: int) -> None:
    assert shared_memory_gib(gpus) < host_memory_gib("vllm", "0.33.0", gpus)


@pytest.mark.parametrize(("version", "swap_gib"), [("0.8.0", 4), ("0.33.0", 0)])
def test_vllm_kept_swap_space_for_each_gpu(version: str, swap_gib: int) -> None:
    assert host_memory_gib("vllm", version, 4) - host_memory_gib("sglang", "0.5.21", 4) == swap_gib * 4


def test_an_image_without_a_version_is_taken_for_the_newest() -> None:
    assert host_memory_gib("vllm", "", 2) == host_memory_gib("vllm", "0.33.0", 2)


def test_a_version_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownVersion):
        host_memory_gib("vllm", "0.1.0", 2)


@MODELS
def test_a_server_asks_for_the_memory_of_its_ranks(prod: Plan, name: str) -> None:
    model = found(prod, name)
    expected = host_memory_gib(model.engine, model.engine_version, model.gpus_per_replica)
    assert model.server.container.resources.memory_gib == expected


@MODELS
def test_a_server_has_shared_memory_for_its_ranks(prod: Plan, name: str) -> None:
    model = found(prod, name)
    [volume] = [m.volume for m in model.server.container.mounts if m.path == "/dev/shm"]
    assert isinstance(volume, ScratchVolume)
    assert (volume.size_gib, volume.in_memory) == (shared_memory_gib(model.gpus_per_replica), True)


@pytest.mark.parametrize(("name", "size_gib"), [("deepseek-r1", 706), ("gpt-oss-120b", 67), ("qwq-32b", 68)])
def test_the_volume_has_room_for_the_weights_and_a_tenth_more(prod: Plan, name: str, size_gib: int) -> None:
    [download] = found(prod, name).downloads
    assert download.claim.size_gib == size_gib


@pytest.mark.parametrize(("name", "seconds"), [("deepseek-r1", 3230), ("gpt-oss-120b", 850), ("qwq-32b", 850)])
def test_a_server_may_start_for_as_long_as_reading_and_compiling_take(prod: Plan, name: str, seconds: int) -> None:
    probes = found(prod, name).server.probes
    assert probes
    assert probes.startup.period_seconds * probes.startup.failure_threshold == seconds


@MODELS
def test_a_rollout_waits_for_the_start(prod: Plan, name: str) -> None:
    server = found(prod, name).server
    assert server.probes
    budget = server.probes.startup.period_seconds * server.probes.startup.failure_threshold
    assert budget < server.rollout.progress_deadline_seconds < server.ready_timeout_seconds


@MODELS
def test_a_download_may_take_as_long_as_a_slow_line_needs(prod: Plan, name: str) -> None:
    model = found(prod, name)
    assert model.downloads[0].job.ready_timeout_seconds >= max(3600, model.weights_gib * 1024 / 10)


@MODELS
def test_a_download_knows_how_much_to_expect(prod: Plan, name: str) -> None:
    model = found(prod, name)
    expected = int(model.downloads[0].job.container.env["EXPECTED_BYTES"])
    assert expected == pytest.approx(model.weights_gib * 2**30, abs=1)
