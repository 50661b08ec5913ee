"""Counts the parameters of one attention or linear-attention layer, by part of ParameterCounts."""

from __future__ import annotations

from collections import Counter

from hearth.catalog.attention import head_dims, kv_heads, mamba2_sizes, mamba_inner
from hearth.catalog.config_values import Values
from hearth.catalog.layer_kinds import BOTH, EXPERTS, LINEAR, MLP, SLIDING
from hearth.catalog.model_types import ModelType

_BIAS_FLAGS = ("attention_bias", "qkv_bias", "use_qkv_bias", "add_qkv_bias")


def mixer_parameters(values: Values, known: ModelType, kind: str) -> Counter[str]:
    """Parameters of what mixes tokens in a layer of this kind."""
    counts: Counter[str] = Counter()
    if kind in (MLP, EXPERTS):
        return counts
    if kind in (LINEAR, BOTH):
        counts.update(_linear(values, known))
    if kind != LINEAR:
        counts.update(_latent(values) if values.has("kv_lora_rank") else _heads(values, known, kind))
    return counts


def _heads(values: Values, known: ModelType, kind: str) -> Counter[str]:
    hidden, heads = values.size("hidden_size"), values.size("num_attention_heads")
    if kind == SLIDING:
        heads = values.size("swa_num_attention_heads", heads)
    shared, (key, value) = kv_heads(values, kind), head_dims(values, known, kind)
    queries = heads * key * (2 if known.output_gate else 1)
    counts = Counter(
        attention=hidden * queries + heads * value * hidden,
        key_value=hidden * shared * (key + value),
    )
    biased = any(values.flag(name) for name in _BIAS_FLAGS)
    if biased or known.attention_bias:
        counts["attention"] += queries
        counts["key_value"] += shared * (key + value)
    if (biased and known.output_bias) or known.attention_bias == "qkvo":
        counts["replicated"] += hidden
    if known.sinks:
        counts["attention"] += heads
    if known.query_key_norm == "full":
        counts["replicated"] += (heads + shared) * key
    elif known.query_key_norm == "head" or values.flag("use_qk_norm"):
        counts["replicated"] += 2 * key
    return counts


def _latent(values: Values) -> Counter[str]:
    """Multi-head latent attention (DeepSeek-V2 report, arXiv 2405.04434), with V3.2's indexer where there is one."""
    hidden, heads, rank = values.size("hidden_size"), values.size("num_attention_heads"), values.size("kv_lora_rank")
    nope, rope = values.size("qk_nope_head_dim"), values.size("qk_rope_head_dim")
    value = values.size("v_head_dim", nope)
    counts = Counter(
        attention=rank * heads * (nope + value) + heads * value * hidden,
        replicated=hidden * (rank + rope) + rank,
    )
    query_rank = values.count("q_lora_rank", 0)
    counts["attention"] += (query_rank or hidden) * heads * (nope + rope)
    if query_rank:
        counts["replicated"] += hidden * query_rank + query_rank
    if indexer := values.count("index_head_dim", 0):
        indexer_heads = values.size("index_n_heads")
        counts["replicated"] += (query_rank or hidden) * indexer_heads * indexer + hidden * (indexer + indexer_heads)
        counts["replicated"] += 2 * indexer
    return counts


def _linear(values: Values, known: ModelType) -> Counter[str]:
    hidden = values.size("hidden_size")
    match known.linear:
        case "gated_delta_net":
            keys = values.size("linear_num_key_heads") * values.size("linear_key_head_dim")
            heads, dim = values.size("linear_num_value_heads"), values.size("linear_value_head_dim")
            inner = heads * dim
            convolution = (2 * keys + inner) * values.size("linear_conv_kernel_dim")
            # Query, key, value, gate, decay and step in; output back; decay and step have a vector each.
            projections = hidden * (2 * keys + 2 * inner + 2 * heads) + inner * hidden
            return Counter(attention=projections + convolution + 2 * heads, replicated=dim)
        case "kda":
            part = values.part("linear_attn_config")
            heads, dim = part.size("num_heads"), part.size("head_dim")
            inner = heads * dim
            convolution = 3 * inner * part.size("short_conv_kernel_size", 4)
            projections = 4 * hidden * inner + hidden * heads + 2 * dim * inner
            return Counter(attention=projections + convolution + heads + inner, replicated=2 * hidden * dim + dim)
        case "mamba2":
            heads, dim, state, groups = mamba2_sizes(values)
            inner = heads * dim
            channels = inner + 2 * groups * state
            convolution = channels * (values.size("mamba_kernel", 4) + 1)
            projections = hidden * (inner + channels + heads) + inner * hidden
            return Counter(attention=projections + convolution + 3 * heads + inner)
        case "mamba":
            inner, state = mamba_inner(values), values.size("mamba_state")
            rank = values.get("mamba_dt_rank")
            rank = rank if isinstance(rank, int) else -(-hidden // 16)
            convolution = inner * (values.size("mamba_kernel", 4) + 1)
            projections = 3 * hidden * inner + inner * (rank + 2 * state) + rank * inner
            return Counter(attention=projections + convolution + inner * (state + 2))
        case "convolution":
            inner = values.size("conv_dim", hidden)
            return Counter(attention=4 * hidden * inner + inner * values.size("mamba_kernel", 3))
        case _:
            inner = values.size("num_attention_heads") * head_dims(values, known)[0]
            return Counter(attention=5 * hidden * inner, replicated=inner)
