"""The longest context of a model, as vllm 0.33.0 derives it from config.json (vllm/config/model.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from hearth.catalog.config_values import Values
from hearth.catalog.model_types import ModelType

_KEYS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
    "max_trained_positions",
)
_ALREADY_SCALED = {"su", "longrope", "llama3", "yarn", "deepseek_yarn", "deepseek_llama_scaling"}
"""Scalings whose max_position_embeddings is the scaled length; the others' is multiplied by their factor."""
_WITHOUT_A_KEY = 2048


def max_context(config: Values, text: Values, known: ModelType) -> int:
    """Tokens of the longest context: the smallest of the keys for it, times the factor of the rope scaling.

    A nested text model's own rope scaling does not count, and Gemma 3's length is scaled already.
    """
    if text.has("model_max_length"):
        longest = text.size("model_max_length")
    else:
        longest = min((text.size(key) for key in _KEYS if text.has(key)), default=_WITHOUT_A_KEY)
    if "gemma3" not in config.text("model_type"):
        longest = int(longest * _factor(config))
    return max(1, longest - known.position_offset)


def yarn_context(config: Values) -> int | None:
    """Original length x factor of YaRN, as vllm 0.29.0 and older took it; None without YaRN."""
    for scaling in _scalings(config):
        original, factor = scaling.get("original_max_position_embeddings"), scaling.get("factor")
        if (scaling.text("rope_type") or scaling.text("type")) == "yarn" and isinstance(original, int):
            return int(original * factor) if isinstance(factor, int | float) and factor > 0 else original
    return None


def _factor(config: Values) -> float:
    factor = 1.0
    for scaling in _scalings(config):
        kind = scaling.text("rope_type") or scaling.text("type")
        value = scaling.get("factor")
        if kind in _ALREADY_SCALED or value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise scaling.error("factor", value, "is not a number above 0", "take the model's own config.json")
        factor = float(value)
    return factor


def _scalings(config: Values) -> Iterator[Values]:
    for key in ("rope_scaling", "rope_parameters"):
        part = config.part(key)
        nested = [name for name, value in part.content.items() if isinstance(value, Mapping)]
        if nested:
            yield from (Values(cast("Mapping[str, object]", part.content[name]), path=part.path) for name in nested)
        elif part.content:
            yield part
