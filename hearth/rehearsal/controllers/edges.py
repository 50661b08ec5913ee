"""The load balancers in front of a site's ingress controller and gateways.

As on a real site they are Services, so that their addresses come from the same pools and count against them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from hearth.rehearsal.api import Object, mapping
from hearth.rehearsal.controllers.addresses import ADDRESSES_ANNOTATION, assigned
from hearth.rehearsal.controllers.world import Action, Create, Delete, World, key

NAMESPACE = "site-edge"
"""Where the site's ingress controller and gateways run."""

_MAX_NAME = 63  # of a Service, RFC 1035


def service(name: str, ports: set[int], address: str | None = None) -> Object:
    """The Service of one ingress controller or gateway; `address` is the one it asks for."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service_name(name),
            "namespace": NAMESPACE,
            "annotations": {ADDRESSES_ANNOTATION: address} if address else {},
        },
        "spec": {
            "type": "LoadBalancer",
            "ports": [{"name": f"port-{port}", "port": port} for port in sorted(ports)],
        },
    }


def service_name(name: str) -> str:
    """`name`, cut so that it may name a Service and still differs from others."""
    if len(name) <= _MAX_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _MAX_NAME - 9]}-{digest}"


def address_of(world: World, name: str) -> str | None:
    """The address that the edge of that name has by now."""
    found = world.get("services", service_name(name), NAMESPACE)
    address = assigned(found) if found else None
    return str(address) if address else None


def reconcile(world: World, wanted: list[Object]) -> Iterator[Action]:
    """Have exactly the `wanted` Services in front; one whose ports or address changed is made anew."""
    if wanted and world.get("namespaces", NAMESPACE) is None:
        yield Create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    present = {key(obj): obj for obj in world.all("services") if key(obj)[0] == NAMESPACE}
    by_key = {key(obj): obj for obj in wanted}
    for name, obj in present.items():
        if name not in by_key or not _matches(obj, by_key[name]):
            yield Delete("services", name)
    for name, obj in by_key.items():
        if name not in present:
            yield Create("services", obj)


def _matches(present: Object, wanted: Object) -> bool:
    def essence(obj: Object) -> tuple[set[int], str | None]:
        requested = mapping(obj, "metadata", "annotations").get(ADDRESSES_ANNOTATION)
        return {port["port"] for port in obj["spec"]["ports"]}, requested

    return essence(present) == essence(wanted)
