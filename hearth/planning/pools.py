"""The GPU node pools of a stack, and what each is asked to hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hearth.catalog.gpus import gpus
from hearth.planning.foundation import plan_pool
from hearth.planning.ollama import NAME as OLLAMA
from hearth.planning.placement import Demand, Placement, PoolFull, place
from hearth.planning.plan import NodePool
from hearth.settings.stack import Settings

__all__ = ["OLLAMA", "PoolPlans", "plan_pools"]


@dataclass(frozen=True)
class PoolPlans:
    """Pools by name, and for each the placement of its workloads."""

    by_name: Mapping[str, NodePool]
    placements: Mapping[str, dict[str, Placement] | PoolFull]

    def placement(self, pool: str, workload: str) -> Placement:
        """Of a workload on a pool that holds all that is asked of it."""
        found = self.placements[pool]
        if isinstance(found, PoolFull):
            raise LookupError(found.arithmetic)
        return found[workload]


def plan_pools(settings: Settings) -> PoolPlans:
    """Pools whose GPU the catalog knows; demands on unknown pools are left out (the settings' checks name them)."""
    pools = {pool.name: plan_pool(pool) for pool in settings.gpu_node_pools if pool.gpu in gpus()}
    demands: dict[str, list[Demand]] = {name: [] for name in pools}
    for model in settings.models:
        if model.pool in demands:
            demands[model.pool].append(Demand(model.name, model.replicas, model.gpus))
    if settings.ollama and settings.ollama.pool in demands:
        demands[settings.ollama.pool].append(Demand(OLLAMA, 1, settings.ollama.gpus))
    return PoolPlans(pools, {name: place(pools[name], demands[name]) for name in pools})
