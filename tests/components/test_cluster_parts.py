"""What a stack puts into its cluster besides workloads: each component alone, with its public arguments only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components.add_on import AddOnArgs, AddOnRelease
from components.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from components.gpu_support import GpuSupport, GpuSupportArgs
from components.load_balancer_pool import LoadBalancerPool, LoadBalancerPoolArgs
from components.namespace import IsolatedNamespace, IsolatedNamespaceArgs
from components.nfs_storage import NfsStorage, NfsStorageArgs
from hearth.evaluation import Evaluation, record
from hearth.planning.plan import AddOn, AddressPool, NfsClass, NodePool, RuntimeClass
from hearth.workload import Claim, Taint

LABELS = {"app.kubernetes.io/instance": "prod"}
POOL = NodePool(
    name="h200",
    gpu="H200-141GB",
    gpu_product="NVIDIA-H200",
    gpu_memory_mib=143771,
    gpu_usable_gib=139.8,
    gpus_per_node=8,
    nodes=("gpu-01", "gpu-02", "gpu-03"),
    node_count=3,
    labels={"hearth.dev/node-pool": "h200"},
    taints=(Taint("nvidia.com/gpu", "present"),),
    cpus_per_node=128,
    memory_gib_per_node=1024,
)
ADD_ON = AddOn(
    name="metallb",
    mode="managed",
    chart="metallb",
    repository="https://metallb.github.io/metallb",
    version="0.16.1",
    namespace="metallb-system",
    pod_security="privileged",
    values={"frrk8s": {"enabled": False}},
    why="hearth:loadBalancer",
)
NFS = NfsClass("chat-nfs", "192.168.33.11", "/export", ("nfsvers=4.1", "hard"), retain_data=True)
ADDRESSES = AddressPool("chat", "metallb-system", ("192.168.33.240-192.168.33.250",))


def one(evaluation: Evaluation, kind: str) -> Any:
    [found] = evaluation.of_type(kind)
    return found


def urns(*resources: Any) -> set[str]:
    return {resource.urn for resource in resources}


def test_every_named_node_is_labelled_and_tainted() -> None:
    patches = record(lambda: GpuNodePool("h200", GpuNodePoolArgs(POOL))).of_type("NodePatch")
    assert {patch.inputs["metadata"]["name"] for patch in patches} == set(POOL.nodes)
    for patch in patches:
        assert patch.inputs["metadata"]["labels"] == {"hearth.dev/node-pool": "h200"}
        assert patch.inputs["metadata"]["annotations"] == {"pulumi.com/patchForce": "true"}
        assert patch.inputs["spec"]["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]


def test_one_resource_stands_for_all_nodes_of_a_pool() -> None:
    found: list[GpuNodePool] = []
    evaluation = record(lambda: found.append(GpuNodePool("h200", GpuNodePoolArgs(POOL))))
    *first, last = evaluation.of_type("NodePatch")
    assert set(last.dependencies) == urns(*first)
    assert found[0].ready is not None


def test_selected_nodes_are_left_alone() -> None:
    found: list[GpuNodePool] = []
    selected = replace(POOL, nodes=())
    evaluation = record(lambda: found.append(GpuNodePool("h200", GpuNodePoolArgs(selected))))
    assert evaluation.of_type("NodePatch") == ()
    assert found[0].ready is None


def test_an_add_on_is_installed_at_its_version_with_its_values() -> None:
    release = one(record(lambda: AddOnRelease("metallb", AddOnArgs(ADD_ON))), "Release").inputs
    assert {key: release[key] for key in ("name", "chart", "version", "namespace", "values", "repositoryOpts")} == {
        "name": "metallb",
        "chart": "metallb",
        "version": "0.16.1",
        "namespace": "metallb-system",
        "values": {"frrk8s": {"enabled": False}},
        "repositoryOpts": {"repo": "https://metallb.github.io/metallb"},
    }


def test_an_add_on_has_a_namespace_with_the_level_that_it_needs() -> None:
    evaluation = record(lambda: AddOnRelease("metallb", AddOnArgs(ADD_ON, LABELS)))
    namespace = one(evaluation, "Namespace")
    assert namespace.inputs["metadata"] == {
        "name": "metallb-system",
        "labels": {
            **LABELS,
            "pod-security.kubernetes.io/enforce": "privileged",
            "pod-security.kubernetes.io/audit": "privileged",
            "pod-security.kubernetes.io/warn": "privileged",
        },
    }
    assert set(one(evaluation, "Release").dependencies) == {namespace.urn}


def test_a_namespace_of_kubernetes_itself_is_not_made() -> None:
    add_on = replace(ADD_ON, namespace="kube-system")
    assert record(lambda: AddOnRelease("nfs", AddOnArgs(add_on))).of_type("Namespace") == ()


def test_an_add_on_that_is_present_is_left_alone() -> None:
    found: list[AddOnRelease] = []
    present = AddOnArgs(replace(ADD_ON, mode="present"))
    evaluation = record(lambda: found.append(AddOnRelease("metallb", present)))
    assert evaluation.kubernetes_objects() == ()
    assert found[0].ready is None


def test_gpus_have_a_runtime_class_before_the_device_plugin_uses_it() -> None:
    args = GpuSupportArgs(RuntimeClass("nvidia", "nvidia"), (ADD_ON,), LABELS)
    evaluation = record(lambda: GpuSupport("gpu", args))
    runtime_class = one(evaluation, "RuntimeClass")
    assert runtime_class.inputs["handler"] == "nvidia"
    assert runtime_class.inputs["metadata"] == {"name": "nvidia", "labels": LABELS}
    assert runtime_class.urn in one(evaluation, "Release").dependencies


def test_a_cluster_with_gpu_support_needs_nothing() -> None:
    found: list[GpuSupport] = []
    assert record(lambda: found.append(GpuSupport("gpu", GpuSupportArgs()))).kubernetes_objects() == ()
    assert found[0].ready == ()


@pytest.mark.parametrize(("retain", "on_delete"), [(True, "retain"), (False, "delete")])
def test_an_nfs_class_keeps_directories_when_told(retain: bool, on_delete: str) -> None:
    args = NfsStorageArgs(replace(NFS, retain_data=retain))
    storage_class = one(record(lambda: NfsStorage("nfs", args)), "StorageClass").inputs
    assert storage_class["parameters"] == {
        "server": "192.168.33.11",
        "share": "/export",
        "subDir": "${pvc.metadata.namespace}/${pvc.metadata.name}",
        "onDelete": on_delete,
    }


def test_an_nfs_class_mounts_as_told_and_can_grow() -> None:
    storage_class = one(record(lambda: NfsStorage("nfs", NfsStorageArgs(NFS))), "StorageClass").inputs
    assert storage_class["provisioner"] == "nfs.csi.k8s.io"
    assert storage_class["mountOptions"] == ["nfsvers=4.1", "hard"]
    assert storage_class["allowVolumeExpansion"] is True


def test_an_nfs_class_comes_after_its_driver_and_before_its_claims() -> None:
    args = NfsStorageArgs(NFS, driver=ADD_ON, claims=(Claim("extra", 5, "chat-nfs", shared=True),), namespace="chat")
    evaluation = record(lambda: NfsStorage("nfs", args))
    storage_class = one(evaluation, "StorageClass")
    assert set(storage_class.dependencies) == {one(evaluation, "Release").urn}
    claim = one(evaluation, "PersistentVolumeClaim")
    assert set(claim.dependencies) == {storage_class.urn}
    assert (claim.inputs["metadata"]["name"], claim.inputs["metadata"]["namespace"]) == ("extra", "chat")


def test_addresses_are_announced_after_metallb_is_there() -> None:
    evaluation = record(lambda: LoadBalancerPool("addresses", LoadBalancerPoolArgs(ADDRESSES, ADD_ON, LABELS)))
    pool = one(evaluation, "IPAddressPool")
    advertisement = one(evaluation, "L2Advertisement")
    assert pool.inputs["spec"] == {"addresses": ["192.168.33.240-192.168.33.250"]}
    assert pool.inputs["metadata"] == {"name": "chat", "namespace": "metallb-system", "labels": LABELS}
    assert set(pool.dependencies) == {one(evaluation, "Release").urn}
    assert advertisement.inputs["spec"] == {"ipAddressPools": ["chat"]}
    assert set(advertisement.dependencies) == {pool.urn}


def test_a_namespace_denies_all_traffic_and_reports_weak_pods() -> None:
    evaluation = record(lambda: IsolatedNamespace("chat", IsolatedNamespaceArgs("chat", LABELS)))
    labels = one(evaluation, "Namespace").inputs["metadata"]["labels"]
    policy = one(evaluation, "NetworkPolicy").inputs
    assert labels["pod-security.kubernetes.io/enforce"] == "baseline"
    assert labels["pod-security.kubernetes.io/warn"] == "restricted"
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert policy["metadata"]["namespace"] == "chat"


def test_a_namespace_has_a_quota_only_when_told() -> None:
    limits = {"requests.nvidia.com/gpu": "8"}
    with_quota = record(lambda: IsolatedNamespace("chat", IsolatedNamespaceArgs("chat", quota=limits)))
    without = record(lambda: IsolatedNamespace("chat", IsolatedNamespaceArgs("chat")))
    assert one(with_quota, "ResourceQuota").inputs["spec"] == {"hard": limits}
    assert without.of_type("ResourceQuota") == ()


@pytest.mark.parametrize("retain", [True, False])
def test_a_namespace_is_retained_when_told(retain: bool) -> None:
    evaluation = record(lambda: IsolatedNamespace("chat", IsolatedNamespaceArgs("chat", retain=retain)))
    namespace = one(evaluation, "Namespace")
    assert namespace.options.retain_on_delete is retain
    assert one(evaluation, "NetworkPolicy").options.deleted_with == (None if retain else namespace.urn)


def test_options_of_the_caller_are_not_given_to_children() -> None:
    opts = pulumi.ResourceOptions(protect=False, delete_before_replace=True, ignore_changes=["spec"])
    evaluation = record(lambda: NfsStorage("nfs", NfsStorageArgs(NFS), opts))
    options = one(evaluation, "StorageClass").options
    assert (options.delete_before_replace, options.ignore_changes) == (None, ())
