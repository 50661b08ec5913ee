"""Reads a model's config.json into its Architecture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from hearth.catalog.architecture import Architecture
from hearth.catalog.attention import layer_groups
from hearth.catalog.config_values import SPELLINGS, ConfigError, Values
from hearth.catalog.context_length import max_context, yarn_context
from hearth.catalog.layer_kinds import layer_kinds
from hearth.catalog.model_types import ModelType, model_type, model_types
from hearth.catalog.parameters import activated_width, count_parameters, has_experts, mlp_widths
from hearth.catalog.quantization import read_quantization

__all__ = ["RELEVANT_KEYS", "ConfigError", "read_architecture"]

_TEXT_PARTS = ("text_config", "llm_config", "language_config", "thinker_config", "decoder_config")
_TOWERS = ("vision_config", "audio_config", "audio_encoder_config", "visual", "img_processor", "audio_processor")
_POOLING_ARCHITECTURE = re.compile(
    r"(?<!LMHead)(?<!Chat)(?<!GLM)Model$|For(Sequence|Token)Classification$|ForMaskedLM$"
)
_ELEMENT_BYTES = {"bfloat16": 2, "float16": 2, "half": 2, "float32": 4, "float": 4, "auto": 2}
_HALF = 2
_ALWAYS_GIVEN = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "vocab_size",
    "q_lora_rank",
)
"""Keys that a config.json has at the top whatever the class assumes; a nested one leaves out what its class assumes."""

_READ_BESIDE_SPELLINGS = """
    architectures model_type torch_dtype dtype tie_word_embeddings is_causal is_encoder_decoder
    quantization_config compression_config quantization producer
    max_position_embeddings n_positions max_seq_len seq_length model_max_length max_sequence_length max_seq_length
    seq_len max_trained_positions rope_scaling rope_parameters
    sliding_window use_sliding_window max_window_layers sliding_window_pattern global_attn_every_n_layers
    hybrid_layer_pattern attention_chunk_size no_rope_layers no_rope_layer_interval
    multi_query new_decoder_architecture global_head_dim num_global_key_value_heads attention_k_eq_v
    num_kv_shared_layers swa_num_attention_heads swa_num_key_value_heads swa_head_dim swa_v_head_dim v_head_dim
    kv_lora_rank q_lora_rank qk_nope_head_dim qk_rope_head_dim index_head_dim index_n_heads
    full_attention_interval full_attn_idxs attn_layer_indices attn_layer_period attn_layer_offset
    linear_attn_config linear_num_key_heads linear_num_value_heads linear_key_head_dim linear_value_head_dim
    linear_conv_kernel_dim mamba_ssm_dtype mamba_ssm_cache_dtype mamba_d_ssm mamba_intermediate_size mamba_expand
    mamba_dt_rank num_heads conv_dim
    attention_bias qkv_bias use_qkv_bias add_qkv_bias use_qk_norm type_vocab_size
    mlp_layer_types moe_layers moe_layers_enum moe_layer_freq mlp_only_layers decoder_sparse_step
    interleave_moe_layer_step expert_layer_period expert_layer_offset intermediate_size_mlp
    shared_expert_intermediate_size moe_shared_expert_intermediate_size shared_intermediate_size share_expert_dim
    use_double_wide_mlp block_auto_adjust_ff_dim
    hidden_size_per_layer_input vocab_size_per_layer_input laurel_rank altup_num_inputs
"""

RELEVANT_KEYS = frozenset(
    (*(name for names in SPELLINGS.values() for name in names), *_TEXT_PARTS, *_TOWERS, *_READ_BESIDE_SPELLINGS.split())
)
"""Every key of config.json that Hearth reads; of the nested mappings among them, it may read all."""


def read_architecture(config: Mapping[str, object]) -> Architecture:
    """The shape of the model that this config.json describes.

    Raises ConfigError, with the key, its value, why and the remedy, for one that is incomplete, contradicts itself or
    describes an architecture that Hearth does not know.
    """
    outer = Values(config)
    name = outer.text("model_type")
    if not name:
        raise ConfigError("model_type", None, "is missing", "give the complete config.json of the model")
    text, known = _text_model(outer, name)
    kinds = layer_kinds(text, known)
    quantization, kv_cache_dtype = read_quantization(outer, len(kinds))
    stored = _element_bytes(outer, text)
    holders = (outer, outer.part("thinker_config"))
    towers = [holder.part(key) for holder in holders for key in _TOWERS if isinstance(holder.get(key), Mapping)]
    pooling = known.pooling or (_pools(outer) and not towers)
    counts = count_parameters(text, known, kinds, towers, head=not pooling)
    plain = quantization.unquantized if quantization else frozenset[str]()
    if quantization and counts.experts and "attention" in plain and ("dense" in plain or not counts.dense):
        counts = replace(counts, expert_bits=quantization.bits)
    experts, experts_per_token = _experts(text)
    dense_width, expert_width = mlp_widths(text)
    longest = max_context(outer, text, known)
    return Architecture(
        model_type=known.name,
        layers=layer_groups(text, known, kinds),
        hidden_layers=len(kinds),
        hidden_size=text.size("hidden_size"),
        intermediate_size=activated_width(text, known),
        dense_width=dense_width,
        expert_width=expert_width,
        attention_heads=text.count("num_attention_heads", 0),
        vocabulary=text.size("vocab_size"),
        max_context=longest,
        yarn_context=yarn_context(outer) or longest,
        dtype_bytes=_HALF,
        parameters=counts,
        quantization=quantization,
        kv_cache_dtype=kv_cache_dtype,
        experts=experts,
        experts_per_token=experts_per_token,
        multimodal=bool(towers),
        pooling=pooling,
        checkpoint_dtype_bytes=stored,
    )


def _text_model(outer: Values, name: str) -> tuple[Values, ModelType]:
    """The language model's part, with what its class assumes where a key is not there."""
    if name in model_types():
        model_type(name)
    part = next((key for key in _TEXT_PARTS if isinstance(outer.get(key), Mapping)), None)
    if part is None:
        known = model_type(name)
        if known.text:
            known = model_type(known.text)
        assumed = {key: value for key, value in known.defaults.items() if key not in _ALWAYS_GIVEN}
        return replace(outer, defaults=assumed), known
    nested = outer.part(part)
    if part == "thinker_config" and nested.has("text_config"):
        nested = replace(nested.part("text_config"), path="thinker_config.text_config.")
    nested_name = nested.text("model_type")
    if nested_name:
        known = model_type(nested_name, nested.path + "model_type")
    else:
        wrapper = model_type(name)
        known = model_type(wrapper.text) if wrapper.text else wrapper
    content = dict(nested.content)
    # Some models tie the embeddings in the outer part only.
    if outer.has("tie_word_embeddings") and "tie_word_embeddings" not in content:
        content["tie_word_embeddings"] = outer.get("tie_word_embeddings")
    return Values(content, known.defaults, nested.path), known


def _experts(text: Values) -> tuple[int, int]:
    """Routed experts of a layer, and how many of them a token activates."""
    if not has_experts(text):
        return 0, 0
    experts, active = text.size("num_experts"), text.size("num_experts_per_tok", 1)
    if active > experts:
        raise text.error(
            text.find("num_experts_per_tok")[0],
            active,
            f"there are {experts} experts",
            "take the model's own config.json",
        )
    return experts, active


def _element_bytes(outer: Values, text: Values) -> int:
    for values in (outer, text):
        for key in ("dtype", "torch_dtype"):
            name = values.text(key).removeprefix("torch.")
            if not name:
                continue
            if name not in _ELEMENT_BYTES:
                raise values.error(
                    key, name, "engines do not load this type", f"it is one of {', '.join(_ELEMENT_BYTES)}"
                )
            return _ELEMENT_BYTES[name]
    return _HALF


def _pools(outer: Values) -> bool:
    return any(isinstance(each, str) and _POOLING_ARCHITECTURE.search(each) for each in outer.items("architectures"))
