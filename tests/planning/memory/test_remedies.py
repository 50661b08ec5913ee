"""Each remedy works, and none is proposed that does not."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from hearth.planning.memory.checks import find_misfits
from hearth.planning.memory.deployment import Deployment
from hearth.planning.memory.fit import fit
from hearth.planning.memory.remedies import STEP, Remedy, find_remedies
from tests.planning.memory.deployments import deploy

TIGHT = deploy("QwQ-32B", "RTX4090-24GB", tensor=4, engine_version="0.29.0", gpu_memory_utilization=0.85)
DEPLOYMENTS = {
    "long context": TIGHT,
    "no room for weights": deploy("Llama-3.3-70B-Instruct", "H100-80GB", context_length=8192),
    "no FP8": deploy("QwQ-32B", "A100-40GB", tensor=2),
    "many requests": deploy("gpt-oss-120b", "H100-80GB", engine_version="0.10.0"),
    "small share": deploy("Qwen3-8B", "L4-24GB", gpu_memory_utilization=0.75),
    "sglang": deploy("DeepSeek-R1", "H100-80GB", tensor=8, engine="sglang"),
    "latent": deploy("DeepSeek-R1", "H100-80GB", tensor=8),
    "too many users": deploy("Qwen3-8B", "H100-80GB", concurrent_users=40),
    "hybrid": deploy(
        "Qwen3-Next-80B-A3B-Instruct",
        "H100-80GB",
        tensor=4,
        engine_version="0.29.0",
        max_num_seqs=1024,
        gpu_memory_utilization=0.58,
    ),
}


def remedies(deployment: Deployment, gpus: int = 8) -> dict[str, Remedy]:
    return {remedy.field: remedy for remedy in find_remedies(deployment, gpus)}


def changed(deployment: Deployment, remedy: Remedy) -> Deployment:
    if remedy.field in {each.name for each in fields(Deployment)}:
        return replace(deployment, **{remedy.field: remedy.value})
    return replace(deployment, parallelism=replace(deployment.parallelism, tensor=remedy.value))


@pytest.mark.parametrize("deployment", DEPLOYMENTS.values(), ids=list(DEPLOYMENTS))
def test_what_is_to_be_remedied_does_not_fit(deployment: Deployment) -> None:
    assert not fit(deployment).fits


@pytest.mark.parametrize("deployment", DEPLOYMENTS.values(), ids=list(DEPLOYMENTS))
def test_every_remedy_works(deployment: Deployment) -> None:
    for remedy in find_remedies(deployment, 8):
        better = changed(deployment, remedy)
        assert not list(find_misfits(better))
        assert fit(better).fits


@pytest.mark.parametrize("name", ["long context", "many requests", "small share", "too many users", "hybrid"])
def test_there_is_a_remedy(name: str) -> None:
    assert remedies(DEPLOYMENTS[name])


def test_the_longest_context_is_a_round_number() -> None:
    longest = remedies(TIGHT)["context_length"].value
    assert isinstance(longest, int)
    assert longest % STEP == 0 < longest <= fit(TIGHT).max_context


def test_a_smaller_cache_is_not_proposed_where_the_gpu_has_no_fp8() -> None:
    assert "kv_cache_dtype" not in remedies(DEPLOYMENTS["no FP8"])


def test_a_dtype_that_was_chosen_is_left_alone() -> None:
    assert "kv_cache_dtype" not in remedies(replace(TIGHT, kv_cache_dtype="bfloat16"))


def test_each_engine_gets_its_own_name_for_fp8() -> None:
    tight = deploy("QwQ-32B", "RTX4090-24GB", tensor=4, engine="sglang")
    assert remedies(tight)["kv_cache_dtype"].value == "fp8_e4m3"
    assert remedies(TIGHT)["kv_cache_dtype"].value == "fp8"


def test_fewer_requests_are_proposed_where_the_sampler_takes_the_room() -> None:
    remedy = remedies(deploy("Qwen3-32B", "H100-80GB", engine_version="0.11.0", context_length=32000))["max_num_seqs"]
    assert remedy.value == 64


def test_a_larger_share_is_not_proposed_to_sglang() -> None:
    tight = deploy("Qwen3-8B", "L4-24GB", engine="sglang", gpu_memory_utilization=0.6)
    assert "gpu_memory_utilization" not in remedies(tight)


def test_a_larger_share_is_proposed_where_there_is_one() -> None:
    small = deploy("Qwen3-8B", "H100-80GB", gpu_memory_utilization=0.2)
    assert remedies(small)["gpu_memory_utilization"].value == 0.95


def test_a_larger_share_is_not_proposed_where_graphs_need_the_rest() -> None:
    small = deploy("Qwen3-8B", "RTX4090-24GB", engine_version="0.10.2", gpu_memory_utilization=0.7)
    assert "gpu_memory_utilization" not in remedies(small)


@pytest.mark.parametrize(("gpus", "because"), [(8, "takes 2 GPUs"), (1, "takes 2 GPUs instead")])
def test_more_ranks_are_named_with_the_gpus_they_take(gpus: int, because: str) -> None:
    remedy = remedies(DEPLOYMENTS["many requests"], gpus)["tensor_parallel"]
    assert (remedy.value, remedy.because) == (2, because)


def test_ranks_that_the_heads_do_not_allow_are_not_proposed() -> None:
    huge = replace(deploy("QwQ-32B", "L4-24GB", tensor=8), weights_bytes=10**12)
    assert "tensor_parallel" not in remedies(huge)


def test_what_cannot_be_helped_has_no_remedy() -> None:
    assert remedies(replace(TIGHT, weights_bytes=10**15)) == {}
