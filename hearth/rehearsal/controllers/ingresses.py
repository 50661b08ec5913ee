"""Serves Ingresses as a site's ingress controller does: all through one load balancer."""

from __future__ import annotations

from collections.abc import Iterator

from hearth.rehearsal.api import Object, rows
from hearth.rehearsal.controllers import edges
from hearth.rehearsal.controllers.world import Action, Patch, Report, World, key

_EDGE = "ingress"
_PORTS = {80, 443}


def wanted_edges(world: World) -> list[Object]:
    """The load balancer that the ingress controller needs, if anything is served."""
    return [edges.service(_EDGE, _PORTS)] if any(_is_served(world, obj) for obj in world.all("ingresses")) else []


def reconcile(world: World) -> Iterator[Action]:
    """Write the load balancer's address into the status of every Ingress of a class that exists."""
    address = edges.address_of(world, _EDGE)
    for ingress in world.all("ingresses"):
        if not _is_served(world, ingress):
            name = ingress["spec"].get("ingressClassName")
            why = f'there is no IngressClass "{name}"' if name else "it names no IngressClass, and none is the default"
            yield Report(ingress, "NotServed", f"No ingress controller serves this Ingress: {why}")
            continue
        wanted = [{"ip": address}] if address else []
        if [{"ip": row.get("ip")} for row in rows(ingress, "status", "loadBalancer", "ingress")] != wanted:
            yield Patch("ingresses", key(ingress), {"status": {"loadBalancer": {"ingress": wanted}}})


def _is_served(world: World, ingress: Object) -> bool:
    """The API server has written a default class into the Ingress already, where there is one."""
    return world.get("ingressclasses", ingress["spec"].get("ingressClassName") or "") is not None
