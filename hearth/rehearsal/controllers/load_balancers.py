"""Gives Services of type LoadBalancer their addresses, as MetalLB does."""

from __future__ import annotations

from collections.abc import Iterator

from hearth.rehearsal.api import Object
from hearth.rehearsal.controllers.addresses import AllocationError, Pool, assigned, choose, parse_range, pool_of
from hearth.rehearsal.controllers.world import Action, Patch, Report, World, key


def reconcile(world: World) -> Iterator[Action]:
    """Assign, keep or withdraw the address of every Service."""
    pools: list[Pool] = []
    for obj in world.all("ipaddresspools"):
        try:
            pools.append(pool_of(obj, world.all("namespaces")))
        except ValueError as error:
            yield Report(obj, "InvalidAddresses", str(error))
    if not world.all("ipaddresspools") and world.fallback_pools:
        pools.append(Pool("fallback", tuple(map(parse_range, world.fallback_pools))))
    services = world.all("services")
    balancers = [service for service in services if _is_balancer(service)]
    for service in services:
        if service not in balancers and assigned(service):
            yield _assign(service, None)
    settled = {key(service): service for service in balancers}
    for service in balancers:
        others = [other for name, other in settled.items() if name != key(service)]
        namespace, name = key(service)
        address = None
        try:
            address = str(choose(service, tuple(pools), others))
        except AllocationError as error:
            yield Report(service, "AllocationFailed", f'Failed to allocate IP for "{namespace}/{name}": {error}')
        present = assigned(service)
        if address != (str(present) if present else None):
            action = _assign(service, address)
            settled[key(service)] = {**service, "status": action.body["status"]}
            yield action
            if address:
                yield Report(service, "IPAllocated", f'Assigned IP ["{address}"]', "Normal")


def _is_balancer(service: Object) -> bool:
    """MetalLB leaves Services of another load balancer class alone."""
    spec = service["spec"]
    return spec.get("type") == "LoadBalancer" and "loadBalancerClass" not in spec


def _assign(service: Object, address: str | None) -> Patch:
    ingress = [{"ip": address, "ipMode": "VIP"}] if address else None
    return Patch("services", key(service), {"status": {"loadBalancer": {"ingress": ingress}}})
