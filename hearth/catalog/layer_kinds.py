"""Which layer of a model attends how: full, sliding, chunked, linear, or not at all.

Follows what vllm 0.33.0 builds (vllm/model_executor/models), with transformers' rules where a config lists no layers.
"""

from __future__ import annotations

from hearth.catalog.config_values import ConfigError, Values
from hearth.catalog.model_types import ModelType

FULL = "full_attention"
SLIDING = "sliding_attention"
CHUNKED = "chunked_attention"
LINEAR = "linear_attention"
BOTH = "parallel_attention"
"""Full and linear attention side by side in one layer (Falcon-H1)."""
MLP = "mlp"
"""A dense MLP alone (Nemotron-H)."""
EXPERTS = "moe"
"""Experts alone (Nemotron-H)."""

_MOST_LAYERS = 10_000

_NAMES: dict[object, str] = {
    FULL: FULL,
    "attention": FULL,
    "global_attention": FULL,
    "full": FULL,
    "*": FULL,
    1: FULL,
    SLIDING: SLIDING,
    "sliding": SLIDING,
    "local_attention": SLIDING,
    CHUNKED: CHUNKED,
    LINEAR: LINEAR,
    "mamba": LINEAR,
    "mamba2": LINEAR,
    "conv": LINEAR,
    "M": LINEAR,
    0: LINEAR,
    "-": MLP,
    MLP: MLP,
    "E": EXPERTS,
    EXPERTS: EXPERTS,
}
"""config.json's names of layers; numbers are MiniMax's attn_type_list, letters Nemotron-H's hybrid_override_pattern."""


def layer_kinds(values: Values, known: ModelType) -> tuple[str, ...]:
    """The kind of every layer, in order.

    Raises ConfigError where the config lists another number of layers than it has, or a kind that Hearth does not know.
    """
    layers = _layers(values, known)
    if known.name == "falcon_h1":
        return (BOTH,) * layers
    if values.has("linear_attn_config"):
        return _kimi_linear(values, layers)
    if values.items("layer_types"):
        return tuple(_kind(values, entry) for entry in _whole(values, "layer_types", layers))
    if known.linear:
        return _hybrid(values, known, layers)
    if values.has("attention_chunk_size") and known.name == "llama4_text":
        return _llama4(values, layers)
    return _windowed(values, known, layers)


def _layers(values: Values, known: ModelType) -> int:
    pattern = values.get("hybrid_override_pattern")
    if not values.has("num_hidden_layers") and isinstance(pattern, str):
        return len(pattern)
    # LongCat's layers have two attentions each.
    layers = 2 * values.size("num_layers") if known.name == "longcat_flash" else values.size("num_hidden_layers")
    if layers > _MOST_LAYERS:
        raise values.error(
            values.find("num_hidden_layers")[0], layers, "no model has so many", "take the model's own config.json"
        )
    return layers


def _whole(values: Values, key: str, layers: int) -> list[object]:
    """A list with an entry for each layer."""
    listed = values.items(key)
    # Step-3.5 lists its prediction layers as well.
    if layers <= len(listed) <= layers + values.count("num_nextn_predict_layers", 0):
        return listed[:layers]
    raise values.error(
        values.find(key)[0],
        f"{len(listed)} layers",
        f"num_hidden_layers is {layers}",
        "the two must agree: take the model's own config.json",
    )


def _kind(values: Values, entry: object) -> str:
    kind = _NAMES.get(entry) if isinstance(entry, str | int) else None
    if kind is None:
        raise values.error(
            values.find("layer_types")[0],
            entry,
            "Hearth does not know this kind of layer",
            f"it knows {', '.join(str(name) for name in _NAMES if isinstance(name, str) and len(name) > 1)}",
        )
    return kind


def _kimi_linear(values: Values, layers: int) -> tuple[str, ...]:
    # Its lists count layers from 1.
    full = values.part("linear_attn_config").items("full_attn_layers")
    return tuple(FULL if layer + 1 in full else LINEAR for layer in range(layers))


def _hybrid(values: Values, known: ModelType, layers: int) -> tuple[str, ...]:
    if values.has("full_attn_idxs"):
        full = values.items("full_attn_idxs")
        return tuple(FULL if layer in full else LINEAR for layer in range(layers))
    if values.has("attn_layer_indices"):
        full = values.items("attn_layer_indices")
        return tuple(FULL if layer in full else LINEAR for layer in range(layers))
    if values.has("attn_layer_period"):
        period, offset = values.size("attn_layer_period"), values.count("attn_layer_offset", 0)
        return tuple(FULL if layer % period == offset else LINEAR for layer in range(layers))
    if known.full_layers:
        period = values.size("full_attention_interval", known.full_layers[0])
        return tuple(FULL if layer % period == period - 1 else LINEAR for layer in range(layers))
    if known.linear in ("mamba", "mamba2") and not values.has("num_attention_heads"):
        return (LINEAR,) * layers
    raise ConfigError(
        values.path + "layer_types", None, "is missing in a hybrid model", "give the complete config.json of the model"
    )


def _llama4(values: Values, layers: int) -> tuple[str, ...]:
    # Layers without rotary embedding (0) see everything, the rest their chunk.
    if values.items("no_rope_layers"):
        return tuple(CHUNKED if rotary else FULL for rotary in _whole(values, "no_rope_layers", layers))
    period = values.size("no_rope_layer_interval", 4)
    return tuple(FULL if (layer + 1) % period == 0 else CHUNKED for layer in range(layers))


def _windowed(values: Values, known: ModelType, layers: int) -> tuple[str, ...]:
    window = values.get("sliding_window")
    if not window or not values.flag("use_sliding_window", True):
        return (FULL,) * layers
    pattern = values.get("sliding_window_pattern") or values.get("global_attn_every_n_layers")
    if isinstance(pattern, str):
        # Exaone's LLLG.
        return tuple(FULL if pattern[layer % len(pattern)] == "G" else SLIDING for layer in range(layers))
    if values.has("hybrid_layer_pattern"):
        # MiMo's: 1 slides.
        return tuple(SLIDING if slides else FULL for slides in _whole(values, "hybrid_layer_pattern", layers))
    if isinstance(window, list):
        # Null sees everything; the list repeats.
        windows = values.items("sliding_window")
        return tuple(SLIDING if windows[layer % len(windows)] else FULL for layer in range(layers))
    if isinstance(pattern, int) and pattern > 0:
        # ModernBERT's periods begin with their full layer, the others' end with it.
        begins = known.full_layers is not None and known.full_layers[1] == 0
        return tuple(FULL if layer % pattern == (0 if begins else pattern - 1) else SLIDING for layer in range(layers))
    if known.full_layers:
        period, remainder = known.full_layers
        return tuple(FULL if layer % period == remainder else SLIDING for layer in range(layers))
    first = values.count("max_window_layers", 0)
    return tuple(SLIDING if layer >= first else FULL for layer in range(layers))
