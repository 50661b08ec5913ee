"""NfsStorage: volumes on an NFS server, through csi-driver-nfs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.storage.v1 import StorageClass

from components.add_on import AddOnArgs, AddOnRelease
from components.runtimes.claims import declare_claim
from hearth.planning.plan import AddOn, NfsClass
from hearth.workload import Claim

_DIRECTORY = "${pvc.metadata.namespace}/${pvc.metadata.name}"
"""Directory of a volume; the same name finds the same data again when a stack is deployed anew."""


@dataclass(frozen=True)
class NfsStorageArgs:
    """The class, and the driver where the stack installs it."""

    storage_class: NfsClass
    driver: AddOn | None = None
    claims: Sequence[Claim] = ()
    """Volumes besides those that workloads bring along."""
    namespace: pulumi.Input[str] = "default"
    """Of the claims."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """On the objects that are made."""


class NfsStorage(pulumi.ComponentResource):
    """A StorageClass whose volumes are directories of an NFS export.

    With `retain_data` a directory stays on the server when its claim goes, and the next claim of that name has it
    again. Parameters: https://github.com/kubernetes-csi/csi-driver-nfs/blob/master/docs/driver-parameters.md

    >>> NfsStorage("nfs", NfsStorageArgs(NfsClass("nfs", "192.168.33.11", "/export", ("nfsvers=4.1",), True)))
    """

    ready: pulumi.Resource
    """What claims come after."""

    def __init__(self, name: str, args: NfsStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:NfsStorage", name, None, opts)
        labels = dict(args.labels)
        driver = _driver(self, name, args)
        nfs = args.storage_class
        self.ready = StorageClass(
            name,
            metadata={"name": nfs.name, "labels": labels},
            provisioner="nfs.csi.k8s.io",
            parameters={
                "server": nfs.server,
                "share": nfs.share,
                "subDir": _DIRECTORY,
                "onDelete": "retain" if nfs.retain_data else "delete",
            },
            mount_options=list(nfs.mount_options),
            reclaim_policy="Delete",
            volume_binding_mode="Immediate",
            allow_volume_expansion=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=driver),
        )
        for claim in args.claims:
            declare_claim(
                f"{name}-{claim.name}",
                claim,
                {"name": claim.name, "namespace": args.namespace, "labels": labels},
                pulumi.ResourceOptions(parent=self, depends_on=[self.ready]),
            )
        self.register_outputs({"storageClass": nfs.name})


def _driver(parent: pulumi.Resource, name: str, args: NfsStorageArgs) -> list[pulumi.Resource]:
    if args.driver is None:
        return []
    release = AddOnRelease(
        f"{name}-{args.driver.chart}", AddOnArgs(args.driver, args.labels), pulumi.ResourceOptions(parent=parent)
    )
    return [release.ready] if release.ready else []
