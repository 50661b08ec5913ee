from __future__ import annotations

import pytest

from hearth.rehearsal.nodes import SimulatedNode, Taint, manifest

GPU = SimulatedNode("gpu-01", 128, 1024, 8, "NVIDIA-H200", 143771, {"site": "a"}, (Taint("gpu", "yes"),))
CPU = SimulatedNode("cpu-01", 16, 64)


def test_gpus_are_an_extended_resource() -> None:
    assert manifest(GPU, 0)["status"]["allocatable"]["nvidia.com/gpu"] == "8"


def test_a_node_without_gpus_has_no_such_resource() -> None:
    assert "nvidia.com/gpu" not in manifest(CPU, 0)["status"]["allocatable"]


def test_a_node_without_gpus_has_no_gpu_labels() -> None:
    assert not [label for label in manifest(CPU, 0)["metadata"]["labels"] if "nvidia" in label]


def test_memory_is_in_gib() -> None:
    assert manifest(CPU, 0)["status"]["capacity"]["memory"] == "64Gi"


def test_own_labels_come_on_top() -> None:
    labels = manifest(GPU, 0)["metadata"]["labels"]
    assert (labels["site"], labels["kubernetes.io/hostname"]) == ("a", "gpu-01")


def test_taints_are_set() -> None:
    assert manifest(GPU, 0)["spec"]["taints"] == [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]


@pytest.mark.parametrize(("index", "cidr"), [(0, "10.128.0.0/24"), (255, "10.128.255.0/24"), (256, "10.129.0.0/24")])
def test_every_node_has_a_range_of_pod_addresses(index: int, cidr: str) -> None:
    assert manifest(CPU, index)["spec"]["podCIDR"] == cidr
