"""What each layer of a model keeps of its context: heads, sizes, windows and states."""

from __future__ import annotations

from collections.abc import Iterable

from hearth.catalog.architecture import (
    Attention,
    FullAttention,
    LatentAttention,
    LayerGroup,
    LinearAttention,
    SlidingAttention,
)
from hearth.catalog.config_values import Values
from hearth.catalog.layer_kinds import BOTH, CHUNKED, FULL, LINEAR, SLIDING
from hearth.catalog.model_types import ModelType

_FLOAT32 = 4
_HALF = 2


def is_latent(values: Values, known: ModelType) -> bool:
    """Multi-head latent attention as vllm 0.33.0 has it, which keeps one vector for all heads.

    A model whose type is not marked so (MiniCPM3) has its latent vectors expanded, and keeps keys and values of every
    head; bidirectional variants too.
    """
    return known.latent and values.has("kv_lora_rank") and values.flag("is_causal", True)


def head_dim(values: Values) -> int:
    """Size of a head: as given, else the hidden size over the heads."""
    if values.has("head_dim"):
        return values.size("head_dim")
    hidden, heads = values.size("hidden_size"), values.size("num_attention_heads")
    if hidden % heads:
        raise values.error(
            "head_dim", None, f"is missing, and {heads} heads do not divide hidden_size {hidden}", "give head_dim"
        )
    return hidden // heads


def kv_heads(values: Values, kind: str = FULL) -> int:
    """KV heads of a layer of this kind; as many as attention heads where the config does not say.

    Raises ConfigError where attention heads cannot share them evenly.
    """
    heads = values.size("num_attention_heads")
    key = "num_key_value_heads"
    if kind == FULL and values.flag("attention_k_eq_v") and values.has("num_global_key_value_heads"):
        key = "num_global_key_value_heads"
    elif kind == SLIDING and values.has("swa_num_key_value_heads"):
        key, heads = "swa_num_key_value_heads", values.size("swa_num_attention_heads", heads)
    elif values.flag("multi_query") and not values.flag("new_decoder_architecture"):
        return 1
    count = values.size(key, heads)
    if heads % count:
        raise values.error(
            values.find(key)[0],
            count,
            f"{heads} attention heads cannot share it evenly",
            "it must divide num_attention_heads: take the model's own config.json",
        )
    return count


def head_dims(values: Values, known: ModelType, kind: str = FULL) -> tuple[int, int]:
    """Size of a key head and of a value head of a layer of this kind."""
    if known.latent or values.has("kv_lora_rank"):
        key = values.size("qk_nope_head_dim") + values.size("qk_rope_head_dim")
        # vLLM pads the values of an expanded cache to the size of the keys.
        return key, key
    dim = head_dim(values)
    if kind == FULL and values.has("global_head_dim"):
        dim = values.size("global_head_dim")
        return dim, dim
    if kind == SLIDING and values.has("swa_head_dim"):
        dim = values.size("swa_head_dim")
        return dim, values.size("swa_v_head_dim", dim)
    return dim, values.size("v_head_dim", dim)


def layer_groups(values: Values, known: ModelType, kinds: tuple[str, ...]) -> tuple[LayerGroup, ...]:
    """The layers that keep something, those that keep the same together, in order of their first."""
    shared = values.count("num_kv_shared_layers", 0)
    counts: dict[Attention, int] = {}
    for kind in kinds[: len(kinds) - shared]:
        for attention in _kept(values, known, kind):
            counts[attention] = counts.get(attention, 0) + 1
    return tuple(LayerGroup(count, attention) for attention, count in counts.items())


def _kept(values: Values, known: ModelType, kind: str) -> Iterable[Attention]:
    if kind in (FULL, BOTH):
        yield _full(values, known)
    if kind in (LINEAR, BOTH):
        yield linear_attention(values, known)
    if kind in (SLIDING, CHUNKED):
        key, value = head_dims(values, known, kind)
        yield SlidingAttention(kv_heads(values, kind), key, value, _window(values, known, kind), kind == CHUNKED)


def _full(values: Values, known: ModelType) -> Attention:
    if is_latent(values, known):
        return LatentAttention(
            values.size("kv_lora_rank"), values.size("qk_rope_head_dim"), values.count("index_head_dim", 0)
        )
    key, value = head_dims(values, known)
    return FullAttention(kv_heads(values), key, value)


def _window(values: Values, known: ModelType, kind: str) -> int:
    if kind == CHUNKED:
        return values.size("attention_chunk_size")
    # A Cohere layer sees the token itself beyond the window (vllm/model_executor/models/commandr.py).
    return values.size("sliding_window") + (known.name == "cohere2")


def linear_attention(values: Values, known: ModelType) -> LinearAttention:
    """The state of one linear layer (vllm 0.33.0 vllm/model_executor/layers/mamba/mamba_utils.py)."""
    element = {"float32": _FLOAT32, "bfloat16": _HALF, "float16": _HALF}.get(
        values.text("mamba_ssm_dtype") or values.text("mamba_ssm_cache_dtype"), _HALF
    )
    match known.linear:
        case "gated_delta_net":
            keys = values.size("linear_num_key_heads") * values.size("linear_key_head_dim")
            value_heads, value_dim = values.size("linear_num_value_heads"), values.size("linear_value_head_dim")
            channels = 2 * keys + value_heads * value_dim
            convolution = channels * (values.size("linear_conv_kernel_dim") - 1)
            return LinearAttention(value_heads * value_dim * values.size("linear_key_head_dim"), convolution, element)
        case "kda":
            part = values.part("linear_attn_config")
            heads, dim = part.size("num_heads"), part.size("head_dim")
            convolution = 3 * heads * dim * (part.size("short_conv_kernel_size", 4) - 1)
            return LinearAttention(heads * dim * dim, convolution, _FLOAT32)
        case "mamba2":
            heads, dim, state, groups = mamba2_sizes(values)
            channels = heads * dim + 2 * groups * state
            if known.name == "nemotron_h" and not values.has("mamba_ssm_cache_dtype"):
                element = _FLOAT32
            return LinearAttention(heads * dim * state, channels * (values.size("mamba_kernel", 4) - 1), element)
        case "mamba":
            inner = mamba_inner(values)
            return LinearAttention(
                inner * values.size("mamba_state"), inner * (values.size("mamba_kernel", 4) - 1), element
            )
        case "convolution":
            channels = values.size("conv_dim", values.size("hidden_size"))
            return LinearAttention(0, channels * (values.size("mamba_kernel", 3) - 1), _HALF)
        case _:
            dim = head_dim(values)
            return LinearAttention(values.size("num_attention_heads") * dim * dim, 0, element)


def mamba_inner(values: Values) -> int:
    """Channels of a Mamba layer."""
    for key in ("mamba_d_ssm", "mamba_intermediate_size"):
        if values.has(key):
            return values.size(key)
    return values.size("mamba_expand", 2) * values.size("hidden_size")


def mamba2_sizes(values: Values) -> tuple[int, int, int, int]:
    """Heads, size of a head, size of the state and groups of a Mamba-2 layer."""
    state, groups = values.size("mamba_state"), values.size("mamba_groups", 1)
    # Of Mamba-2 alone, num_heads and head_dim are these.
    heads = values.size("mamba_heads", values.count("num_heads", 0) or None)
    dim = values.get("mamba_head_dim")
    if isinstance(dim, int):
        return heads, values.size("mamba_head_dim"), state, groups
    if values.has("num_heads") and not values.has("mamba_heads"):
        return heads, values.size("head_dim"), state, groups
    return heads, mamba_inner(values) // heads, state, groups
