"""AddOnRelease: a third-party chart in a namespace of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v3 import Release

from hearth.planning.plan import AddOn

_WAIT_SECONDS = 900
"""Images of the GPU operator have several GiB."""
_OWN_NAMESPACES = "kube-"
"""Prefix that Kubernetes keeps for its own namespaces, which are there already."""


@dataclass(frozen=True)
class AddOnArgs:
    """The chart, and what must exist before it."""

    add_on: AddOn
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """On the objects that are made."""
    depends_on: Sequence[pulumi.Resource] = ()


class AddOnRelease(pulumi.ComponentResource):
    """Installs a managed add-on at its pinned version; one that the cluster has already is left alone.

    >>> AddOnRelease("metallb", AddOnArgs(add_on=plan.add_ons[0]))
    """

    ready: pulumi.Resource | None
    """Exists once the add-on's pods are ready; None where the cluster has it already."""

    def __init__(self, name: str, args: AddOnArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:AddOnRelease", name, None, opts)
        self.ready = self._release(name, args) if args.add_on.mode == "managed" else None
        self.register_outputs({"version": args.add_on.version})

    def _release(self, name: str, args: AddOnArgs) -> Release:
        add_on = args.add_on
        depends_on = list(args.depends_on)
        if not add_on.namespace.startswith(_OWN_NAMESPACES):
            depends_on.append(
                Namespace(
                    name,
                    metadata={
                        "name": add_on.namespace,
                        "labels": {**args.labels, **pod_security_labels(add_on.pod_security)},
                    },
                    opts=pulumi.ResourceOptions(parent=self),
                )
            )
        return Release(
            name,
            name=add_on.chart,
            chart=add_on.chart,
            version=add_on.version,
            namespace=add_on.namespace,
            repository_opts={"repo": add_on.repository},
            values=add_on.values,
            timeout=_WAIT_SECONDS,
            opts=pulumi.ResourceOptions(parent=self, depends_on=depends_on),
        )


def pod_security_labels(enforce: str, report: str | None = None) -> dict[str, str]:
    """Labels of a namespace for Pod Security Admission: pods below `enforce` are refused, below `report` reported.

    https://kubernetes.io/docs/concepts/security/pod-security-admission/
    """
    prefix = "pod-security.kubernetes.io"
    reported = report or enforce
    return {f"{prefix}/enforce": enforce, f"{prefix}/audit": reported, f"{prefix}/warn": reported}
