"""Counts a model's parameters from its config.json, and the bytes that its checkpoint takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hearth.catalog.architecture import Architecture, ParameterCounts
from hearth.catalog.attention_parameters import mixer_parameters
from hearth.catalog.config_values import Values
from hearth.catalog.layer_kinds import EXPERTS, FULL, LINEAR, MLP
from hearth.catalog.model_types import ModelType
from hearth.catalog.towers import tower_parameters

_LFM2_BLOCK = 256
_QUANTIZED_PARTS = ("attention", "key_value", "dense", "experts")


def count_parameters(
    values: Values, known: ModelType, kinds: Sequence[str], towers: Sequence[Values], *, head: bool = True
) -> ParameterCounts:
    """The parameters of the model with layers of these kinds; `head` is False for one without an output layer.

    Exact for the families of the catalog, biases and norms included; a tower is an estimate.
    """
    hidden = values.size("hidden_size")
    counts = Counter(embedding=_embedding(values, known, head), replicated=hidden)
    for index, kind in enumerate(kinds):
        counts.update(mixer_parameters(values, known, kind))
        counts.update(_feed_forward(values, known, kinds, index))
        counts["replicated"] += known.norms * hidden + _beside(values, hidden)
    if _absolute_positions(known):
        # The pooler.
        counts["dense"] += hidden * hidden + hidden
    for tower in towers:
        counts["replicated"] += tower_parameters(tower, hidden)
    return ParameterCounts(
        embedding=counts["embedding"],
        attention=counts["attention"],
        key_value=counts["key_value"],
        dense=counts["dense"],
        experts=counts["experts"],
        replicated=counts["replicated"],
        draft=_draft(values, known, kinds),
    )


def stored_bits(architecture: Architecture, dtype_bytes: int) -> Mapping[str, float]:
    """Bits of a stored weight by field of ParameterCounts, where an unquantised one takes `dtype_bytes`."""
    plain, quantization = 8.0 * dtype_bytes, architecture.quantization
    bits: dict[str, float] = dict.fromkeys(
        ("embedding", "attention", "key_value", "dense", "experts", "replicated"), plain
    )
    if quantization:
        bits |= {part: quantization.bits for part in _QUANTIZED_PARTS if part not in quantization.unquantized}
    return bits


def weight_bytes(architecture: Architecture, *, draft: bool = True) -> int:
    """Bytes of the checkpoint, with its layers for multi-token prediction unless `draft` is False.

    From the counts, the quantisation and the dtype of the files: within 1 % of the files where nothing is quantised and
    within 3 % otherwise.
    """
    counts, bits = architecture.parameters, stored_bits(architecture, architecture.checkpoint_dtype_bytes)
    total = sum(getattr(counts, part) * width for part, width in bits.items())
    if draft:
        # Nearly all of such a layer is experts, where the model has them.
        total += counts.draft * bits["experts" if counts.experts else "dense"]
    return int(total / 8)


def has_experts(values: Values) -> bool:
    """The model has routed experts."""
    return values.has("num_experts") and values.count("num_experts") > 1


def mlp_widths(values: Values) -> tuple[int, int]:
    """Width of a dense MLP and of one routed expert; 0 where the model has none."""
    dense = _dense_width(values) if values.has("intermediate_size") else 0
    if not has_experts(values):
        return dense, 0
    expert = _expert_width(values)
    return (dense if dense != expert else 0), expert


def activated_width(values: Values, known: ModelType) -> int:
    """Width of the MLPs that one token passes through in a layer: the dense one, or its experts and the shared ones."""
    if not has_experts(values):
        return _dense_width(values) if values.has("intermediate_size") else 0
    routed = values.size("num_experts_per_tok", 1) * _expert_width(values)
    shared = _shared_width(values, known)
    return routed + shared + (_dense_width(values) if known.dense_beside_experts else 0)


def _embedding(values: Values, known: ModelType, head: bool) -> int:
    hidden = values.size("hidden_size")
    rows = values.size("vocab_size")
    if head and not known.pooling and not values.flag("tie_word_embeddings"):
        rows *= 2
    if _absolute_positions(known):
        rows += values.count("max_position_embeddings", 0) + values.count("type_vocab_size", 0)
    return rows * hidden + _layer_inputs(values, hidden)


def _absolute_positions(known: ModelType) -> bool:
    """BERT and its kin, with position embeddings and a pooler; newer encoders have neither."""
    return known.pooling and not known.gated_mlp


def _layer_inputs(values: Values, hidden: int) -> int:
    """Gemma 3n's and 4's embeddings of each layer and their projection, and 3n's parallel streams."""
    width = values.count("hidden_size_per_layer_input", 0)
    per_layer = values.size("num_hidden_layers") * width
    streams = values.size("altup_num_inputs", 1) - 1
    return per_layer * (values.count("vocab_size_per_layer_input", 0) + hidden) + 2 * streams * hidden * hidden


def _beside(values: Values, hidden: int) -> int:
    """Replicated parameters of a layer beside its norms: Gemma's gates of the layer inputs, and 3n's low-rank path."""
    gates = 2 * values.count("hidden_size_per_layer_input", 0) * hidden
    return gates + 2 * values.count("laurel_rank", 0) * hidden


def _feed_forward(values: Values, known: ModelType, kinds: Sequence[str], index: int) -> Counter[str]:
    kind = kinds[index]
    apart = MLP in kinds or EXPERTS in kinds
    if (apart and kind not in (MLP, EXPERTS)) or not (values.has("intermediate_size") or has_experts(values)):
        return Counter()
    if kind == LINEAR and not values.has("num_attention_heads"):
        return Counter()
    if kind == EXPERTS or (kind != MLP and has_experts(values) and _routed(values, index)):
        return _experts(values, known)
    width = _dense_width(values)
    shared = values.count("num_kv_shared_layers", 0)
    if values.flag("use_double_wide_mlp") and index >= len(kinds) - shared:
        width *= 2
    return Counter(dense=_mlp(values, known, width))


def _mlp(values: Values, known: ModelType, width: int) -> int:
    return (3 if known.gated_mlp else 2) * values.size("hidden_size") * width


def _dense_width(values: Values) -> int:
    if values.has("num_experts") and not has_experts(values) and values.count("shared_intermediate_size", 0):
        return values.size("shared_intermediate_size")
    width = values.size("intermediate_size_mlp", values.size("intermediate_size"))
    if values.flag("block_auto_adjust_ff_dim"):
        # LFM2 takes two thirds, rounded up to blocks of 256 (transformers, models/lfm2/modeling_lfm2.py).
        width = -(-(2 * width // 3) // _LFM2_BLOCK) * _LFM2_BLOCK
    return width


def _expert_width(values: Values) -> int:
    return values.size("moe_intermediate_size", values.count("intermediate_size", 0) or None)


def _shared_width(values: Values, known: ModelType) -> int:
    for key in ("shared_expert_intermediate_size", "shared_intermediate_size", "share_expert_dim"):
        if values.has(key):
            return values.count(key)
    if known.name == "llama4_text":
        return values.size("intermediate_size")
    width = values.size("moe_shared_expert_intermediate_size", _expert_width(values))
    return values.count("n_shared_experts", 0) * width


def _experts(values: Values, known: ModelType) -> Counter[str]:
    hidden, count, width = values.size("hidden_size"), values.size("num_experts"), _expert_width(values)
    shared = _shared_width(values, known)
    counts = Counter(
        experts=count * _mlp(values, known, width),
        dense=_mlp(values, known, shared),
        replicated=hidden * count,
    )
    if known.router_bias:
        counts["replicated"] += count
    if known.expert_bias:
        counts["experts"] += count * (2 * width + hidden)
    if values.has("shared_expert_intermediate_size"):
        counts["replicated"] += hidden
    if known.dense_beside_experts:
        counts["dense"] += _mlp(values, known, _dense_width(values))
        counts["replicated"] += 4 * hidden + count
    return counts


def _routed(values: Values, index: int) -> bool:
    """The layer has experts rather than a dense MLP, by any of the ways in which configs say so."""
    listed = values.items("mlp_layer_types")
    if listed:
        return index < len(listed) and listed[index] == "sparse"
    enumerated = values.get("moe_layers_enum")
    if isinstance(enumerated, str):
        return str(index) in enumerated.split(",")
    if values.has("moe_layers"):
        return index in values.items("moe_layers")
    if isinstance(values.get("moe_layer_freq"), list):
        return any(values.items("moe_layer_freq")[index : index + 1])
    if values.has("expert_layer_period"):
        return index % values.size("expert_layer_period") == values.count("expert_layer_offset", 0)
    if index < values.count("first_k_dense_replace", 0) or index in values.items("mlp_only_layers"):
        return False
    step = values.size("decoder_sparse_step", values.size("interleave_moe_layer_step", 1))
    return (index + 1) % step == 0 and index % values.size("moe_layer_freq", 1) == 0


def _draft(values: Values, known: ModelType, kinds: Sequence[str]) -> int:
    """Layers for multi-token prediction, each a layer like the last with what joins it to the model."""
    layers = values.count("num_nextn_predict_layers", known.draft_layers)
    if not layers or not kinds:
        return 0
    hidden = values.size("hidden_size")
    layer = mixer_parameters(values, known, FULL) + _feed_forward(values, known, kinds, len(kinds) - 1)
    joint = (known.norms + 3) * hidden + 2 * hidden * hidden
    # DeepSeek's and GLM's checkpoints repeat the embedding and the output layer there.
    repeated = 2 * values.size("vocab_size") * hidden if known.router_bias else 0
    return layers * (layer.total() + joint + repeated)
