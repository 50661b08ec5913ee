"""What a stack needs of its cluster: add-ons, node pools, storage class, addresses, quota."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hearth.catalog.gpus import gpus
from hearth.catalog.versions import charts
from hearth.planning.plan import AddOn, AddressPool, NfsClass, NodePool, RuntimeClass
from hearth.settings.cluster import AddOnMode, GpuNodePool, Quota
from hearth.settings.stack import Settings
from hearth.workload import Taint

POOL_LABEL = "hearth.dev/node-pool"
GPU_TAINT = Taint("nvidia.com/gpu", "present")
"""The key that NVIDIA's own parts tolerate; keeps pods without GPUs off expensive nodes."""

_CPUS_PER_GPU = 16
_MEMORY_GIB_PER_GPU = 128
_TOLERATE_GPU = [{"key": GPU_TAINT.key, "operator": "Exists", "effect": GPU_TAINT.effect}]


@dataclass(frozen=True)
class ClusterParts:
    """What a stack uses of its cluster, or makes there; all of it empty where there is none."""

    runtime_class: RuntimeClass | None = None
    nfs_class: NfsClass | None = None
    storage_class: str = ""
    """Of shared volumes."""
    database_class: str = ""
    add_ons: tuple[AddOn, ...] = ()
    address_pool: AddressPool | None = None
    quota: Mapping[str, str] = field(default_factory=dict[str, str])


def plan_cluster_parts(settings: Settings, namespace: str) -> ClusterParts:
    """Everything that comes before the stack's own workloads."""
    if settings.target == "docker":
        return ClusterParts()
    runtime_class = plan_runtime_class(settings, namespace)
    nfs_class = plan_nfs_class(settings, namespace)
    storage_class = nfs_class.name if nfs_class else settings.storage.storage_class or ""
    return ClusterParts(
        runtime_class=runtime_class,
        nfs_class=nfs_class,
        storage_class=storage_class,
        database_class=(
            settings.web_ui.database.storage_class or settings.storage.database_storage_class or storage_class
        ),
        add_ons=plan_add_ons(settings, runtime_class),
        address_pool=plan_address_pool(settings, namespace),
        quota=quota_limits(settings.quota),
    )


def plan_pool(pool: GpuNodePool) -> NodePool:
    """A pool whose GPU the catalog knows. Named nodes are labelled and tainted; selected ones keep their own labels."""
    gpu = gpus()[pool.gpu]
    return NodePool(
        name=pool.name,
        gpu=pool.gpu,
        gpu_product=gpu.product,
        gpu_memory_mib=gpu.memory_mib,
        gpu_usable_gib=gpu.usable_gib,
        gpus_per_node=pool.gpus_per_node,
        nodes=tuple(pool.nodes),
        node_count=pool.size,
        labels={POOL_LABEL: pool.name} if pool.nodes else dict(pool.selector),
        taints=(GPU_TAINT,),
        cpus_per_node=pool.cpus_per_node or _CPUS_PER_GPU * pool.gpus_per_node,
        memory_gib_per_node=pool.memory_gib_per_node or _MEMORY_GIB_PER_GPU * pool.gpus_per_node,
    )


def plan_runtime_class(settings: Settings, namespace: str) -> RuntimeClass | None:
    """A RuntimeClass of the stack's own, for the handler that NVIDIA's container toolkit registers.

    Managed clusters (target kubernetes) run GPU nodes with that runtime as their default.
    """
    if settings.target == "onprem" and settings.gpu_node_pools:
        return RuntimeClass(f"{namespace}-nvidia", "nvidia")
    return None


def plan_add_ons(settings: Settings, runtime_class: RuntimeClass | None) -> tuple[AddOn, ...]:
    """The add-ons that the stack needs, with the setting that asks for each."""
    found: list[AddOn] = []

    def need(name: str, mode: AddOnMode | None, values: Mapping[str, Any], why: str) -> None:
        chosen = mode or ("managed" if settings.target == "onprem" else "present")
        if chosen != "off":
            chart = charts()[name]
            found.append(
                AddOn(
                    name=name,
                    mode=chosen,
                    chart=chart.chart,
                    repository=chart.repository,
                    version=chart.version,
                    namespace=chart.namespace,
                    pod_security=chart.pod_security,
                    values=values,
                    why=why,
                )
            )

    add_ons = settings.add_ons
    if settings.storage.nfs:
        values = {"controller": {"enableSnapshotter": False}, "storageClass": {"create": False}}
        need("csiDriverNfs", add_ons.csi_driver_nfs, values, "hearth:storage.nfs")
    if settings.load_balancer:
        values = {"speaker": {"frr": {"enabled": False}}, "frrk8s": {"enabled": False}}
        need("metallb", add_ons.metallb, values, "hearth:loadBalancer.addressPool")
    if settings.web_ui.database.engine == "cloudnativePg":
        need("cloudnativePg", add_ons.cloudnative_pg, {}, "hearth:webUi.database.engine")
    if settings.gpu_node_pools and add_ons.gpu_operator in {"managed", "present"}:
        values = {"daemonsets": {"tolerations": _TOLERATE_GPU}}
        need("gpuOperator", add_ons.gpu_operator, values, "hearth:addOns.gpuOperator")
    elif settings.gpu_node_pools:
        values = {
            "runtimeClassName": runtime_class.name if runtime_class else None,
            "gfd": {"enabled": True},
            "nfd": {"worker": {"tolerations": _TOLERATE_GPU}},
        }
        need("nvidiaDevicePlugin", add_ons.nvidia_device_plugin, values, "hearth:gpuNodePools")
    return tuple(found)


def plan_nfs_class(settings: Settings, namespace: str) -> NfsClass | None:
    """A StorageClass of the stack's own, so that its options are known and nothing in the cluster is changed."""
    nfs = settings.storage.nfs
    if nfs is None:
        return None
    return NfsClass(
        name=f"{namespace}-nfs",
        server=nfs.server,
        share=nfs.share,
        mount_options=tuple(nfs.mount_options),
        retain_data=settings.storage.retain_data,
    )


def plan_address_pool(settings: Settings, namespace: str) -> AddressPool | None:
    """MetalLB's pool, in the namespace where MetalLB looks for it."""
    if settings.load_balancer is None:
        return None
    return AddressPool(namespace, charts()["metallb"].namespace, tuple(settings.load_balancer.address_pool))


def quota_limits(quota: Quota | None) -> dict[str, str]:
    """Hard limits of a ResourceQuota, as Kubernetes writes them."""
    if quota is None:
        return {}
    limits: dict[str, str] = {}
    if quota.cpus is not None:
        limits["requests.cpu"] = str(quota.cpus)
    if quota.memory_gib is not None:
        limits["requests.memory"] = f"{quota.memory_gib}Gi"
    if quota.gpus is not None:
        limits["requests.nvidia.com/gpu"] = str(quota.gpus)
    return limits
