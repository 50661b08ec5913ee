"""What each rank holds of the weights. measurements.yaml has the sizes that engines logged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hearth.catalog.models import find
from hearth.planning.memory.deployment import GIB
from hearth.planning.memory.weights import catalog_bytes, loaded_bytes, most_kv_heads, rank_bytes
from tests.planning.memory.deployments import deploy


def test_one_rank_holds_everything() -> None:
    alone = deploy("QwQ-32B", "H100-80GB")
    assert rank_bytes(alone) == pytest.approx(alone.weights_bytes)


@pytest.mark.parametrize("model", ["QwQ-32B", "Llama-3.3-70B-Instruct", "DeepSeek-R1", "gpt-oss-120b"])
@pytest.mark.parametrize("tensor", [2, 4, 8])
def test_ranks_together_hold_the_model_and_what_is_repeated(model: str, tensor: int) -> None:
    deployment = deploy(model, "H200-141GB", tensor=tensor)
    repeated = tensor * rank_bytes(deployment) / deployment.weights_bytes - 1
    assert 0 <= repeated < 0.25


def test_kv_projections_are_not_cut_beyond_their_heads() -> None:
    model = "Qwen3-30B-A3B"
    assert most_kv_heads(find(model).architecture) == 4
    four, eight = (rank_bytes(deploy(model, "H100-80GB", tensor=ranks)) for ranks in (4, 8))
    assert eight > four / 2


def test_latent_projections_are_whole_on_every_rank() -> None:
    replicated = find("DeepSeek-R1").architecture.parameters.replicated
    eight, sixteen = (rank_bytes(deploy("DeepSeek-R1", "H200-141GB", tensor=ranks)) for ranks in (8, 16))
    assert 2 * sixteen - eight == pytest.approx(2 * replicated, rel=0.05)


def test_the_copies_of_vllm_share_the_experts() -> None:
    alone, copies = deploy("DeepSeek-R1", "H200-141GB"), deploy("DeepSeek-R1", "H200-141GB", data=8)
    assert rank_bytes(copies) < 0.2 * rank_bytes(alone)


def test_the_copies_of_a_dense_model_share_nothing() -> None:
    copies = deploy("QwQ-32B", "H100-80GB", data=4)
    assert rank_bytes(copies) == pytest.approx(copies.weights_bytes)


def test_a_stage_holds_its_layers_and_one_end_of_the_model() -> None:
    model = deploy("QwQ-32B", "H100-80GB", pipeline=4)
    embedding = 152064 * 5120 * 2
    layers = model.weights_bytes - 2 * embedding
    assert rank_bytes(model) == pytest.approx(layers / 4 + embedding, rel=0.001)


def test_the_fullest_stage_has_one_layer_more_where_they_do_not_divide() -> None:
    even, odd = (rank_bytes(deploy("QwQ-32B", "H100-80GB", pipeline=stages)) for stages in (4, 5))
    assert even * 13 / 16 == pytest.approx(odd, rel=0.03)


def test_given_weights_are_divided_like_the_models() -> None:
    deployment = deploy("QwQ-32B", "H100-80GB", tensor=2)
    heavier = replace(deployment, weights_bytes=2 * deployment.weights_bytes)
    assert rank_bytes(heavier) == pytest.approx(2 * rank_bytes(deployment))


def test_layers_for_multi_token_prediction_are_not_loaded() -> None:
    stored = find("DeepSeek-R1")
    assert 10 < (stored.weights_bytes - catalog_bytes(stored)) / GIB < 16


def test_float32_weights_are_loaded_in_16_bits() -> None:
    architecture = replace(find("Qwen3-8B").architecture, checkpoint_dtype_bytes=4)
    assert loaded_bytes(architecture, 32 * GIB) == pytest.approx(16 * GIB)


def test_what_a_log_showed_is_taken_for_what_is_loaded() -> None:
    model = find("gpt-oss-120b")
    assert model.loaded_bytes == catalog_bytes(model) != model.weights_bytes
