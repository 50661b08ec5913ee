"""The memory of a stack's models: settings and catalog become deployments, and those are judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hearth.catalog.architecture import Architecture
from hearth.catalog.gpus import gpus
from hearth.catalog.models import CatalogModel, catalog_model
from hearth.engines.flags import canonical
from hearth.planning.memory.checks import Misfit, find_misfits
from hearth.planning.memory.context import at_version
from hearth.planning.memory.deployment import GIB, Deployment, Fit, Parallelism
from hearth.planning.memory.fit import fit
from hearth.planning.memory.remedies import STEP
from hearth.planning.memory.weights import catalog_bytes
from hearth.planning.plan import MemoryUse, NodePool
from hearth.settings.models import Model

DEFAULT_ADAPTER_RANK = 16
"""vLLM's --max-lora-rank; SGLang takes the highest rank of the adapters themselves."""
UNKNOWN_SHARE = 0.88
"""Share of a GPU's memory that is reckoned with where an engine decides by itself and the model's shape is unknown."""
POSITIONS: Mapping[str, tuple[str, ...]] = {
    "vllm": ("--hf-overrides", "--rope-scaling"),
    "sglang": ("--json-model-override-args",),
}
"""Flags that can scale a model's positions beyond its config.json; they are taken at their word."""


@dataclass(frozen=True)
class ModelMemory:
    """What is known of one model's memory. Without an entry in the catalog its KV cache is not."""

    weights_gib: float
    """On the volume."""
    context_length: int
    deployment: Deployment | None = None
    fit: Fit | None = None
    misfits: tuple[Misfit, ...] = ()


def judge(model: Model, engine_version: str, pool: NodePool) -> ModelMemory | None:
    """Whether the model fits on its GPUs, `contextLength: auto` resolved; None where not even its size is known."""
    known = catalog_model(model.source)
    size = weights_gib(model, known)
    if size is None:
        return None
    context = None if model.context_length == "auto" else model.context_length
    if known is None:
        return ModelMemory(size, context or 0)
    asked = Deployment(
        model=model.source,
        architecture=_scaled(at_version(known.architecture, model.engine, engine_version), model),
        weights_bytes=round(model.weights_gib * GIB) if model.weights_gib else catalog_bytes(known),
        gpu=gpus()[pool.gpu],
        engine=model.engine,
        engine_version=engine_version,
        parallelism=Parallelism(model.tensor_parallel, model.pipeline_parallel, model.data_parallel),
        expert_parallel=model.expert_parallel,
        context_length=context,
        gpu_memory_utilization=model.gpu_memory_utilization,
        kv_cache_dtype=model.kv_cache_dtype,
        max_num_seqs=model.max_num_seqs,
        max_num_batched_tokens=model.max_num_batched_tokens,
        prefix_caching=None if model.prefix_caching else False,
        adapter_rank=(model.adapter_rank or DEFAULT_ADAPTER_RANK) if model.adapters else 0,
        concurrent_users=model.concurrent_users,
    )
    misfits = tuple(find_misfits(asked))
    if misfits:
        return ModelMemory(size, asked.context, asked, None, misfits)
    if context is None:
        longest = fit(asked).max_context
        asked = replace(asked, context_length=longest // STEP * STEP or None)
    return ModelMemory(size, asked.context, asked, fit(asked))


def _scaled(architecture: Architecture, model: Model) -> Architecture:
    scaled = any(canonical(argument, model.engine) in POSITIONS[model.engine] for argument in model.engine_args)
    if not scaled or model.context_length == "auto":
        return architecture
    return replace(architecture, max_context=max(model.context_length, architecture.max_context))


def memory_use(model: Model, memory: ModelMemory, pool: NodePool) -> MemoryUse:
    """The figures that the plan shows."""
    if memory.fit is None:
        budget = (model.gpu_memory_utilization or UNKNOWN_SHARE) * pool.gpu_usable_gib
        return MemoryUse(memory.weights_gib / model.gpus, 0.0, budget)
    fit = memory.fit
    return MemoryUse(
        weights_gib=fit.weights_gib,
        kv_cache_gib=fit.kv_needed_gib * model.concurrent_users,
        budget_gib=fit.budget_gib,
        overhead_gib=fit.overhead_gib,
        kv_cache_tokens=fit.kv_cache_tokens,
        max_concurrency=fit.max_concurrency,
    )


def weights_gib(model: Model, known: CatalogModel | None) -> float | None:
    """The stack's own figure, else the catalog's; None when neither is there."""
    if model.weights_gib:
        return model.weights_gib
    return known.weights_bytes / GIB if known else None
