"""Which node each replica gets, and whether the scheduler can be left to choose.

A replica's GPUs are on one node. Replicas are placed best fit, largest first. Where some order of arrival could leave
a replica without a node although the sums fit (a pool cut into pieces), the workloads of that pool are pinned to the
nodes planned for them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hearth.planning.plan import NodePool


@dataclass(frozen=True)
class Demand:
    """A workload that needs GPUs of a pool."""

    workload: str
    replicas: int
    gpus: int
    """GPUs of one replica."""


@dataclass(frozen=True)
class Placement:
    """Nodes of one workload's replicas."""

    nodes: tuple[str, ...]
    pinned: bool
    """Only these nodes may be used."""
    surge: bool
    """One more replica finds room, whatever the other workloads of the pool do."""
    certain: bool
    """All replicas of the pool find room in whatever order they start."""


@dataclass(frozen=True)
class PoolFull:
    """A pool that cannot hold what is asked of it; `unplaced` are the workloads left without all their replicas."""

    unplaced: tuple[str, ...]
    arithmetic: str


def node_names(pool: NodePool) -> tuple[str, ...]:
    """Real names where the stack gives them, else a name for each node that the pool's selector matches."""
    return pool.nodes or tuple(f"{pool.name}-{number}" for number in range(1, pool.node_count + 1))


def fits_in_any_order(sizes: Iterable[int], nodes: int, gpus_per_node: int) -> bool:
    """Whether replicas of these sizes all find a node, whichever comes first and wherever the scheduler puts it.

    A replica of g GPUs finds none only if every node has fewer than g free, that is if the others hold at least
    nodes x (gpus_per_node - g + 1). Replicas of one size fill nodes without waste, so for them counting is exact.
    """
    wanted = list(sizes)
    distinct = set(wanted)
    if len(distinct) <= 1:
        return all(len(wanted) <= nodes * (gpus_per_node // size) for size in distinct)
    total = sum(wanted)
    return all(total - size < nodes * (gpus_per_node - size + 1) for size in distinct)


def place(pool: NodePool, demands: Sequence[Demand]) -> dict[str, Placement] | PoolFull:
    """Nodes for every replica of every demand on this pool, or the arithmetic of why there are not enough."""
    names = node_names(pool)
    by_free: dict[int, list[str]] = defaultdict(list)
    by_free[pool.gpus_per_node] = list(reversed(names))
    placed: dict[str, list[str]] = {demand.workload: [] for demand in demands}
    for demand in sorted(demands, key=lambda d: -d.gpus):
        for _ in range(demand.replicas):
            free = next((f for f in range(demand.gpus, pool.gpus_per_node + 1) if by_free[f]), None)
            if free is None:
                break
            node = by_free[free].pop()
            by_free[free - demand.gpus].append(node)
            placed[demand.workload].append(node)
    unplaced = tuple(d.workload for d in demands if len(placed[d.workload]) < d.replicas)
    if unplaced:
        left = {node: free for free, nodes in by_free.items() for node in nodes}
        return PoolFull(unplaced, _arithmetic(pool, demands, placed, left))
    sizes = [demand.gpus for demand in demands for _ in range(demand.replicas)]
    free_choice = fits_in_any_order(sizes, pool.node_count, pool.gpus_per_node)
    surges = fits_in_any_order(sizes + [d.gpus for d in demands], pool.node_count, pool.gpus_per_node)
    certain = free_choice or _pins_suffice(pool, demands, placed)
    return {d.workload: Placement(tuple(placed[d.workload]), not free_choice, surges, certain) for d in demands}


def _pins_suffice(pool: NodePool, demands: Sequence[Demand], placed: dict[str, list[str]]) -> bool:
    """Whether every node holds the most that evenly spread, pinned workloads can put on it."""
    most: dict[str, int] = defaultdict(int)
    for demand in demands:
        nodes = set(placed[demand.workload])
        for node in nodes:
            most[node] += demand.gpus * math.ceil(demand.replicas / len(nodes))
    return all(gpus <= pool.gpus_per_node for gpus in most.values())


def _arithmetic(
    pool: NodePool, demands: Sequence[Demand], placed: dict[str, list[str]], left: dict[str, int], limit: int = 8
) -> str:
    wanted = sum(demand.gpus * demand.replicas for demand in demands)
    lines = [
        f"{demand.workload} {demand.replicas} x {demand.gpus} GPUs"
        + (f" (on {', '.join(dict.fromkeys(placed[demand.workload]))})" if placed[demand.workload] else "")
        for demand in demands[:limit]
    ]
    if len(demands) > limit:
        lines.append(f"{len(demands) - limit} more")
    free = [f"{node} {count}" for node, count in sorted(left.items()) if count][:limit]
    return (
        f"pool {pool.name} has {pool.node_count} x {pool.gpus_per_node} = {pool.gpus} GPUs, "
        f"asked for are {wanted}: {'; '.join(lines)}; "
        f"free after that: {', '.join(free) if free else 'none'}; the GPUs of a replica must be on one node"
    )
