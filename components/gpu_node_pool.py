"""GpuNodePool: labels and taints on named nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import NodePatch

from hearth.planning.plan import NodePool


@dataclass(frozen=True)
class GpuNodePoolArgs:
    """The pool; one without node names is selected by labels that its nodes have already."""

    pool: NodePool


class GpuNodePool(pulumi.ComponentResource):
    """Patches the nodes of a pool, so that only its pods land there.

    The patches own nothing but these labels and taints, and give them up when the stack is destroyed.

    >>> GpuNodePool("h200", GpuNodePoolArgs(pool=plan.node_pools[0]))
    """

    ready: pulumi.Resource | None
    """Exists once all nodes are patched; None where there is nothing to patch."""

    def __init__(self, name: str, args: GpuNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:GpuNodePool", name, None, opts)
        pool = args.pool
        first = [self._patch(name, pool, node, []) for node in pool.nodes[:-1]]
        # The last patch follows all others, so that it alone stands for the pool.
        self.ready = self._patch(name, pool, pool.nodes[-1], first) if pool.nodes else None
        self.register_outputs({"nodes": list(pool.nodes)})

    def _patch(self, name: str, pool: NodePool, node: str, depends_on: Sequence[pulumi.Resource]) -> NodePatch:
        return NodePatch(
            f"{name}-{node}",
            metadata={
                "name": node,
                "labels": dict(pool.labels),
                # The kubelet and cloud controllers set taints as well; without this, theirs would be a conflict.
                "annotations": {"pulumi.com/patchForce": "true"},
            },
            spec={"taints": [{"key": t.key, "value": t.value, "effect": t.effect} for t in pool.taints]},
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(depends_on)),
        )
