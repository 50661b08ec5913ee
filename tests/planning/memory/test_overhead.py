"""What moves the overhead, and by how much. measurements.yaml has the sizes that engines logged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hearth.engines.flags import release
from hearth.planning.memory.batching import Batching
from hearth.planning.memory.deployment import Deployment
from hearth.planning.memory.fit import fit
from hearth.planning.memory.overhead import Overhead, vllm_overhead
from tests.planning.memory.deployments import deploy

QWEN = deploy("Qwen3-14B", "H100-80GB")
HYBRID = deploy("Qwen3-Next-80B-A3B-Instruct", "H100-80GB", tensor=4)
GIB = 2**30


def overhead(deployment: Deployment, requests: int = 256, tokens: int = 8192) -> Overhead:
    return vllm_overhead(deployment, release(deployment.engine_version)[0], Batching(requests, tokens))


def at(deployment: Deployment, *versions: str) -> list[Overhead]:
    return [overhead(replace(deployment, engine_version=version), requests=1024) for version in versions]


def test_the_sampler_grows_with_requests_and_vocabulary() -> None:
    some, more = overhead(QWEN, requests=512), overhead(QWEN, requests=1024)
    assert more.activations - some.activations == pytest.approx(512 * 151936 * 15 / GIB)


def test_few_requests_leave_the_forward_pass_as_the_peak() -> None:
    assert overhead(QWEN, requests=1).activations == overhead(QWEN, requests=8).activations


def test_the_forward_pass_grows_with_the_tokens_of_a_step() -> None:
    some, more = (overhead(QWEN, requests=1, tokens=tokens).activations for tokens in (8192, 16384))
    assert more == pytest.approx(2 * some)


def test_tensor_parallel_divides_the_mlp_but_not_the_hidden_states() -> None:
    one, two = (overhead(deploy("Qwen3-14B", "H100-80GB", tensor=size), requests=1).activations for size in (1, 2))
    assert one / 2 < two < one


def test_the_sampler_of_0_17_is_leaner_and_that_of_v0_too() -> None:
    v0, v1, lean = (each.activations for each in at(QWEN, "0.7.3", "0.16.0", "0.17.0"))
    assert v1 > 2 * lean
    assert v1 > 2 * v0


def test_an_embedding_model_samples_nothing() -> None:
    pooling = deploy("bge-m3", "H100-80GB")
    assert overhead(pooling, requests=1024).activations == overhead(pooling, requests=1).activations


def test_graphs_count_within_the_share_since_0_20() -> None:
    beside, within = at(QWEN, "0.19.0", "0.20.0")
    assert (beside.graphs, within.graphs_beside) == (0, 0)
    assert beside.graphs_beside == within.graphs > 0.5


def test_eager_mode_has_no_graphs() -> None:
    eager = overhead(replace(QWEN, enforce_eager=True))
    assert (eager.graphs, eager.graphs_beside) == (0, 0)


def test_stages_capture_their_own_layers() -> None:
    assert overhead(deploy("Qwen3-14B", "H100-80GB", pipeline=2)).graphs_beside < overhead(QWEN).graphs_beside


def test_communication_takes_memory_from_two_ranks_on() -> None:
    two = deploy("Qwen3-14B", "L40S-48GB", tensor=2)
    assert overhead(two).buffers > overhead(deploy("Qwen3-14B", "L40S-48GB")).buffers


@pytest.mark.parametrize(
    ("gpu", "tensor", "version", "large"),
    [
        ("H100-80GB", 2, "0.16.0", False),
        ("H100-80GB", 2, "0.17.0", True),
        ("H100-80GB", 4, "0.9.2", True),
        ("A100-80GB", 4, "0.19.0", False),
        ("RTXPRO6000-96GB", 4, "0.19.0", False),
    ],
)
def test_hopper_and_newer_take_a_large_workspace(gpu: str, tensor: int, version: str, large: bool) -> None:
    deployment = deploy("Qwen3-14B", gpu, tensor=tensor, engine_version=version)
    assert (overhead(deployment).buffers > 2) is large


def test_experts_of_several_copies_see_the_tokens_of_all() -> None:
    one, eight = (deploy("Qwen3-Coder-480B-A35B-Instruct-FP8", "H200-141GB", data=copies) for copies in (1, 8))
    assert overhead(eight, requests=1).activations > 3 * overhead(one, requests=1).activations


def test_copies_of_a_dense_model_take_no_more() -> None:
    assert overhead(deploy("Qwen3-14B", "H100-80GB", data=8)) == overhead(QWEN)


def test_a_vision_tower_is_profiled_too() -> None:
    text = deploy("Mistral-Small-3.2-24B-Instruct-2506", "H100-80GB")
    without = replace(text, architecture=replace(text.architecture, multimodal=False))
    assert overhead(text).activations - overhead(without).activations == pytest.approx(0.5)


def test_large_images_take_more() -> None:
    large = deploy("Qwen3.5-35B-A3B", "H100-80GB")
    without = replace(large, architecture=replace(large.architecture, multimodal=False))
    assert overhead(large).activations - overhead(without).activations > 2


def test_sparse_attention_takes_a_wide_forward_pass() -> None:
    dense, sparse = (overhead(deploy(f"DeepSeek-{name}", "H200-141GB", tensor=8)) for name in ("V3.1", "V3.2"))
    assert sparse.activations > dense.activations
    assert sparse.graphs_beside > dense.graphs_beside + 4


@pytest.mark.parametrize(("version", "kept"), [("0.17.0", False), ("0.18.0", True), ("0.20.0", False)])
def test_the_warm_up_of_linear_attention_was_kept_for_some_versions(version: str, kept: bool) -> None:
    plain = at(replace(HYBRID, architecture=QWEN.architecture), version)[0].buffers
    extra = at(HYBRID, version)[0].buffers - plain
    assert (extra > 3) is kept


def test_versions_without_a_published_log_have_the_largest_margin() -> None:
    old, charged, new = (each.margin for each in at(QWEN, "0.19.0", "0.29.0", "0.33.0"))
    assert old < charged < new


@pytest.mark.parametrize("version", ["0.0.0", "0.6.3", "0.8.0", "0.33.0", "1.0.0", "99.9.9"])
def test_every_version_has_an_overhead(version: str) -> None:
    assert 0.5 < at(QWEN, version)[0].total < 12


def test_adapters_take_buffers_of_their_rank() -> None:
    without, some, more = (overhead(replace(QWEN, adapter_rank=rank)).buffers for rank in (0, 16, 32))
    assert 0 < some - without == pytest.approx((more - without) / 2)


def test_sglangs_activations_must_find_room_beside_its_share() -> None:
    """Half of a percent of an H100 is less than one step takes."""
    usual, greedy = (
        fit(deploy("Qwen3-14B", "H100-80GB", engine="sglang", gpu_memory_utilization=share)) for share in (0.88, 0.995)
    )
    assert greedy.overhead_gib > usual.overhead_gib + 1
