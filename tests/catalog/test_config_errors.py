"""What is wrong with a config.json is named, with why and the remedy."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hearth.catalog.config_json import ConfigError, read_architecture
from tests.catalog import sample_configs as samples
from tests.catalog.sample_configs import Config

WRONG: Mapping[str, tuple[Config, str, str]] = {
    "no model_type": ({"model_type": None}, "model_type", "is missing"),
    "unknown architecture": ({"model_type": "qwen33"}, "model_type", "like qwen3"),
    "speech": ({"model_type": "whisper"}, "model_type", "speech"),
    "no layers": ({"num_hidden_layers": None}, "num_hidden_layers", "is missing"),
    "no hidden size": ({"hidden_size": None}, "hidden_size", "is missing"),
    "absurdly many layers": ({"num_hidden_layers": 10**30}, "num_hidden_layers", "no model has so many"),
    "no vocabulary": ({"vocab_size": None}, "vocab_size", "is missing"),
    "text for a number": ({"num_hidden_layers": "36"}, "num_hidden_layers", "not a whole number"),
    "fraction": ({"hidden_size": 4096.5}, "hidden_size", "not a whole number"),
    "truth value": ({"num_hidden_layers": True}, "num_hidden_layers", "not a whole number"),
    "zero heads": ({"num_attention_heads": 0}, "num_attention_heads", "from 1"),
    "negative heads": ({"num_attention_heads": -32}, "num_attention_heads", "not a whole number"),
    "zero KV heads": ({"num_key_value_heads": 0}, "num_key_value_heads", "from 1"),
    "uneven KV heads": ({"num_key_value_heads": 7}, "num_key_value_heads", "evenly"),
    "more KV heads than heads": ({"num_key_value_heads": 64}, "num_key_value_heads", "evenly"),
    "uneven head size": ({"model_type": "llama", "head_dim": None, "hidden_size": 4100}, "head_dim", "give head_dim"),
    "too few layer types": ({"layer_types": ["full_attention"] * 3}, "layer_types", "num_hidden_layers is 36"),
    "unknown layer type": ({"layer_types": ["psychic"] * 36}, "layer_types", "does not know"),
    "sliding without a window": ({"layer_types": ["sliding_attention"] * 36}, "sliding_window", "is missing"),
    "window of text": (
        {"sliding_window": "4k", "use_sliding_window": True, "max_window_layers": 0},
        "sliding_window",
        "not a whole number",
    ),
    "switch of text": ({"tie_word_embeddings": "no"}, "tie_word_embeddings", "neither true nor false"),
    "unknown dtype": ({"torch_dtype": "complex64"}, "torch_dtype", "bfloat16"),
    "unknown quantisation": (
        {"quantization_config": {"quant_method": "magic"}},
        "quantization_config.quant_method",
        "awq",
    ),
    "nameless quantisation": ({"quantization_config": {"bits": 4}}, "quantization_config.quant_method", "is missing"),
    "quantisation of text": ({"quantization_config": "fp8"}, "quantization_config", "not a mapping"),
    "scaling of text": ({"rope_scaling": {"type": "linear", "factor": "x"}}, "rope_scaling.factor", "above 0"),
    "no context": ({"max_position_embeddings": 0}, "max_position_embeddings", "from 1"),
    "more active experts than experts": (
        {**samples.QWEN3_30B_A3B, "num_experts_per_tok": 200},
        "num_experts_per_tok",
        "there are 128",
    ),
}


@pytest.mark.parametrize(("changes", "key", "says"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named(changes: Config, key: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as error:
        read_architecture({**samples.QWEN3_8B, **changes})
    assert error.value.key == key


def test_key_of_a_nested_part_has_its_path() -> None:
    text = {**samples.GEMMA3_4B["text_config"], "num_attention_heads": 0}
    with pytest.raises(ConfigError) as error:
        read_architecture({**samples.GEMMA3_4B, "text_config": text})
    assert error.value.key == "text_config.num_attention_heads"


def test_empty_config() -> None:
    with pytest.raises(ConfigError, match="model_type"):
        read_architecture({})
