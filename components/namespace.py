"""IsolatedNamespace: where a stack's workloads live, closed to everything that is not declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.core.v1 import Namespace, ResourceQuota
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from components.add_on import pod_security_labels

_DELETE_TIMEOUT = "15m"
"""Pods finish their requests and volumes are unmounted before a namespace is gone."""


@dataclass(frozen=True)
class IsolatedNamespaceArgs:
    """The namespace and its limits."""

    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    quota: Mapping[str, str] = field(default_factory=dict[str, str])
    """Hard limits of a ResourceQuota; empty: none."""
    retain: bool = False
    """The namespace stays when the stack is destroyed."""
    depends_on: Sequence[pulumi.Resource] = ()


class IsolatedNamespace(pulumi.ComponentResource):
    """A namespace with Pod Security levels, a NetworkPolicy that denies all traffic, and perhaps a quota.

    `baseline` is enforced, as some images of engines run as root; what is below `restricted` is reported.

    >>> IsolatedNamespace("chat", IsolatedNamespaceArgs("chat", quota={"requests.nvidia.com/gpu": "8"}))
    """

    resource: Namespace
    name: pulumi.Output[str]
    """The namespace's name, for objects that must come after it."""

    def __init__(self, name: str, args: IsolatedNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:IsolatedNamespace", name, None, opts)
        labels = dict(args.labels)
        self.resource = Namespace(
            name,
            metadata={
                "name": args.namespace,
                "labels": {**labels, **pod_security_labels("baseline", report="restricted")},
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.depends_on),
                retain_on_delete=args.retain or None,
                custom_timeouts=pulumi.CustomTimeouts(delete=_DELETE_TIMEOUT),
            ),
        )
        self.name = self.resource.metadata["name"]
        child = pulumi.ResourceOptions(parent=self, deleted_with=None if args.retain else self.resource)
        NetworkPolicy(
            name,
            metadata={"name": "default-deny", "namespace": self.name, "labels": labels},
            spec={"pod_selector": {}, "policy_types": ["Ingress", "Egress"]},
            opts=child,
        )
        if args.quota:
            ResourceQuota(
                name,
                metadata={"name": "quota", "namespace": self.name, "labels": labels},
                spec={"hard": dict(args.quota)},
                opts=child,
            )
        self.register_outputs({"namespace": self.name})
