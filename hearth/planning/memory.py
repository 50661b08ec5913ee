"""GPU memory of one GPU of a replica, in GiB."""

from __future__ import annotations

from hearth.catalog.models import CatalogModel
from hearth.planning.plan import MemoryUse

GIB = 2**30

ENGINE_OVERHEAD_GIB = 1.0
"""Least that CUDA contexts, activations and graphs take: published start-up logs show 0.4 to 7 GiB."""


def memory_use(
    weights_gib: float, shape: CatalogModel | None, tensor_parallel: int, context_length: int, budget_gib: float
) -> MemoryUse:
    """Weights are split over the GPUs; the KV cache is split by heads, or whole on each (multi-head latent attention).

    A model outside the catalog counts no KV cache: its shape is unknown.
    """
    kv_cache = kv_cache_bytes(shape, tensor_parallel, context_length) / GIB if shape else 0.0
    return MemoryUse(weights_gib / tensor_parallel, kv_cache, budget_gib)


def kv_cache_bytes(shape: CatalogModel, tensor_parallel: int, context_length: int) -> float:
    """Bytes on one GPU for one request of `context_length` tokens, 16-bit KV cache."""
    whole = shape.kv_cache_bytes(context_length)
    return whole if shape.kv_sharding == "replicated" else whole / min(tensor_parallel, shape.kv_heads)
