"""Reads how a checkpoint's weights and KV cache are quantised: config.json's quantization_config in all its forms."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hearth.catalog.architecture import Quantization
from hearth.catalog.config_values import Values

_FP16_BITS = 16
_FP32_BITS = 32
_FP8_METHODS = {"fp8", "fbgemm_fp8", "ptpc_fp8", "modelopt", "mxfp8", "experts_int8", "eetq"}
_GROUPED_METHODS = {
    "awq",
    "awq_marlin",
    "gptq",
    "gptq_marlin",
    "moe_wna16",
    "auto-round",
    "auto_round",
    "intel/auto-round",
    "inc",
    "hqq",
}
_MXFP4_BITS = 4 + 8 / 32
"""Blocks of 32 values share a scale of 8 bits (OCP Microscaling Formats specification)."""
_NVFP4_BITS = 4 + 8 / 16
"""Blocks of 16 values share an fp8 scale (NVIDIA Model Optimizer)."""
_NVFP4_BLOCK = 16
_ALGORITHM_BITS = {"FP8": 8.0, "NVFP4": _NVFP4_BITS, "MXFP4": _MXFP4_BITS, "MXFP8": 8 + 8 / 32, "W4A16_AWQ": 4.25}

_EXCLUSIONS = ("modules_to_not_convert", "ignored_layers", "ignore", "exclude_modules", "exclude")
_PARTS = {
    "attention": r"(self_attn|attention|attn)(\.(q|qkv|o|q_b|fused_qkv)_proj)?",
    "dense": r"(mlp|feed_forward|shared_experts?)(\.(gate_up|up|down)_proj|\.\(?gate\|.*)?",
}
"""Names of modules that stand for a whole part of ParameterCounts."""


def read_quantization(config: Values, layers: int) -> tuple[Quantization | None, str | None]:
    """How the weights are stored, and the KV cache's dtype where the checkpoint asks for one.

    Raises ConfigError for a method that Hearth does not know.
    """
    part = _part(config)
    if part is None:
        return None, None
    method = _method(part)
    bits, block = _bits(part, method)
    return Quantization(method, bits, block, _unquantized(part, layers)), _kv_cache_dtype(part)


def _part(config: Values) -> Values | None:
    for holder in (config, config.part("text_config") if config.has("text_config") else config):
        for key in ("quantization_config", "compression_config"):
            if holder.has(key):
                return holder.part(key)
    # hf_quant_config.json, read together with config.json.
    return config if config.has("quantization") and config.has("producer") else None


def _method(part: Values) -> str:
    method = part.text("quant_method").lower().replace("compressed_tensors", "compressed-tensors")
    if method:
        return method
    if _algorithm(part):
        return "modelopt"
    if part.has("config_groups"):
        return "compressed-tensors"
    raise part.error("quant_method", None, "is missing", "give the complete config.json of the model")


def _algorithm(part: Values) -> str:
    inner = part.part("quantization") if part.has("quantization") else part
    return inner.text("quant_algo").upper()


def _bits(part: Values, method: str) -> tuple[float, int | None]:
    """Bits of a stored weight, scales included, and the width of a block."""
    if method == "compressed-tensors":
        return _compressed(part)
    if method.startswith("modelopt"):
        # MIXED_PRECISION is FP8 and NVFP4: the wider of them, to err towards too little room.
        algorithm = _algorithm(part) or {"modelopt_fp4": "NVFP4", "modelopt_mxfp8": "MXFP8"}.get(method, "FP8")
        return _ALGORITHM_BITS.get(algorithm, 8.0), _NVFP4_BLOCK if algorithm == "NVFP4" else None
    if method == "quark":
        weight = part.part("global_quant_config").get("weight")
        return (_MXFP4_BITS if "fp4" in str(weight) else 8.0), None
    if method == "mxfp4":
        return _MXFP4_BITS, None
    if method == "bitsandbytes":
        # A float32 scale for each 64 values.
        return (4 + _FP32_BITS / 64 if part.flag("load_in_4bit") else 8.0), None
    if method in _GROUPED_METHODS:
        inner = part.part("quant_config").part("weight_quant_params") if part.has("quant_config") else part
        bits = inner.size("bits", inner.count("nbits", inner.count("w_bit", 4)))
        group = _group(inner, ("group_size", "q_group_size"))
        # An fp16 scale and a zero point for each group.
        return (bits + (_FP16_BITS + bits) / group, group) if group else (float(bits), None)
    if method in _FP8_METHODS:
        block = [size for size in part.items("weight_block_size") if isinstance(size, int) and size > 0]
        if len(block) == 2:
            return 8 + _FP32_BITS / (block[0] * block[1]), block[1]
        return 8.0, None
    known = sorted(
        {"compressed-tensors", "modelopt", "mxfp4", "bitsandbytes", "quark", *_GROUPED_METHODS, *_FP8_METHODS}
    )
    raise part.error(
        "quant_method",
        method,
        "Hearth does not know this quantisation",
        f"use a checkpoint in one of {', '.join(known)}",
    )


def _compressed(part: Values) -> tuple[float, int | None]:
    """The widest of the groups, so that a mixed checkpoint errs towards too little room."""
    groups = part.part("config_groups")
    weights = [groups.part(name).part("weights") for name in groups.content]
    stored = [_group_bits(each) for each in weights if each.has("num_bits")]
    if not stored:
        raise part.error("config_groups", None, "names no quantised weights", "take the model's own config.json")
    return max(stored, key=lambda each: each[0])


def _group_bits(weights: Values) -> tuple[float, int | None]:
    bits = weights.size("num_bits")
    block = [size for size in weights.items("block_structure") if isinstance(size, int) and size > 0]
    if len(block) == 2:
        return bits + _FP32_BITS / (block[0] * block[1]), block[1]
    group = _group(weights, ("group_size",))
    if not group:
        return float(bits), None
    scale = 8 if weights.text("type") == "float" and bits == 4 else _FP16_BITS
    zero = 0 if weights.flag("symmetric", True) else bits
    return bits + (scale + zero) / group, group


def _group(part: Values, keys: Iterable[str]) -> int | None:
    # -1 is one group for the whole row.
    return next((size for key in keys if isinstance(size := part.get(key), int) and size > 0), None)


def _unquantized(part: Values, layers: int) -> frozenset[str]:
    inner = part.part("quantization") if part.has("quantization") else part
    names = {str(name) for holder in (part, inner) for key in _EXCLUSIONS for name in holder.items(key)}
    # As regular expressions and globs name modules: model.layers.*.self_attn, re:.*self_attn.*
    plain = [re.sub(r"^re:|\\(?=\.)|\$$|^\^", "", name).rstrip("*.") for name in names]
    parts = {name for name, pattern in _PARTS.items() if _whole(plain, pattern, layers)}
    return frozenset(parts | ({"key_value"} if "attention" in parts else set()))


def _whole(names: Iterable[str], pattern: str, layers: int) -> bool:
    """The names cover this part in most layers, not only in the first or last ones."""
    numbers: set[str] = set()
    for name in names:
        if not re.search(rf"(^|[.*]){pattern}$", name) or "vision" in name or "visual" in name or "mtp" in name:
            continue
        number = re.search(r"layers\.(\d+)\.", name)
        if number is None:
            return True
        numbers.add(number[1])
    return len(numbers) > layers / 2


def _kv_cache_dtype(part: Values) -> str | None:
    """As vllm 0.33.0 takes it for `auto` (vllm/utils/torch_utils.py)."""
    inner = part.part("quantization") if part.has("quantization") else part
    for holder in (inner, part):
        for key in ("kv_cache_scheme", "kv_cache_quant_algo"):
            value = holder.get(key)
            if isinstance(value, str):
                return {"FP8": "fp8", "NVFP4": "nvfp4"}.get(value.upper())
            if value is not None:
                scheme = holder.part(key)
                return {8: "fp8", 4: "nvfp4"}.get(scheme.count("num_bits", 0))
    return None
