"""Whether a stack can run at all: GPUs, GPU memory, host memory. Each check explains itself with its arithmetic.

Checks skip what another check or the settings have already found wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hearth.catalog.models import CatalogModel, models
from hearth.catalog.ollama import ollama_models
from hearth.planning.inference import engine_is_too_old, engine_version, memory_share
from hearth.planning.memory import ENGINE_OVERHEAD_GIB, GIB, kv_cache_bytes
from hearth.planning.placement import PoolFull
from hearth.planning.pools import OLLAMA, PoolPlans
from hearth.problems import Path, Problem
from hearth.settings.models import Model, Ollama
from hearth.settings.stack import Settings
from hearth.workload import Workload

_POOLS: Path = ("gpuNodePools",)


def find_problems(settings: Settings, pools: PoolPlans, images: Mapping[str, str]) -> Iterator[Problem]:
    """Everything that would keep the stack's models from running."""
    for index, model in enumerate(settings.models):
        path: Path = ("models", index)
        shape = models().get(model.source)
        yield from _size_known(path, model, shape)
        yield from _splits_evenly(path, model, shape)
        yield from _context_within_model(path, model, shape)
        yield from _fits_memory(path, model, shape, pools)
    for engine in sorted({model.engine for model in settings.models}):
        yield from _engine_recent(engine, images[engine])
    if settings.ollama:
        yield from _ollama_sizes_known(settings.ollama)
    yield from _pools_hold_demands(settings, pools)


def weights_gib(model: Model) -> float | None:
    """The stack's own figure, else the catalog's; None when neither is there."""
    if model.weights_gib:
        return model.weights_gib
    shape = models().get(model.source)
    return shape.weights_bytes / GIB if shape else None


def _size_known(path: Path, model: Model, shape: CatalogModel | None) -> Iterator[Problem]:
    if weights_gib(model) is None:
        yield Problem(
            (*path, "source"),
            model.source,
            "the catalog does not know this model, so neither its volume nor its start-up time can be computed",
            "add weightsGib (the sum of its safetensors files in GiB) and attentionHeads (num_attention_heads in its "
            "config.json) to this model, or check the spelling of source",
        )


def _splits_evenly(path: Path, model: Model, shape: CatalogModel | None) -> Iterator[Problem]:
    heads = model.attention_heads or (shape.attention_heads if shape else None)
    if heads and heads % model.tensor_parallel:
        allowed = ", ".join(str(n) for n in (1, 2, 4, 8, 16) if heads % n == 0)
        yield Problem(
            (*path, "tensorParallel"),
            model.tensor_parallel,
            f"{model.source} has {heads} attention heads, and {heads} is not divisible by {model.tensor_parallel}",
            f"choose one of {allowed}",
        )


def _context_within_model(path: Path, model: Model, shape: CatalogModel | None) -> Iterator[Problem]:
    if shape and _beyond_model(model, shape):
        yield Problem(
            (*path, "contextLength"),
            model.context_length,
            f"{model.source} was trained for at most {shape.max_context} tokens",
            f"choose at most {shape.max_context}, or scale its positions with engineArgs such as --hf-overrides",
        )


def _beyond_model(model: Model, shape: CatalogModel) -> bool:
    """Whether the context is longer than the model takes; scaled positions are taken at their word."""
    scaled = any("rope" in argument or "hf-overrides" in argument for argument in model.engine_args)
    return model.context_length > shape.max_context and not scaled


def _fits_memory(path: Path, model: Model, shape: CatalogModel | None, pools: PoolPlans) -> Iterator[Problem]:
    pool, total = pools.by_name.get(model.pool), weights_gib(model)
    if pool is None or total is None or model.tensor_parallel > pool.gpus_per_node:
        return
    share = memory_share(model)
    budget = share * pool.gpu_usable_gib
    weights = total / model.tensor_parallel
    room = budget - weights - ENGINE_OVERHEAD_GIB
    sums = (
        f"each GPU of pool {pool.name} has {pool.gpu_usable_gib:.1f} GiB x {share} = {budget:.1f} GiB for the engine; "
        f"the weights take {total:.1f} / {model.tensor_parallel} = {weights:.1f} GiB of it "
        f"and the engine itself at least {ENGINE_OVERHEAD_GIB:.1f} GiB"
    )
    if room <= 0:
        yield Problem(
            (*path, "tensorParallel"),
            model.tensor_parallel,
            sums,
            "use more GPUs for a replica, a pool with larger GPUs, or a smaller or quantised model",
            depends_on=(path, _POOLS),
        )
        return
    if shape is None or _beyond_model(model, shape):
        return
    need = kv_cache_bytes(shape, model.tensor_parallel, model.context_length) / GIB
    if need > room:
        longest = _longest_context(shape, model.tensor_parallel, model.context_length, room * GIB)
        yield Problem(
            (*path, "contextLength"),
            model.context_length,
            f"{sums}; {room:.1f} GiB are left, but one request of this length needs {need:.1f} GiB of KV cache",
            f"choose at most {longest}, or a larger tensorParallel",
            depends_on=(path, _POOLS),
        )


def _longest_context(shape: CatalogModel, tensor_parallel: int, above: int, room_bytes: float, step: int = 256) -> int:
    """The longest context, a multiple of `step` tokens, whose KV cache fits; found by bisection below `above`."""
    low, high = 0, above // step
    while low < high:
        middle = (low + high + 1) // 2
        if kv_cache_bytes(shape, tensor_parallel, middle * step) <= room_bytes:
            low = middle
        else:
            high = middle - 1
    return low * step


def _engine_recent(engine: str, image: str) -> Iterator[Problem]:
    version = engine_version(image)
    minimum = engine_is_too_old(engine, version)
    if minimum:
        yield Problem(
            ("engines", engine, "image"),
            image,
            f"version {version} lacks flags that Hearth sets",
            f"use {engine} {'.'.join(map(str, minimum))} or newer",
        )


def _ollama_sizes_known(ollama: Ollama) -> Iterator[Problem]:
    for index, tag in enumerate(ollama.models):
        if tag not in ollama_models() and not (ollama.memory_gib and ollama.volume_gib):
            yield Problem(
                ("ollama", "models", index),
                tag,
                "the catalog does not know the size of this tag",
                "add memoryGib (host memory) and volumeGib (for all tags) to hearth:ollama, or check the spelling",
            )


def _pools_hold_demands(settings: Settings, pools: PoolPlans) -> Iterator[Problem]:
    paths: dict[str, Path] = {model.name: ("models", index) for index, model in enumerate(settings.models)}
    paths[OLLAMA] = ("ollama",)
    for name, placement in pools.placements.items():
        if not isinstance(placement, PoolFull):
            continue
        pool = pools.by_name[name]
        rests_on = (_POOLS, *_demand_paths(settings, name))
        first = placement.unplaced[0]
        model = next((m for m in settings.models if m.name == first), None)
        gpus = model.tensor_parallel if model else (settings.ollama.gpus if settings.ollama else 0)
        if gpus > pool.gpus_per_node:
            key = "tensorParallel" if model else "gpus"
            remedy = f"a node of pool {name} has {pool.gpus_per_node} GPUs: lower {key} or choose another pool"
            yield Problem((*paths[first], key), gpus, placement.arithmetic, remedy, depends_on=rests_on)
        else:
            who = ", ".join(placement.unplaced)
            remedy = (
                f"{who} cannot be placed: add nodes to pool {name}, lower replicas or tensorParallel, "
                "or move a model to another pool"
            )
            yield Problem((*paths[first], "pool"), name, placement.arithmetic, remedy, depends_on=rests_on)


def _demand_paths(settings: Settings, pool: str) -> Iterator[Path]:
    """The settings that say how many GPUs a pool is asked for."""
    for index, model in enumerate(settings.models):
        if model.pool == pool:
            yield from (("models", index, key) for key in ("pool", "replicas", "tensorParallel"))
    if settings.ollama and settings.ollama.pool == pool:
        yield from (("ollama", key) for key in ("pool", "gpus"))


def find_host_problems(settings: Settings, workloads: Sequence[Workload]) -> Iterator[Problem]:
    """Whether the CPU nodes hold all pods without GPUs, by first fit of memory and CPUs, largest first."""
    cpu_nodes = settings.cpu_nodes
    nodes = [[float(cpu_nodes.memory_gib), float(cpu_nodes.cpus)] for _ in range(cpu_nodes.count)]
    wanted = [
        (w.container.resources.memory_gib, w.container.resources.cpus, w.name)
        for w in workloads
        if w.kind != "job" and not w.container.resources.gpus
        for _ in range(w.replicas)
    ]
    for memory, cpus, name in sorted(wanted, reverse=True):
        node = next((n for n in nodes if n[0] >= memory and n[1] >= cpus), None)
        if node is None:
            yield Problem(
                ("cpuNodes",),
                cpu_nodes.model_dump(by_alias=True),
                f"{name} needs {memory:g} GiB and {cpus:g} CPUs on one node; together the pods without GPUs ask for "
                f"{sum(w[0] for w in wanted):g} GiB and {sum(w[1] for w in wanted):g} CPUs, "
                f"and {len(nodes)} nodes have {cpu_nodes.memory_gib} GiB and {cpu_nodes.cpus} CPUs each",
                "state larger or more cpuNodes, or lower replicas, workers or memory",
            )
            return
        node[0] -= memory
        node[1] -= cpus
