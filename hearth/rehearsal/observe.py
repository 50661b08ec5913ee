"""Reads a cluster: what stands in it for the report, and everything in it for the comparison before and after."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from hearth.planning.placement import node_names
from hearth.planning.plan import Plan
from hearth.rehearsal.api import Api, Object
from hearth.rehearsal.report.model import Edge, Landscape, Node, Pod, Service, Volume

_GPU = "nvidia.com/gpu"
_GIB = 2**30
_NAME_LABEL = "app.kubernetes.io/name"
_THREADS = 8

_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} | {
    unit: 2.0 ** (10 * power) for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"), start=1)
}
"""https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/"""

_TRANSIENT = frozenset({"events", "leases", "endpoints", "endpointslices", "componentstatuses"})
"""Collections that the control plane keeps for itself and that come and go at any time."""

_EDGES = {
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "Gateway": "/apis/gateway.networking.k8s.io/v1/namespaces/{}/gateways",
    "HTTPRoute": "/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes",
}


def quantity(text: str) -> float:
    """A Kubernetes quantity, such as 500m or 64Gi, as a number of units or bytes. Raises ValueError."""
    match = re.fullmatch(r"([0-9.]+(?:e[0-9]+)?)([a-zA-Z]*)", text)
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"{text!r} is not a quantity")
    return float(match[1]) * _UNITS[match[2]]


def landscape(api: Api, plan: Plan) -> Landscape:
    """What stands in the cluster: all nodes, and the objects of the stack's namespace."""
    namespace = plan.namespace
    core = f"/api/v1/namespaces/{namespace}"
    troubles = _troubles(api.items(f"{core}/events"))
    return Landscape(
        nodes=_nodes(api.items("/api/v1/nodes"), plan),
        pods=tuple(sorted((_pod(pod) for pod in api.items(f"{core}/pods")), key=lambda pod: pod.name)),
        volumes=tuple(_volume(claim, troubles) for claim in api.items(f"{core}/persistentvolumeclaims")),
        services=tuple(_service(service, troubles) for service in api.items(f"{core}/services")),
        edges=tuple(
            _edge(kind, edge, troubles) for kind, path in _EDGES.items() for edge in api.items(path.format(namespace))
        ),
    )


def inventory(api: Api) -> dict[str, Object]:
    """Objects of the cluster by title, such as `Secret hearth/redis`; without those that come and go by themselves."""
    found: dict[str, Object] = {}
    with ThreadPoolExecutor(_THREADS) as threads:
        for objects in threads.map(partial(_objects_below, api), _roots(api)):
            found |= objects
    return found


def left_behind(before: Mapping[str, Object], after: Mapping[str, Object]) -> tuple[str, ...]:
    """Titles of objects that are new, and of nodes whose labels or taints are not what they were."""
    new = [title for title in after if title not in before]
    changed = [
        f"{title} (labels or taints)"
        for title, node in after.items()
        if title.startswith("Node ") and title in before and _marks(node) != _marks(before[title])
    ]
    return tuple(sorted([*new, *changed]))


def is_retained_data(title: str, plan: Plan) -> bool:
    """Whether an object may stay after destroy: claims, their volumes, and the namespace that holds them."""
    if not plan.retain_claims:
        return False
    kept_by_kubernetes = {f"ConfigMap {plan.namespace}/kube-root-ca.crt", f"ServiceAccount {plan.namespace}/default"}
    kind = title.partition(" ")[0]
    return title in kept_by_kubernetes | {f"Namespace {plan.namespace}"} or kind in {
        "PersistentVolumeClaim",
        "PersistentVolume",
    }


def _roots(api: Api) -> list[str]:
    """Paths of all groups, each in the version that the cluster prefers."""
    groups = api.get("/apis")["groups"]
    return ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]


def _objects_below(api: Api, root: str) -> dict[str, Object]:
    found: dict[str, Object] = {}
    for resource in api.get(root)["resources"]:
        listed = "list" in resource["verbs"] and "/" not in resource["name"]
        if not listed or resource["name"] in _TRANSIENT:
            continue
        for item in api.items(f"{root}/{resource['name']}"):
            metadata = item["metadata"]
            namespace = f"{metadata['namespace']}/" if resource["namespaced"] else ""
            found[f"{resource['kind']} {namespace}{metadata['name']}"] = item
    return found


def _marks(node: Object) -> tuple[object, object]:
    return node["metadata"].get("labels", {}), node["spec"].get("taints") or []


def _nodes(found: Iterable[Object], plan: Plan) -> tuple[Node, ...]:
    """In the order of the plan: pools first, then nodes without GPUs."""
    planned = {name: pool for pool in plan.node_pools for name in node_names(pool)}
    order = {name: position for position, name in enumerate(planned)}
    nodes: list[Node] = []
    for node in found:
        name, offered = node["metadata"]["name"], node["status"]["allocatable"]
        pool = planned.get(name)
        nodes.append(
            Node(
                name=name,
                pool=pool.name if pool else None,
                gpu=pool.gpu if pool else None,
                gpus=int(offered.get(_GPU, 0)),
                cpus=int(quantity(offered["cpu"])),
                memory_gib=int(quantity(offered["memory"]) / _GIB),
            )
        )
    return tuple(sorted(nodes, key=lambda node: (order.get(node.name, len(order)), node.name)))


def _pod(pod: Object) -> Pod:
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    return Pod(
        name=metadata["name"],
        namespace=metadata["namespace"],
        workload=metadata.get("labels", {}).get(_NAME_LABEL, metadata["name"]),
        node=spec.get("nodeName"),
        state=_state(status),
        gpus=int(_requested(spec, _GPU)),
        cpus=_requested(spec, "cpu"),
        memory_gib=_requested(spec, "memory") / _GIB,
        trouble=_pod_trouble(status),
    )


def _requested(spec: Object, resource: str) -> float:
    """What the scheduler counts: the sum of the containers, or the largest init container where that is more."""

    def of(container: Object) -> float:
        return quantity(container.get("resources", {}).get("requests", {}).get(resource, "0"))

    return max(sum(map(of, spec["containers"])), max(map(of, spec.get("initContainers", ())), default=0.0))


def _conditions(item: Object) -> Mapping[str, Mapping[str, Any]]:
    return {condition["type"]: condition for condition in item.get("status", {}).get("conditions") or ()}


def _state(status: Object) -> str:
    if status.get("phase") == "Succeeded":
        return "Completed"
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
    return "Ready" if ready else str(status.get("phase", "Pending"))


def _pod_trouble(status: Object) -> str | None:
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message"))
    return status.get("message") if status.get("phase") == "Failed" else None


def _troubles(events: Sequence[Object]) -> Mapping[str, str]:
    """The latest warning about each object, by the object's uid."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    warnings.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime")))
    return {event["involvedObject"].get("uid", ""): str(event.get("message")) for event in warnings}


def _volume(claim: Object, troubles: Mapping[str, str]) -> Volume:
    spec, metadata = claim["spec"], claim["metadata"]
    bound = claim.get("status", {}).get("phase") == "Bound"
    return Volume(
        claim=metadata["name"],
        storage_class=spec.get("storageClassName", ""),
        size_gib=quantity(spec["resources"]["requests"]["storage"]) / _GIB,
        access=", ".join(spec.get("accessModes", ())),
        bound=bound,
        trouble=None if bound else troubles.get(metadata["uid"], "no volume is bound to it"),
    )


def _service(service: Object, troubles: Mapping[str, str]) -> Service:
    spec, metadata = service["spec"], service["metadata"]
    balanced = spec["type"] == "LoadBalancer"
    address = _balancer_address(service) if balanced else spec.get("clusterIP")
    return Service(
        name=metadata["name"],
        type=spec["type"],
        address=address,
        ports=tuple(port["port"] for port in spec.get("ports", ())),
        trouble=None if address else troubles.get(metadata["uid"], "it has no address"),
    )


def _balancer_address(item: Object) -> str | None:
    given: list[Object] = item.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return next((address.get("ip") or address.get("hostname") for address in given), None)


def _edge(kind: str, edge: Object, troubles: Mapping[str, str]) -> Edge:
    metadata, spec, status = edge["metadata"], edge["spec"], edge.get("status", {})
    match kind:
        case "Ingress":
            hosts = [rule.get("host", "*") for rule in spec.get("rules", ())]
            address = _balancer_address(edge)
            ready = address is not None
        case "Gateway":
            hosts = [listener.get("hostname", "*") for listener in spec["listeners"]]
            address = next((given["value"] for given in status.get("addresses", ())), None)
            ready = _conditions(edge).get("Programmed", {}).get("status") == "True" and address is not None
        case _:
            hosts, address = spec.get("hostnames", ["*"]), None
            parents = status.get("parents", ())
            ready = bool(parents) and all(_accepted(parent) for parent in parents)
    return Edge(
        kind=kind,
        name=metadata["name"],
        hosts=tuple(dict.fromkeys(hosts)),
        address=address,
        ready=ready,
        trouble=None if ready else _refusal(edge) or troubles.get(metadata["uid"], "no controller has accepted it"),
    )


def _accepted(parent: Object) -> bool:
    states = {condition["type"]: condition["status"] for condition in parent.get("conditions", ())}
    return states.get("Accepted") == "True" and states.get("ResolvedRefs", "True") == "True"


def _refusal(edge: Object) -> str | None:
    """What the first condition that is not met says."""
    status = edge.get("status", {})
    conditions = [*status.get("conditions", ()), *(c for p in status.get("parents", ()) for c in p["conditions"])]
    return next((c.get("message") for c in conditions if c["status"] == "False" and c.get("message")), None)
