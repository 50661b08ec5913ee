"""The models that Hearth knows: size, shape and parsers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from hearth.catalog.data import read

_KV_ELEMENT_BYTES = 2
"""The KV cache holds 16-bit elements unless an engine is told otherwise."""
_TOKENS_IN_FLIGHT = 2 * 8192
"""Tokens that a sliding layer holds beyond its window: two batches of chunked prefill (vLLM's default of 8192 each)."""


@dataclass(frozen=True)
class Parsers:
    """An engine's names for what parses this model's answers; None where there is nothing to parse."""

    reasoning: str | None = None
    tool_call: str | None = None


@dataclass(frozen=True)
class CatalogModel:
    """One model. Sizes are of the whole model, not of one GPU's share."""

    weights_bytes: int
    parameters: int
    layers: int
    """Layers with full attention."""
    attention_heads: int
    kv_heads: int
    kv_elements: int
    """Elements that one layer keeps of one token."""
    kv_sharding: Literal["heads", "replicated"]
    """Over several GPUs the KV cache is split by heads, or is whole on each (multi-head latent attention)."""
    max_context: int
    """Tokens."""
    parsers: Mapping[str, Parsers]
    """By engine name."""
    sliding_layers: int = 0
    sliding_window: int = 0
    """Tokens that a sliding layer sees."""

    @property
    def kv_bytes_per_token(self) -> int:
        """Bytes of 16-bit KV cache that each further token of context takes."""
        return self.layers * self.kv_elements * _KV_ELEMENT_BYTES

    def kv_cache_bytes(self, tokens: int) -> int:
        """Bytes of 16-bit KV cache for one request of `tokens` tokens, sliding layers included."""
        sliding_tokens = min(tokens, self.sliding_window + _TOKENS_IN_FLIGHT)
        sliding = self.sliding_layers * self.kv_elements * _KV_ELEMENT_BYTES * sliding_tokens
        return self.kv_bytes_per_token * tokens + sliding


@cache
def models() -> Mapping[str, CatalogModel]:
    """Every model, by Hugging Face id."""
    return {source: _model(entry) for source, entry in read("models.yaml").items()}


def _model(entry: dict[str, Any]) -> CatalogModel:
    latent: int | None = entry.get("kvLatent")
    return CatalogModel(
        weights_bytes=entry["weightsBytes"],
        parameters=entry["parameters"],
        layers=entry["layers"],
        attention_heads=entry["attentionHeads"],
        kv_heads=entry["kvHeads"],
        kv_elements=latent or 2 * entry["kvHeads"] * entry["headDim"],
        kv_sharding="replicated" if latent else "heads",
        max_context=entry["maxContext"],
        parsers={
            engine: Parsers(names.get("reasoning"), names.get("toolCall")) for engine, names in entry["parsers"].items()
        },
        sliding_layers=entry.get("slidingLayers", 0),
        sliding_window=entry.get("slidingWindow", 0),
    )
