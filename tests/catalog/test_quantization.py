"""How config.json says that weights and KV cache are quantised."""

from __future__ import annotations

from typing import Any

import pytest

from hearth.catalog.architecture import Quantization
from hearth.catalog.config_json import read_architecture
from tests.catalog import sample_configs as samples
from tests.catalog.sample_configs import Config


def _w4(**changes: Any) -> Config:
    weights = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 32, "symmetric": True, **changes}
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": weights}}}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param({"quant_method": "fp8"}, Quantization("fp8", 8), id="fp8"),
        pytest.param(
            {"quant_method": "fp8", "weight_block_size": [128, 128]},
            Quantization("fp8", 8 + 32 / 16384, 128),
            id="fp8 in blocks",
        ),
        pytest.param(
            {"quant_method": "awq", "bits": 4, "group_size": 128}, Quantization("awq", 4 + 20 / 128, 128), id="awq"
        ),
        pytest.param({"quant_method": "gptq", "bits": 8, "group_size": -1}, Quantization("gptq", 8), id="gptq"),
        pytest.param(_w4(), Quantization("compressed-tensors", 4.5, 32), id="int4"),
        pytest.param(_w4(type="float", group_size=16), Quantization("compressed-tensors", 4.5, 16), id="nvfp4"),
        pytest.param(
            _w4(num_bits=8, type="float", strategy="channel", group_size=None),
            Quantization("compressed-tensors", 8),
            id="fp8 by channel",
        ),
        pytest.param(
            {"quant_method": "modelopt", "quant_algo": "NVFP4"}, Quantization("modelopt", 4.5, 16), id="modelopt"
        ),
        pytest.param({"quant_method": "modelopt", "quant_algo": "FP8"}, Quantization("modelopt", 8), id="modelopt fp8"),
        pytest.param({"quant_method": "mxfp4"}, Quantization("mxfp4", 4.25), id="mxfp4"),
        pytest.param(
            {"quant_method": "bitsandbytes", "load_in_4bit": True}, Quantization("bitsandbytes", 4.5), id="bitsandbytes"
        ),
    ],
)
def test_quantization(config: Config, expected: Quantization) -> None:
    assert read_architecture({**samples.QWEN3_8B, "quantization_config": config}).quantization == expected


def test_widest_group_of_a_mixed_checkpoint_counts() -> None:
    groups = {"a": {"weights": {"num_bits": 4, "group_size": 16, "type": "float"}}, "b": {"weights": {"num_bits": 8}}}
    mixed = {"quant_method": "compressed-tensors", "config_groups": groups}
    quantization = read_architecture({**samples.QWEN3_8B, "quantization_config": mixed}).quantization
    assert quantization
    assert quantization.bits == 8


def test_hf_quant_config_of_modelopt() -> None:
    config = {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8"}}
    architecture = read_architecture({**samples.QWEN3_8B, **config})
    assert (architecture.quantization, architecture.kv_cache_dtype) == (Quantization("modelopt", 4.5, 16), "fp8")


@pytest.mark.parametrize(
    "excluded",
    [
        pytest.param(["re:.*self_attn.*", "lm_head"], id="regular expression"),
        pytest.param(["model.layers.*.self_attn"], id="glob"),
        pytest.param([f"model.layers.{layer}.self_attn.q_proj" for layer in range(36)], id="every layer"),
    ],
)
def test_attention_that_is_not_quantized(excluded: list[str]) -> None:
    config = {**samples.QWEN3_8B, "quantization_config": {"quant_method": "fp8", "modules_to_not_convert": excluded}}
    quantization = read_architecture(config).quantization
    assert quantization
    assert quantization.unquantized == {"attention", "key_value"}


@pytest.mark.parametrize(
    "excluded", ["model.layers.0.self_attn", "lm_head", "model.layers.3.mlp.gate", "visual.*.attn"]
)
def test_single_modules_that_are_not_quantized_do_not_count(excluded: str) -> None:
    config = {**samples.QWEN3_8B, "quantization_config": {"quant_method": "fp8", "ignored_layers": [excluded]}}
    quantization = read_architecture(config).quantization
    assert quantization
    assert not quantization.unquantized


_KIMI_K2_THINKING = {
    **samples.DEEPSEEK_V3,
    "quantization_config": {
        **_w4(),
        "ignore": ["lm_head", "re:.*self_attn.*", "re:.*shared_experts.*", r"re:.*mlp\.(gate|up|gate_up|down)_proj.*"],
    },
}


@pytest.mark.parametrize(
    ("config", "bits"),
    [
        pytest.param(samples.GPT_OSS_20B, 4.25, id="gpt-oss"),
        pytest.param(_KIMI_K2_THINKING, 4.5, id="Kimi-K2-Thinking"),
        pytest.param(samples.DEEPSEEK_V3, None, id="everything quantised"),
        pytest.param(samples.QWEN3_30B_A3B, None, id="nothing quantised"),
    ],
)
def test_experts_alone_have_bits_of_their_own(config: Config, bits: float | None) -> None:
    assert read_architecture(config).parameters.expert_bits == bits


@pytest.mark.parametrize(
    "asked",
    [
        {**_w4(), "kv_cache_scheme": {"num_bits": 8, "type": "float"}},
        {"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_quant_algo": "FP8"},
    ],
)
def test_checkpoint_that_asks_for_a_quantized_cache(asked: Config) -> None:
    assert read_architecture({**samples.QWEN3_8B, "quantization_config": asked}).kv_cache_dtype == "fp8"


def test_fp8_weights_alone_do_not_quantize_the_cache() -> None:
    assert read_architecture(samples.DEEPSEEK_V3).kv_cache_dtype is None
