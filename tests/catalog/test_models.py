"""The catalog of models agrees with itself and with published figures."""

from __future__ import annotations

import pytest

from hearth.catalog.models import CatalogModel, models

EACH = pytest.mark.parametrize(("source", "model"), models().items(), ids=models().keys())


@EACH
def test_weights_are_what_the_parameters_take(source: str, model: CatalogModel) -> None:
    bytes_per_parameter = model.weights_bytes / model.parameters
    assert 0.5 < bytes_per_parameter < 2.01, f"{source}: 4-bit to 16-bit weights expected"


@EACH
def test_attention_heads_share_key_value_heads_evenly(source: str, model: CatalogModel) -> None:
    assert model.attention_heads % model.kv_heads == 0, source


@EACH
def test_sliding_layers_have_a_window(source: str, model: CatalogModel) -> None:
    assert (model.sliding_layers > 0) == (model.sliding_window > 0), source


@pytest.mark.parametrize(
    ("source", "kv_bytes"),
    [
        ("Qwen/QwQ-32B", 262_144),
        ("Qwen/Qwen3-8B", 147_456),
        ("meta-llama/Llama-3.3-70B-Instruct", 327_680),
        ("deepseek-ai/DeepSeek-R1", 70_272),
        ("openai/gpt-oss-120b", 36_864),
        ("google/gemma-3-27b-it", 81_920),
    ],
)
def test_cache_per_token_is_the_published_figure(source: str, kv_bytes: int) -> None:
    assert models()[source].kv_bytes_per_token == kv_bytes


def test_cache_of_a_request_grows_with_the_context() -> None:
    model = models()["Qwen/QwQ-32B"]
    assert model.kv_cache_bytes(32_768) == 32_768 * model.kv_bytes_per_token


def test_sliding_layers_stop_growing_beyond_their_window() -> None:
    model = models()["google/gemma-3-27b-it"]
    assert model.kv_cache_bytes(131_072) - model.kv_cache_bytes(65_536) == 65_536 * model.kv_bytes_per_token


def test_sliding_layers_count_below_their_window() -> None:
    model = models()["openai/gpt-oss-20b"]
    assert model.kv_cache_bytes(1024) == 2 * 1024 * model.kv_bytes_per_token


def test_latent_attention_is_whole_on_each_gpu() -> None:
    assert models()["deepseek-ai/DeepSeek-R1"].kv_sharding == "replicated"


def test_engines_have_their_own_parser_names() -> None:
    parsers = models()["openai/gpt-oss-120b"].parsers
    assert (parsers["vllm"].reasoning, parsers["sglang"].reasoning) == ("openai_gptoss", "gpt-oss")


def test_model_without_a_tool_mode_has_no_tool_parser() -> None:
    assert models()["deepseek-ai/DeepSeek-R1"].parsers["vllm"].tool_call is None
