"""Weights of one rank."""

from __future__ import annotations

import math

from hearth.catalog.architecture import Architecture, FullAttention, SlidingAttention
from hearth.catalog.models import CatalogModel
from hearth.catalog.parameters import stored_bits, weight_bytes
from hearth.planning.memory.deployment import Deployment


def loaded_bytes(architecture: Architecture, stored_bytes: int) -> int:
    """What an engine keeps of a checkpoint of this size.

    Layers for multi-token prediction stay out, and float32 weights are loaded as the model's 16-bit type.
    """
    counts, bits = architecture.parameters, stored_bits(architecture, architecture.dtype_bytes)
    kept = sum(getattr(counts, part) * width for part, width in bits.items()) / 8
    return round(stored_bytes * min(1.0, kept / weight_bytes(architecture)))


def catalog_bytes(model: CatalogModel) -> int:
    """What an engine keeps of a model of the catalog: as a log showed it, else by its files."""
    return model.loaded_bytes or loaded_bytes(model.architecture, model.weights_bytes)


def rank_bytes(deployment: Deployment) -> float:
    """Bytes of weights on the fullest rank.

    Every part is divided in its own way: embeddings by tensor parallel, on the first and last stage only; attention and
    MLPs by tensor parallel and stages; key and value projections into at most as many slices as there are KV heads;
    routed experts over the ranks of all copies with vLLM (its documentation of data-parallel deployment); norms,
    routers, latent projections and a vision tower are whole on every rank. The parts come from the model's sizes and
    are scaled to the weights as they are.
    """
    architecture, parallel = deployment.architecture, deployment.parallelism
    counts, bits = architecture.parameters, stored_bits(architecture, architecture.dtype_bytes)
    parts = {part: getattr(counts, part) * width / 8 for part, width in bits.items()}
    stage = math.ceil(architecture.hidden_layers / parallel.pipeline) / architecture.hidden_layers
    expert_ranks = parallel.tensor * (parallel.data if deployment.engine == "vllm" else 1)
    tables = parts["embedding"]
    if parallel.pipeline > 1:
        # The first stage has the input embedding, the last one the output layer.
        tables = min(tables, architecture.vocabulary * architecture.hidden_size * architecture.dtype_bytes)
    rank = (
        tables / parallel.tensor
        + stage * (parts["attention"] + parts["dense"]) / parallel.tensor
        + stage * parts["key_value"] / min(parallel.tensor, most_kv_heads(architecture))
        + stage * parts["experts"] / expert_ranks
        + parts["replicated"] * (1.0 if architecture.multimodal else stage)
    )
    return rank * deployment.weights_bytes / sum(parts.values())


def most_kv_heads(architecture: Architecture) -> int:
    """Most KV heads of a layer: that many slices its key and value projections can be cut into; at least 1."""
    by_heads = (g.attention for g in architecture.layers if isinstance(g.attention, FullAttention | SlidingAttention))
    return max((attention.kv_heads for attention in by_heads), default=1)
