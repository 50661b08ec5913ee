"""Simulated nodes: what kwok is given so that they look like a site's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PODS_PER_NODE = 110
"""The kubelet's default `maxPods`."""

EPHEMERAL_STORAGE_GIB = 1024
"""Local disk of a simulated node, in GiB: more than any stack requests."""


@dataclass(frozen=True)
class Taint:
    """A taint of a node."""

    key: str
    value: str = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"


@dataclass(frozen=True)
class SimulatedNode:
    """A node and its GPUs as NVIDIA's device plugin and GPU feature discovery describe them."""

    name: str
    cpu: int
    """CPUs."""
    memory_gib: int
    """Memory in GiB."""
    gpus: int = 0
    gpu_product: str | None = None
    """Value of the label nvidia.com/gpu.product, such as NVIDIA-H200."""
    gpu_memory_mib: int = 0
    """Memory of one GPU in MiB."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    taints: tuple[Taint, ...] = ()


def manifest(node: SimulatedNode, index: int) -> dict[str, Any]:
    """The Node object of `node`; `index`, unique within a cluster, selects its range of pod addresses."""
    resources = {
        "cpu": str(node.cpu),
        "memory": f"{node.memory_gib}Gi",
        "pods": str(PODS_PER_NODE),
        "ephemeral-storage": f"{EPHEMERAL_STORAGE_GIB}Gi",
        **({"nvidia.com/gpu": str(node.gpus)} if node.gpus else {}),
    }
    pod_cidr = f"10.{128 + index // 256}.{index % 256}.0/24"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": {**_labels(node), **node.labels}},
        "spec": {
            "podCIDR": pod_cidr,
            "podCIDRs": [pod_cidr],
            "taints": [{"key": t.key, "value": t.value, "effect": t.effect} for t in node.taints],
        },
        "status": {"capacity": resources, "allocatable": resources},
    }


def _labels(node: SimulatedNode) -> dict[str, str]:
    """Labels that the kubelet sets, and those of GPU feature discovery (its README lists them)."""
    labels = {"kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    if node.gpus:
        labels |= {
            "nvidia.com/gpu.present": "true",
            "nvidia.com/gpu.count": str(node.gpus),
            "nvidia.com/gpu.memory": str(node.gpu_memory_mib),
            "nvidia.com/gpu.product": node.gpu_product or "unknown",
        }
    return labels
