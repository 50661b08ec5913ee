"""LoadBalancerPool: addresses for Services of type LoadBalancer, through MetalLB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.add_on import AddOnArgs, AddOnRelease
from hearth.planning.plan import AddOn, AddressPool

_API = "metallb.io/v1beta1"


@dataclass(frozen=True)
class LoadBalancerPoolArgs:
    """The addresses, and MetalLB where the stack installs it."""

    pool: AddressPool
    metallb: AddOn | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """On the objects that are made."""


class LoadBalancerPool(pulumi.ComponentResource):
    """An IPAddressPool, announced in layer 2 (ARP, NDP): no router needs to be configured.

    https://metallb.io/configuration/

    >>> LoadBalancerPool("office", LoadBalancerPoolArgs(AddressPool("office", "metallb-system", ("10.0.0.0/28",))))
    """

    ready: pulumi.Resource
    """What Services of type LoadBalancer come after."""

    def __init__(self, name: str, args: LoadBalancerPoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:LoadBalancerPool", name, None, opts)
        needs: list[pulumi.Resource] = []
        if args.metallb:
            release = AddOnRelease(
                f"{name}-{args.metallb.chart}",
                AddOnArgs(args.metallb, args.labels),
                pulumi.ResourceOptions(parent=self),
            )
            needs += [release.ready] if release.ready else []
        metadata: ObjectMetaArgsDict = {
            "name": args.pool.name,
            "namespace": args.pool.namespace,
            "labels": dict(args.labels),
        }
        pool = CustomResource(
            name,
            api_version=_API,
            kind="IPAddressPool",
            metadata=metadata,
            spec={"addresses": list(args.pool.addresses)},
            opts=pulumi.ResourceOptions(parent=self, depends_on=needs),
        )
        self.ready = CustomResource(
            name,
            api_version=_API,
            kind="L2Advertisement",
            metadata=metadata,
            spec={"ipAddressPools": [args.pool.name]},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[pool]),
        )
        self.register_outputs({"addresses": list(args.pool.addresses)})
