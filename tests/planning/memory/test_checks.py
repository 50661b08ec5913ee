"""What an engine refuses before it looks at memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hearth.catalog.models import find
from hearth.planning.memory.checks import Misfit, find_misfits, tensor_parallel_problem, tensor_sizes
from hearth.planning.memory.deployment import Deployment
from tests.planning.memory import shapes
from tests.planning.memory.deployments import deploy


def misfits(deployment: Deployment) -> dict[str, Misfit]:
    return {misfit.field: misfit for misfit in find_misfits(deployment)}


@pytest.mark.parametrize(
    "deployment",
    [
        deploy("QwQ-32B", "H100-80GB", tensor=8, context_length=32768),
        deploy("DeepSeek-R1", "H200-141GB", tensor=16, kv_cache_dtype="fp8"),
        deploy("gpt-oss-120b", "H100-80GB", tensor=8),
        deploy("Qwen3-30B-A3B", "L4-24GB", tensor=8),
    ],
    ids=lambda deployment: deployment.model,
)
def test_what_works_has_no_misfit(deployment: Deployment) -> None:
    assert misfits(deployment) == {}


@pytest.mark.parametrize(
    ("model", "sizes"),
    [
        ("QwQ-32B", (1, 2, 4, 8)),
        ("Qwen3-32B", (1, 2, 4, 8, 16, 32)),
        ("DeepSeek-R1", (1, 2, 4, 8, 16)),
        ("gemma-3-27b-it", (1, 2, 4, 8, 16, 32)),
        ("gemma-3-4b-it", (1, 2, 4, 8)),
    ],
)
def test_the_sizes_that_a_model_allows(model: str, sizes: tuple[int, ...]) -> None:
    assert tensor_sizes(find(model).architecture) == sizes


def test_heads_must_be_divisible() -> None:
    assert "40 is not divisible by 3" in misfits(deploy("QwQ-32B", "H100-80GB", tensor=3))["tensor_parallel"].why


def test_a_misfit_names_the_sizes_that_work() -> None:
    assert misfits(deploy("QwQ-32B", "H100-80GB", tensor=16))["tensor_parallel"].remedy == "choose one of 1, 2, 4, 8"


def test_kv_heads_must_be_divided_or_repeated_evenly() -> None:
    model = replace(shapes.LLAMA_8B, attention_heads=48)
    assert "8 KV heads" in (tensor_parallel_problem(model, 12) or "")
    assert [tensor_parallel_problem(model, size) for size in (4, 16)] == [None, None]


@pytest.mark.parametrize(("model", "what"), [("DeepSeek-R1", "MLPs"), ("Qwen3-235B-A22B-Thinking-2507-FP8", "experts")])
def test_blocks_of_quantised_weights_must_stay_whole(model: str, what: str) -> None:
    assert what in misfits(deploy(model, "H200-141GB", tensor=32))["tensor_parallel"].why


def test_whole_experts_need_no_whole_blocks() -> None:
    sliced = deploy("Qwen3-235B-A22B-Thinking-2507-FP8", "H100-80GB", tensor=8)
    assert "tensor_parallel" in misfits(sliced)
    assert misfits(replace(sliced, expert_parallel=True)) == {}


def test_stages_need_a_layer_each() -> None:
    assert "36 layers" in misfits(deploy("Qwen3-8B", "L4-24GB", pipeline=37))["pipeline_parallel"].why


@pytest.mark.parametrize(
    ("model", "gpu", "dtype", "version"),
    [
        ("QwQ-32B", "A100-80GB", "fp8", "0.19.0"),
        ("QwQ-32B", "H100-80GB", "float7", "0.19.0"),
        ("QwQ-32B", "H100-80GB", "nvfp4", "0.10.2"),
        ("DeepSeek-R1", "H200-141GB", "fp8_e5m2", "0.19.0"),
    ],
)
def test_the_cache_needs_a_type_that_engine_gpu_and_model_have(model: str, gpu: str, dtype: str, version: str) -> None:
    deployment = deploy(model, gpu, tensor=8, kv_cache_dtype=dtype, engine_version=version)
    assert misfits(deployment)["kv_cache_dtype"].value == dtype


@pytest.mark.parametrize(("context", "wrong"), [(40960, False), (40961, True), (None, False)])
def test_the_context_ends_with_the_models(context: int | None, wrong: bool) -> None:
    assert ("context_length" in misfits(deploy("Qwen3-8B", "H100-80GB", context_length=context))) is wrong


def test_every_misfit_is_found_at_once() -> None:
    deployment = deploy("Qwen3-8B", "A100-80GB", tensor=3, context_length=10**6, kv_cache_dtype="fp8")
    assert set(misfits(deployment)) == {"tensor_parallel", "kv_cache_dtype", "context_length"}
