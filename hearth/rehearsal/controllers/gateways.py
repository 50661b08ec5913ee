"""Serves the Gateway API as an implementation does: GatewayClass, Gateway and HTTPRoute.

Condition types and reasons are those of the specification, https://gateway-api.sigs.k8s.io/reference/spec/.
"""

from __future__ import annotations

from collections.abc import Iterator

from hearth.rehearsal.api import Object, mapping, rows
from hearth.rehearsal.controllers import edges
from hearth.rehearsal.controllers.world import Action, Patch, World, condition, key, selects

_GROUP = "gateway.networking.k8s.io"
_ROUTE_KINDS = {"HTTP": "HTTPRoute", "HTTPS": "HTTPRoute", "TLS": "TLSRoute", "TCP": "TCPRoute", "UDP": "UDPRoute"}


def wanted_edges(world: World) -> list[Object]:
    """One load balancer for each Gateway of a class that exists."""
    return [
        edges.service(_edge_name(gateway), _ports(gateway), _requested_address(gateway))
        for gateway in world.all("gateways")
        if _class_of(world, gateway)
    ]


def reconcile(world: World) -> Iterator[Action]:
    """Write the status of every GatewayClass, Gateway and HTTPRoute that it differs from."""
    for gateway_class in world.all("gatewayclasses"):
        yield from _set_status("gatewayclasses", gateway_class, _class_status(gateway_class, world.now))
    for gateway in world.all("gateways"):
        if _class_of(world, gateway):
            yield from _set_status("gateways", gateway, _gateway_status(world, gateway))
    for route in world.all("httproutes"):
        yield from _set_status("httproutes", route, _route_status(world, route))


def _class_status(gateway_class: Object, now: str) -> Object:
    existing = rows(gateway_class, "status", "conditions")
    generation = gateway_class["metadata"]["generation"]
    accepted = condition(existing, "Accepted", True, "Accepted", "A simulated gateway serves it", generation, now)
    return {"conditions": [accepted]}


def _gateway_status(world: World, gateway: Object) -> Object:
    status = mapping(gateway, "status")
    generation = gateway["metadata"]["generation"]
    existing = rows(status, "conditions")
    address = edges.address_of(world, _edge_name(gateway))
    before = {row["name"]: rows(row, "conditions") for row in rows(status, "listeners")}
    listeners = [
        _listener_status(world, gateway, listener, before.get(listener["name"], []))
        for listener in gateway["spec"]["listeners"]
    ]
    programmed = ("Programmed", "") if address else ("AddressNotAssigned", "No address is available for it")
    return {
        "addresses": [{"type": "IPAddress", "value": address}] if address else [],
        "conditions": [
            condition(existing, "Accepted", True, "Accepted", "", generation, world.now),
            condition(existing, "Programmed", address is not None, *programmed, generation, world.now),
        ],
        "listeners": listeners,
    }


def _listener_status(world: World, gateway: Object, listener: Object, existing: list[Object]) -> Object:
    generation = gateway["metadata"]["generation"]
    missing = _missing_certificate(world, gateway, listener)
    resolved = ("InvalidCertificateRef", f"There is no Secret {missing}") if missing else ("ResolvedRefs", "")
    programmed = ("Invalid", "A certificate is missing") if missing else ("Programmed", "")
    attached = [
        route
        for route in world.all("httproutes")
        for parent in _parents(route, gateway)
        if _refusal(world, route, parent, gateway, [listener]) is None
    ]
    kind = _ROUTE_KINDS.get(listener["protocol"])
    return {
        "name": listener["name"],
        "attachedRoutes": len(attached),
        "supportedKinds": [{"group": _GROUP, "kind": kind}] if kind else [],
        "conditions": [
            condition(existing, "Accepted", True, "Accepted", "", generation, world.now),
            condition(existing, "ResolvedRefs", missing is None, *resolved, generation, world.now),
            condition(existing, "Programmed", missing is None, *programmed, generation, world.now),
        ],
    }


def _route_status(world: World, route: Object) -> Object:
    before = rows(route, "status", "parents")
    parents: list[Object] = []
    generation = route["metadata"]["generation"]
    for gateway in world.all("gateways"):
        gateway_class = _class_of(world, gateway)
        for parent in _parents(route, gateway) if gateway_class else []:
            existing = [held for row in before if row["parentRef"] == parent for held in rows(row, "conditions")]
            refusal = _refusal(world, route, parent, gateway, gateway["spec"]["listeners"])
            missing = _missing_backend(world, route)
            accepted = (refusal, "No listener of the Gateway takes this route") if refusal else ("Accepted", "")
            resolved = ("BackendNotFound", f"There is no Service {missing}") if missing else ("ResolvedRefs", "")
            parents.append(
                {
                    "parentRef": parent,
                    "controllerName": (gateway_class or {})["spec"]["controllerName"],
                    "conditions": [
                        condition(existing, "Accepted", refusal is None, *accepted, generation, world.now),
                        condition(existing, "ResolvedRefs", missing is None, *resolved, generation, world.now),
                    ],
                }
            )
    return {"parents": parents}


def _parents(route: Object, gateway: Object) -> list[Object]:
    """The references of `route` that mean `gateway`."""
    namespace, name = key(gateway)
    return [
        parent
        for parent in rows(route, "spec", "parentRefs")
        if parent.get("kind", "Gateway") == "Gateway"
        and parent["name"] == name
        and parent.get("namespace", route["metadata"]["namespace"]) == namespace
    ]


def _refusal(world: World, route: Object, parent: Object, gateway: Object, listeners: list[Object]) -> str | None:
    """The reason why none of `listeners` takes `route`, or None when one does."""
    named = [
        listener
        for listener in listeners
        if parent.get("sectionName") in (None, listener["name"])
        and parent.get("port") in (None, listener["port"])
        and _ROUTE_KINDS.get(listener["protocol"]) == "HTTPRoute"
    ]
    if not named:
        return "NoMatchingParent"
    allowing = [listener for listener in named if _allows(world, listener, gateway, route)]
    if not allowing:
        return "NotAllowedByListeners"
    hostnames: list[str] = rows(route, "spec", "hostnames")
    offered: list[str | None] = [listener.get("hostname") for listener in allowing]
    if hostnames and not any(_hosts_meet(offer, host) for offer in offered for host in hostnames):
        return "NoMatchingListenerHostname"
    return None


def _allows(world: World, listener: Object, gateway: Object, route: Object) -> bool:
    allowed = mapping(listener, "allowedRoutes", "namespaces")
    origin = route["metadata"]["namespace"]
    match allowed.get("from", "Same"):
        case "All":
            return True
        case "Selector":
            labels = mapping(world.get("namespaces", origin) or {}, "metadata", "labels")
            return selects(mapping(allowed, "selector"), labels)
        case _:
            return origin == gateway["metadata"]["namespace"]


def _hosts_meet(listener: str | None, host: str) -> bool:
    """Whether a listener's hostname and a route's have a host in common; `*.` stands for one label or more."""
    if listener is None or listener == host:
        return True
    if listener.startswith("*.") and host.removeprefix("*").endswith(listener[1:]):
        return True
    return host.startswith("*.") and listener.endswith(host[1:])


def _missing_certificate(world: World, gateway: Object, listener: Object) -> str | None:
    for reference in rows(listener, "tls", "certificateRefs"):
        namespace = reference.get("namespace", gateway["metadata"]["namespace"])
        if world.get("secrets", reference["name"], namespace) is None:
            return f"{namespace}/{reference['name']}"
    return None


def _missing_backend(world: World, route: Object) -> str | None:
    for rule in rows(route, "spec", "rules"):
        for backend in rows(rule, "backendRefs"):
            namespace = backend.get("namespace", route["metadata"]["namespace"])
            if backend.get("kind", "Service") == "Service" and not world.get("services", backend["name"], namespace):
                return f"{namespace}/{backend['name']}"
    return None


def _class_of(world: World, gateway: Object) -> Object | None:
    return world.get("gatewayclasses", gateway["spec"]["gatewayClassName"])


def _edge_name(gateway: Object) -> str:
    namespace, name = key(gateway)
    return f"gateway-{namespace}-{name}"


def _ports(gateway: Object) -> set[int]:
    return {listener["port"] for listener in gateway["spec"]["listeners"]}


def _requested_address(gateway: Object) -> str | None:
    addresses = rows(gateway, "spec", "addresses")
    return next((row.get("value") for row in addresses if row.get("type", "IPAddress") == "IPAddress"), None)


def _set_status(collection: str, obj: Object, wanted: Object) -> Iterator[Action]:
    status = mapping(obj, "status")
    if any(status.get(name, []) != value for name, value in wanted.items()):
        yield Patch(collection, key(obj), {"status": wanted})
