"""Whether pools and nodes hold what is asked of them. Each check explains itself with its arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from hearth.catalog.ollama import ollama_models
from hearth.planning.placement import PoolFull
from hearth.planning.plan import PostgresCluster
from hearth.planning.pools import OLLAMA, PoolPlans
from hearth.problems import Path, Problem
from hearth.settings.models import Model, Ollama
from hearth.settings.stack import Settings
from hearth.workload import Workload

_POOLS: Path = ("gpuNodePools",)


def find_problems(settings: Settings, pools: PoolPlans) -> Iterator[Problem]:
    """Everything that would keep pods with GPUs and light models from running."""
    if settings.ollama:
        yield from _ollama_sizes_known(settings.ollama)
    yield from _pools_hold_demands(settings, pools)


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
        sizes = _replica_sizes(model, settings.ollama)
        if math.prod(sizes.values()) > pool.gpus_per_node:
            key = max(sizes, key=lambda setting: sizes[setting])
            lower = " or ".join(setting for setting, size in sizes.items() if size > 1)
            remedy = f"a node of pool {name} has {pool.gpus_per_node} GPUs: lower {lower} or choose another pool"
            yield Problem((*paths[first], key), sizes[key], placement.arithmetic, remedy, depends_on=rests_on)
        else:
            who = ", ".join(placement.unplaced)
            remedy = (
                f"{who} cannot be placed: add nodes to pool {name}, lower replicas or tensorParallel, "
                "or move a model to another pool"
            )
            yield Problem((*paths[first], "pool"), name, placement.arithmetic, remedy, depends_on=rests_on)


def _replica_sizes(model: Model | None, ollama: Ollama | None) -> Mapping[str, int]:
    """The settings whose product is the number of GPUs that one replica has together."""
    if model is None:
        return {"gpus": ollama.gpus if ollama else 0}
    return {
        "tensorParallel": model.tensor_parallel,
        "pipelineParallel": model.pipeline_parallel,
        "dataParallel": model.data_parallel,
    }


def _demand_paths(settings: Settings, pool: str) -> Iterator[Path]:
    """The settings that say how many GPUs a pool is asked for."""
    for index, model in enumerate(settings.models):
        if model.pool == pool:
            keys = ("pool", "replicas", "tensorParallel", "pipelineParallel", "dataParallel")
            yield from (("models", index, key) for key in keys)
    if settings.ollama and settings.ollama.pool == pool:
        yield from (("ollama", key) for key in ("pool", "gpus"))


def find_memory_problems(settings: Settings, workloads: Sequence[Workload]) -> Iterator[Problem]:
    """Whether the one host of target docker holds all servers at once; CPUs are shared there."""
    servers = [w for w in workloads if w.kind in ("deployment", "statefulset")]
    wanted, there = sum(w.memory_gib for w in servers), settings.cpu_nodes.memory_gib
    if wanted > there:
        yield Problem(
            ("cpuNodes", "memoryGib"),
            there,
            f"the servers together need {' + '.join(f'{w.memory_gib:g} ({w.name})' for w in servers)} = {wanted:g} GiB",
            "state the memory of the host here if it has more; else leave out a model or a service",
        )


def find_host_problems(
    settings: Settings, workloads: Sequence[Workload], cluster: PostgresCluster | None = None
) -> Iterator[Problem]:
    """Whether the CPU nodes hold all pods without GPUs, by first fit of memory and CPUs, largest first.

    Those of a Postgres `cluster` are no workloads of the stack.
    """
    cpu_nodes = settings.cpu_nodes
    nodes = [[float(cpu_nodes.memory_gib), float(cpu_nodes.cpus)] for _ in range(cpu_nodes.count)]
    wanted = [
        (w.memory_gib, w.cpus, w.name)
        for w in workloads
        if w.kind in ("deployment", "statefulset") and not w.container.resources.gpus
        for _ in range(w.replicas)
    ]
    if cluster:
        wanted += [(cluster.resources.memory_gib, cluster.resources.cpus, cluster.name)] * cluster.instances
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
