"""Counted parameters and bytes are the published ones."""

from __future__ import annotations

import pytest

from hearth.catalog.config_json import read_architecture
from hearth.catalog.parameters import stored_bits, weight_bytes
from tests.catalog import sample_configs as samples
from tests.catalog.sample_configs import Config


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        pytest.param(samples.QWQ_32B, 32_763_876_352, id="QwQ-32B"),
        pytest.param(samples.QWEN3_8B, 8_190_735_360, id="Qwen3-8B"),
        pytest.param(samples.QWEN3_30B_A3B, 30_532_122_624, id="Qwen3-30B-A3B"),
        pytest.param(samples.QWEN3_235B_A22B, 235_093_634_560, id="Qwen3-235B-A22B"),
        pytest.param(samples.QWEN3_NEXT_80B, 79_674_391_296, id="Qwen3-Next-80B-A3B"),
        pytest.param(samples.LLAMA_3_1_8B, 8_030_261_248, id="Llama-3.1-8B"),
        pytest.param(samples.LLAMA_3_1_70B, 70_553_706_496, id="Llama-3.1-70B"),
        pytest.param(samples.DEEPSEEK_V3, 671_026_419_200, id="DeepSeek-V3"),
        pytest.param(samples.GPT_OSS_20B, 20_914_757_184, id="gpt-oss-20b"),
        pytest.param(samples.GPT_OSS_120B, 116_829_156_672, id="gpt-oss-120b"),
        pytest.param(samples.MIXTRAL_8X7B, 46_702_792_704, id="Mixtral-8x7B"),
        pytest.param(samples.PHI_4, 14_659_507_200, id="phi-4"),
    ],
)
def test_parameters_are_exactly_the_published_number(config: Config, parameters: int) -> None:
    assert read_architecture(config).parameters.total == parameters


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        pytest.param(samples.GEMMA3_4B, 4_300_079_472, id="gemma-3-4b"),
        pytest.param(samples.GEMMA3_12B, 12_187_325_040, id="gemma-3-12b"),
        pytest.param(samples.GEMMA3_27B, 27_432_406_640, id="gemma-3-27b"),
        pytest.param(samples.BGE_M3, 567_754_752, id="bge-m3"),
        pytest.param(samples.NEMOTRON_NANO_9B, 8.89e9, id="Nemotron-Nano-9B-v2"),
        pytest.param(samples.LLAMA_4_SCOUT, 108.64e9, id="Llama-4-Scout"),
        pytest.param(samples.KIMI_LINEAR_48B, 49.1e9, id="Kimi-Linear-48B-A3B"),
    ],
)
def test_towers_and_old_biases_are_close(config: Config, parameters: float) -> None:
    assert read_architecture(config).parameters.total == pytest.approx(parameters, rel=0.005)


@pytest.mark.parametrize(
    ("config", "with_draft"),
    [
        pytest.param(samples.DEEPSEEK_V3, 684.49e9, id="DeepSeek-V3"),
        pytest.param(samples.GLM_4_5_AIR, 110.47e9, id="GLM-4.5-Air"),
        pytest.param(samples.QWEN3_NEXT_80B, 81.32e9, id="Qwen3-Next-80B-A3B"),
    ],
)
def test_prediction_layers_count_apart(config: Config, with_draft: float) -> None:
    counts = read_architecture(config).parameters
    assert counts.total + counts.draft == pytest.approx(with_draft, rel=0.001)


@pytest.mark.parametrize(
    ("config", "size"),
    [
        pytest.param(samples.QWQ_32B, 65_527_752_704, id="QwQ-32B"),
        pytest.param(samples.LLAMA_3_1_70B, 141_107_412_992, id="Llama-3.3-70B"),
        pytest.param(samples.GEMMA3_27B, 54_864_812_768, id="gemma-3-27b"),
    ],
)
def test_bytes_of_unquantized_files(config: Config, size: int) -> None:
    assert weight_bytes(read_architecture(config)) == pytest.approx(size, rel=0.001)


@pytest.mark.parametrize(
    ("config", "size"),
    [
        pytest.param(samples.DEEPSEEK_V3, 688_586_727_753, id="DeepSeek-R1"),
        pytest.param(samples.GPT_OSS_20B, 13_761_264_768, id="gpt-oss-20b"),
        pytest.param(samples.GPT_OSS_120B, 65.25e9, id="gpt-oss-120b"),
    ],
)
def test_bytes_of_quantized_files(config: Config, size: float) -> None:
    assert weight_bytes(read_architecture(config)) == pytest.approx(size, rel=0.003)


def test_engines_load_less_than_the_files_where_there_is_a_prediction_layer() -> None:
    architecture = read_architecture(samples.DEEPSEEK_V3)
    assert weight_bytes(architecture, draft=False) == pytest.approx(673e9, rel=0.005)


def test_float32_files_are_twice_as_large_as_what_is_loaded() -> None:
    architecture = read_architecture(samples.BGE_M3)
    assert weight_bytes(architecture) == 4 * architecture.parameters.total


def test_only_the_experts_of_gpt_oss_are_quantized() -> None:
    bits = stored_bits(read_architecture(samples.GPT_OSS_20B), 2)
    assert bits == {
        "embedding": 16,
        "attention": 16,
        "key_value": 16,
        "dense": 4.25,
        "experts": 4.25,
        "replicated": 16,
    }


def test_experts_are_most_of_a_mixture() -> None:
    counts = read_architecture(samples.QWEN3_30B_A3B).parameters
    assert counts.experts / counts.total > 0.9


def test_dense_models_have_no_experts() -> None:
    assert read_architecture(samples.QWEN3_8B).parameters.experts == 0


def test_tied_embeddings_count_once() -> None:
    tied = {**samples.QWEN3_8B, "tie_word_embeddings": True}
    assert read_architecture(tied).parameters.embedding == 151936 * 4096


def test_towers_are_replicated() -> None:
    with_tower = read_architecture(samples.GEMMA3_4B).parameters
    without = read_architecture({**samples.GEMMA3_4B, "vision_config": None}).parameters
    assert with_tower.replicated - without.replicated == pytest.approx(420e6, rel=0.02)
