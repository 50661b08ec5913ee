"""Reads single values of a model's config.json: spellings, defaults, and errors that name the key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "hidden_size": ("hidden_size", "n_embd", "d_model"),
    "num_hidden_layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "num_attention_heads": ("num_attention_heads", "n_head", "n_heads"),
    "num_key_value_heads": (
        "num_key_value_heads",
        "num_kv_heads",
        "n_head_kv",
        "multi_query_group_num",
        "num_attention_groups",
    ),
    "head_dim": ("head_dim", "kv_channels", "hidden_size_per_head", "attention_head_dim"),
    "intermediate_size": ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"),
    "vocab_size": ("vocab_size", "padded_vocab_size"),
    "num_experts": ("num_experts", "n_routed_experts", "num_local_experts", "moe_num_experts"),
    "num_experts_per_tok": (
        "num_experts_per_tok",
        "num_experts_per_token",
        "top_k_experts",
        "moe_topk",
        "moe_top_k",
        "moe_k",
        "top_k",
    ),
    "moe_intermediate_size": ("moe_intermediate_size", "expert_ffn_hidden_size"),
    "n_shared_experts": ("n_shared_experts", "num_shared_experts", "num_shared_expert", "moe_num_shared_experts"),
    "first_k_dense_replace": ("first_k_dense_replace", "moe_layer_start_index", "num_dense_layers"),
    "num_nextn_predict_layers": ("num_nextn_predict_layers", "mtp_num_hidden_layers"),
    "layer_types": ("layer_types", "layers_block_type", "attn_type_list", "hybrid_override_pattern"),
    "mamba_heads": ("mamba_n_heads", "mamba_num_heads", "n_mamba_heads"),
    "mamba_head_dim": ("mamba_d_head", "mamba_head_dim", "mamba_headdim"),
    "mamba_state": ("mamba_d_state", "ssm_state_size", "state_size"),
    "mamba_groups": ("mamba_n_groups", "n_groups", "mamba_ngroups"),
    "mamba_kernel": ("mamba_d_conv", "conv_kernel", "conv_L_cache"),
}
"""What the same thing is called in the config.json of different models; the first that is there counts.

The KV heads and experts are vllm 0.33.0's (vllm/transformers_utils/config.py, CONFIG_FIELD_ALIASES), the rest
transformers' attribute maps.
"""


class ConfigError(ValueError):
    """A config.json that Hearth cannot use, and what would be right."""

    def __init__(self, key: str, value: object, why: str, remedy: str) -> None:
        super().__init__(f"{key}: {value!r}: {why}; {remedy}")
        self.key = key
        self.value = value
        self.why = why
        self.remedy = remedy


@dataclass(frozen=True)
class Values:
    """A config.json, or a nested part of it."""

    content: Mapping[str, object]
    defaults: Mapping[str, object] = field(default_factory=dict[str, object])
    """Of the model's configuration class: what counts for a key that is not there."""
    path: str = ""
    """Of the part, such as `text_config.`."""

    def find(self, key: str) -> tuple[str, object]:
        """The value by any of the key's spellings, with the spelling found.

        The default goes for a key that is not there; null is there, and means none.
        """
        spellings = SPELLINGS.get(key, (key,))
        given = [spelling for spelling in spellings if spelling in self.content]
        for spelling in given:
            if self.content[spelling] is not None:
                return spelling, self.content[spelling]
        if not given:
            for spelling in spellings:
                if self.defaults.get(spelling) is not None:
                    return spelling, self.defaults[spelling]
        return key, None

    def get(self, key: str) -> object:
        return self.find(key)[1]

    def has(self, key: str) -> bool:
        return self.get(key) is not None

    def error(self, key: str, value: object, why: str, remedy: str) -> ConfigError:
        return ConfigError(self.path + key, value, why, remedy)

    def count(self, key: str, default: int | None = None) -> int:
        """A whole number that may be 0. A list counts as its largest (experts that vary by layer)."""
        spelling, value = self.find(key)
        if value is None:
            if default is None:
                raise self.error(spelling, None, "is missing", "give the complete config.json of the model")
            return default
        numbers: list[object] = self.items(key) if isinstance(value, list) else [value]
        whole = [each for each in numbers if isinstance(each, int) and not isinstance(each, bool) and each >= 0]
        if len(whole) < max(1, len(numbers)):
            found: object = self.get(key)
            raise self.error(spelling, found, "is not a whole number from 0", "take the model's own config.json")
        return max(whole)

    def size(self, key: str, default: int | None = None) -> int:
        """A whole number from 1."""
        value = self.count(key, default)
        if value < 1:
            raise self.error(
                self.find(key)[0], value, "is not a whole number from 1", "take the model's own config.json"
            )
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        spelling, value = self.find(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.error(spelling, value, "is neither true nor false", "take the model's own config.json")
        return value

    def text(self, key: str, default: str = "") -> str:
        spelling, value = self.find(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.error(spelling, value, "is not text", "take the model's own config.json")
        return value

    def items(self, key: str) -> list[object]:
        """A list, empty when it is not there; a text counts as its letters (hybrid_override_pattern)."""
        spelling, value = self.find(key)
        if value is None:
            return []
        if not isinstance(value, list | str | tuple):
            raise self.error(spelling, value, "is not a list", "take the model's own config.json")
        return list(cast("list[object]", value))

    def part(self, key: str) -> Values:
        """A nested mapping, empty when it is not there."""
        value = self.get(key)
        if value is None:
            return Values({}, path=f"{self.path}{key}.")
        if not isinstance(value, Mapping):
            raise self.error(key, value, "is not a mapping", "take the model's own config.json")
        return Values(cast("Mapping[str, object]", value), path=f"{self.path}{key}.")
