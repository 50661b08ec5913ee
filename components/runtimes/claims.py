"""Claims: volumes that outlive their workload."""

from __future__ import annotations

import pulumi
from pulumi_kubernetes.core.v1 import PersistentVolumeClaim, PersistentVolumeClaimSpecArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.runtimes.pod import gib
from hearth.workload import Claim


def declare_claim(
    name: str, claim: Claim, metadata: ObjectMetaArgsDict, opts: pulumi.ResourceOptions
) -> PersistentVolumeClaim:
    """A PersistentVolumeClaim with this logical name."""
    return PersistentVolumeClaim(
        name,
        metadata=metadata,
        spec=claim_spec(claim),
        opts=opts,
    )


def claim_spec(claim: Claim) -> PersistentVolumeClaimSpecArgsDict:
    """What is asked of the storage."""
    return {
        "access_modes": ["ReadWriteMany" if claim.shared else "ReadWriteOnce"],
        "resources": {"requests": {"storage": gib(claim.size_gib)}},
        "storage_class_name": claim.storage_class,
    }
