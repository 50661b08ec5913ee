"""GpuSupport: what pods need to run on GPUs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.node.v1 import RuntimeClass

from components.add_on import AddOnArgs, AddOnRelease
from hearth.planning import plan


@dataclass(frozen=True)
class GpuSupportArgs:
    """Any part may be missing: clusters differ in what they bring along."""

    runtime_class: plan.RuntimeClass | None = None
    add_ons: Sequence[plan.AddOn] = ()
    """The device plugin or the GPU operator."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """On the objects that are made."""


class GpuSupport(pulumi.ComponentResource):
    """A RuntimeClass for NVIDIA's container runtime, and NVIDIA's device plugin or GPU operator.

    >>> GpuSupport("gpus", GpuSupportArgs(runtime_class=plan.RuntimeClass("nvidia", "nvidia")))
    """

    ready: tuple[pulumi.Resource, ...]
    """What pods with GPUs come after."""

    def __init__(self, name: str, args: GpuSupportArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:GpuSupport", name, None, opts)
        found: list[pulumi.Resource] = []
        if args.runtime_class:
            found.append(
                RuntimeClass(
                    name,
                    metadata={"name": args.runtime_class.name, "labels": dict(args.labels)},
                    handler=args.runtime_class.handler,
                    opts=pulumi.ResourceOptions(parent=self),
                )
            )
        needs = tuple(found)
        for add_on in args.add_ons:
            release = AddOnRelease(
                f"{name}-{add_on.chart}", AddOnArgs(add_on, args.labels, needs), pulumi.ResourceOptions(parent=self)
            )
            if release.ready:
                found.append(release.ready)
        self.ready = tuple(found)
        self.register_outputs({})
