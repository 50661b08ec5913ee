"""A plan's site, simulated: the nodes that the stack names, and what it expects to find in the cluster."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hearth.planning.placement import node_names
from hearth.planning.plan import NodePool, Plan
from hearth.rehearsal import nodes
from hearth.rehearsal.cluster import ClusterSpec
from hearth.rehearsal.controllers import edges
from hearth.rehearsal.errors import RehearsalError
from hearth.rehearsal.nodes import SimulatedNode
from hearth.workload import Claim

CONTEXT = "hearth-rehearsal"
"""Name of the kubeconfig's context where the stack names none."""

PROVISIONER = "simulated.hearth.dev"
"""Provisioner of the StorageClasses that the stack expects and does not make."""

_FALLBACK_ADDRESSES = ("198.51.100.1-198.51.100.254",)
"""TEST-NET-2 (RFC 5737): what a cluster without an address pool of the stack gives to edges and load balancers."""

_SYSTEM_NAMESPACES = "kube-"


@dataclass(frozen=True)
class Shortfall:
    """How the site differs from what the stack file says; by default not at all."""

    without_nodes: tuple[str, ...] = ()
    node_gpus: Mapping[str, int] = field(default_factory=dict[str, int])
    """GPUs that a node really offers, by its name."""
    without_storage_classes: tuple[str, ...] = ()


def simulate(plan: Plan, shortfall: Shortfall | None = None) -> ClusterSpec:
    """The cluster before the stack is deployed to it.

    Raises RehearsalError when the shortfall names what the site does not have.
    """
    lacking = shortfall or Shortfall()
    gpu_nodes = [_gpu_node(pool, name) for pool in plan.node_pools for name in node_names(pool)]
    site_nodes = [*gpu_nodes, *_cpu_nodes(plan, taken={node.name for node in gpu_nodes})]
    classes = expected_storage_classes(plan)
    _require("node", [*lacking.without_nodes, *lacking.node_gpus], [node.name for node in site_nodes])
    _require("StorageClass that the stack expects", lacking.without_storage_classes, classes)
    return ClusterSpec(
        context=plan.cluster.context or CONTEXT,
        nodes=tuple(
            replace(node, gpus=lacking.node_gpus.get(node.name, node.gpus))
            for node in site_nodes
            if node.name not in lacking.without_nodes
        ),
        namespaces=tuple(dict.fromkeys([edges.NAMESPACE, *_namespaces_of_present_add_ons(plan)])),
        address_pools=_FALLBACK_ADDRESSES,
        objects=(
            *(_storage_class(name) for name in classes if name not in lacking.without_storage_classes),
            *_edge_classes(plan),
        ),
    )


def with_add_ons_present(plan: Plan) -> Plan:
    """The plan for a cluster that has every add-on already."""
    return replace(plan, add_ons=tuple(replace(add_on, mode="present") for add_on in plan.add_ons))


def claims(plan: Plan) -> tuple[Claim, ...]:
    """Every volume that the stack claims, once."""
    return tuple(dict.fromkeys(claim for workload in plan.workloads for claim in workload.claims))


def expected_storage_classes(plan: Plan) -> tuple[str, ...]:
    """StorageClasses that the stack uses and does not make."""
    own = plan.nfs_class.name if plan.nfs_class else None
    return tuple(dict.fromkeys(claim.storage_class for claim in claims(plan) if claim.storage_class != own))


def unproven(plan: Plan, unchecked: Sequence[str] = ()) -> dict[str, str]:
    """What a rehearsal of this plan simulates, and what is therefore not proven by it.

    `unchecked` are objects of kinds whose definitions could not be had.
    """
    present = [add_on.name for add_on in plan.add_ons if add_on.mode == "present"]
    found = {
        "containers": "no image was pulled and no process ran: pods were marked ready at once, without their probes",
        "NetworkPolicies": "accepted by the API server, enforced by nobody",
        "volumes": "bound to volumes that exist only as objects; no server was mounted, nothing was written",
    }
    if plan.node_pools:
        found["GPUs"] = "counted by the scheduler; no driver, container toolkit or device plugin ran"
    if plan.models or plan.ollama:
        found["models"] = "no weights were downloaded and no engine loaded them: memory figures are the plan's"
    if plan.nfs_class:
        found["NFS"] = f"{plan.nfs_class.server}:{plan.nfs_class.share} was not reached"
    if plan.web_ui.server.exposure:
        found["addresses"] = "given out by a stand-in for the site's load balancer; nothing answers there"
    if len(present) < len(plan.add_ons):
        found["Helm charts"] = "recorded, not installed; their definitions come from the projects' own releases"
    if unchecked:
        found["kinds"] = f"no definition of their kind could be had, so nobody checked {', '.join(unchecked)}"
    if present:
        found["add-ons"] = f"{', '.join(present)} taken as present; stand-ins did their work"
    return found


def _namespaces_of_present_add_ons(plan: Plan) -> Iterator[str]:
    for add_on in plan.add_ons:
        if add_on.mode == "present" and not add_on.namespace.startswith(_SYSTEM_NAMESPACES):
            yield add_on.namespace


def _gpu_node(pool: NodePool, name: str) -> SimulatedNode:
    """Nodes that the stack names are still bare, because the stack labels and taints them itself."""
    taints = tuple(nodes.Taint(taint.key, taint.value, taint.effect) for taint in pool.taints)
    return SimulatedNode(
        name=name,
        cpu=pool.cpus_per_node,
        memory_gib=pool.memory_gib_per_node,
        gpus=pool.gpus_per_node,
        gpu_product=pool.gpu_product,
        gpu_memory_mib=pool.gpu_memory_mib,
        labels={} if pool.nodes else pool.labels,
        taints=() if pool.nodes else taints,
    )


def _cpu_nodes(plan: Plan, taken: set[str]) -> Iterator[SimulatedNode]:
    prefix = "cpu" if not any(name.startswith("cpu-") for name in taken) else "without-gpu"
    for number in range(1, plan.cpu_node_count + 1):
        yield SimulatedNode(f"{prefix}-{number:02}", plan.cpus_per_cpu_node, plan.memory_gib_per_cpu_node)


def _require(what: str, named: Iterable[str], known: Collection[str]) -> None:
    for name in named:
        if name not in known:
            raise RehearsalError(f"{name}: there is no such {what}; known are: {', '.join(known) or 'none'}")


def _storage_class(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": True,
    }


def _edge_classes(plan: Plan) -> Iterator[dict[str, Any]]:
    """The class that the stack's Ingress or Gateway names, as its controller would have made it."""
    exposure = plan.web_ui.server.exposure
    if exposure is None or exposure.class_name is None:
        return
    metadata = {"name": exposure.class_name}
    if exposure.type == "gateway":
        spec = {"controllerName": f"{PROVISIONER}/gateway"}
        yield {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": metadata, "spec": spec}
    elif exposure.type == "ingress":
        spec = {"controller": f"{PROVISIONER}/ingress"}
        yield {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": metadata, "spec": spec}
