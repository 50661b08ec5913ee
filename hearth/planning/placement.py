"""Which node each replica gets, and whether the scheduler can be left to choose.

A replica's GPUs are on one node. Replicas are placed best fit in the order of the stack file, so that a model added at
its end moves none of the others; where that order wastes too much, largest first. On a pool whose replicas differ in
size the scheduler, which spreads pods, could leave no node to the largest: its workloads are pinned to their nodes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
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


def place(pool: NodePool, demands: Sequence[Demand]) -> dict[str, Placement] | PoolFull:
    """Nodes for every replica of every demand on this pool, or the arithmetic of why there are not enough."""
    largest_first = sorted(demands, key=lambda demand: -demand.gpus)
    attempts = [_best_fit(pool, order) for order in (demands, largest_first)]
    fitting = next((attempt for attempt in attempts if not attempt.unplaced(demands)), None)
    if fitting is None:
        last = attempts[-1]
        return PoolFull(last.unplaced(demands), _arithmetic(pool, demands, last.placed, last.free))
    sizes = {demand.gpus for demand in demands}
    if len(sizes) > 1:
        certain = _pins_suffice(pool, demands, fitting.placed)
        return {d.workload: Placement(tuple(fitting.placed[d.workload]), True, False, certain) for d in demands}
    # Replicas of one size fill nodes without waste, wherever they go; a rollout needs one more of each model.
    rooms = pool.node_count * (pool.gpus_per_node // max(sizes, default=1))
    surge = sum(demand.replicas + 1 for demand in demands) <= rooms
    return {d.workload: Placement(tuple(fitting.placed[d.workload]), False, surge, True) for d in demands}


@dataclass(frozen=True)
class _Fit:
    """Nodes of each workload's replicas, as far as they found one, and the GPUs left on each node."""

    placed: dict[str, list[str]]
    free: dict[str, int]

    def unplaced(self, demands: Sequence[Demand]) -> tuple[str, ...]:
        return tuple(d.workload for d in demands if len(self.placed[d.workload]) < d.replicas)


def _best_fit(pool: NodePool, demands: Sequence[Demand]) -> _Fit:
    """Each replica goes to the node with the fewest free GPUs that are enough."""
    by_free: dict[int, list[str]] = defaultdict(list)
    by_free[pool.gpus_per_node] = list(reversed(node_names(pool)))
    placed: dict[str, list[str]] = {demand.workload: [] for demand in demands}
    for demand in demands:
        for _ in range(demand.replicas):
            free = next((f for f in range(demand.gpus, pool.gpus_per_node + 1) if by_free[f]), None)
            if free is None:
                break
            node = by_free[free].pop()
            by_free[free - demand.gpus].append(node)
            placed[demand.workload].append(node)
    return _Fit(placed, {node: free for free, nodes in by_free.items() for node in nodes})


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
