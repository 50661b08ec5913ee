"""A stack's foundation on a cluster: nodes, storage, addresses, operators, and the namespace that follows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes import Provider

from components.add_on import AddOnArgs, AddOnRelease
from components.foundations import Foundation
from components.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from components.gpu_support import GpuSupport, GpuSupportArgs
from components.load_balancer_pool import LoadBalancerPool, LoadBalancerPoolArgs
from components.namespace import IsolatedNamespace, IsolatedNamespaceArgs
from components.nfs_storage import NfsStorage, NfsStorageArgs
from components.runtimes.kubernetes import KubernetesRuntime
from hearth.planning.plan import AddOn, Plan

_NFS_DRIVER = "csiDriverNfs"
_METALLB = "metallb"
_POSTGRES_OPERATOR = "cloudnativePg"
_GPU_ADD_ONS = ("nvidiaDevicePlugin", "gpuOperator")


def prepare_cluster(name: str, plan: Plan, parent: pulumi.Resource) -> Foundation:
    """Everything before the tiers, on the cluster that the plan names."""
    cluster = Provider(
        f"{name}-cluster",
        context=plan.cluster.context,
        kubeconfig=plan.cluster.kubeconfig,
        cluster_identifier=plan.cluster.context or plan.stack,
        enable_server_side_apply=True,
        # Replaced Secrets and ConfigMaps would be missed by running pods; a checksum rolls the pods instead.
        enable_secret_mutable=True,
        enable_config_map_mutable=True,
        # Claims and the namespace that an earlier deployment left are taken over.
        upsert_existing_objects=plan.retain_claims,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    part = pulumi.ResourceOptions(parent=parent, providers=[cluster])
    add_ons = {add_on.name: add_on for add_on in plan.add_ons}
    gpus = _gpu_support(name, plan, add_ons, part)
    namespace = IsolatedNamespace(
        name,
        IsolatedNamespaceArgs(
            plan.namespace,
            labels=plan.labels,
            quota=plan.quota,
            retain=plan.retain_claims,
            depends_on=_before_namespace(name, plan, add_ons, part),
        ),
        part,
    )
    return Foundation(
        runtime=KubernetesRuntime(namespace.name, plan.labels, plan.retain_claims),
        namespace=namespace.name,
        # Objects of a namespace end with it, all at once; one that is kept has to be emptied.
        tier=pulumi.ResourceOptions(
            parent=parent, providers=[cluster], deleted_with=None if plan.retain_claims else namespace.resource
        ),
        gpus=gpus,
        engines=_built_images(name, plan, parent),
    )


def _built_images(name: str, plan: Plan, parent: pulumi.Resource) -> Sequence[pulumi.Resource]:
    """By the Docker engine of the machine that Pulumi runs on, which no other stack on a cluster needs."""
    if not plan.builds:
        return ()
    from components.built_image import BuiltImage, BuiltImageArgs

    opts = pulumi.ResourceOptions(parent=parent)
    return [BuiltImage(f"{name}-image", BuiltImageArgs(build), opts).ready for build in plan.builds]


def _gpu_support(
    name: str, plan: Plan, add_ons: Mapping[str, AddOn], opts: pulumi.ResourceOptions
) -> Sequence[pulumi.Resource]:
    """What containers need to use GPUs; nothing where the stack has none."""
    if not plan.node_pools:
        return ()
    chosen = [add_ons[key] for key in _GPU_ADD_ONS if key in add_ons]
    return GpuSupport(f"{name}-gpu", GpuSupportArgs(plan.runtime_class, chosen, plan.labels), opts).ready


def _before_namespace(
    name: str, plan: Plan, add_ons: Mapping[str, AddOn], opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """Nodes, storage, addresses and operators.

    Pods without GPUs then find the GPU nodes tainted already, and a destroyed namespace can still release its volumes.
    """
    pools = [GpuNodePool(f"{name}-{pool.name}", GpuNodePoolArgs(pool), opts).ready for pool in plan.node_pools]
    found = [ready for ready in pools if ready]
    if plan.nfs_class:
        args = NfsStorageArgs(plan.nfs_class, add_ons.get(_NFS_DRIVER), labels=plan.labels)
        found.append(NfsStorage(f"{name}-nfs", args, opts).ready)
    if plan.address_pool:
        args = LoadBalancerPoolArgs(plan.address_pool, add_ons.get(_METALLB), plan.labels)
        found.append(LoadBalancerPool(f"{name}-addresses", args, opts).ready)
    if _POSTGRES_OPERATOR in add_ons:
        operator = AddOnRelease(f"{name}-postgres-operator", AddOnArgs(add_ons[_POSTGRES_OPERATOR], plan.labels), opts)
        found += [operator.ready] if operator.ready else []
    return found
