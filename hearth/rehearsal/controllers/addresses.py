"""Which address a load balancer gets, by the rules of MetalLB's controller."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hearth.rehearsal.api import Object, mapping, rows
from hearth.rehearsal.controllers.world import selects

POOL_ANNOTATION = "metallb.io/address-pool"
ADDRESSES_ANNOTATION = "metallb.io/loadBalancerIPs"
SHARING_ANNOTATION = "metallb.io/allow-shared-ip"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_BUGGY_LAST_OCTETS = (0, 255)


class AllocationError(Exception):
    """No address can be given; the text is what MetalLB would say."""


@dataclass(frozen=True)
class AddressRange:
    """Addresses from `first` to `last`, both included."""

    first: Address
    last: Address

    def __contains__(self, address: Address) -> bool:
        return address.version == self.first.version and int(self.first) <= int(address) <= int(self.last)

    def __iter__(self) -> Iterator[Address]:
        kind = type(self.first)
        return map(kind, range(int(self.first), int(self.last) + 1))


def parse_range(text: str) -> AddressRange:
    """A range `first-last` or a CIDR. Raises ValueError when it is neither."""
    first, dash, last = text.partition("-")
    if not dash:
        network = ipaddress.ip_network(text.strip(), strict=False)
        return AddressRange(network[0], network[-1])
    found = AddressRange(ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip()))
    if found.first.version != found.last.version or int(found.first) > int(found.last):
        raise ValueError(f"invalid IP range {text!r}: it must go from a lower to a higher address")
    return found


@dataclass(frozen=True)
class Pool:
    """An IPAddressPool."""

    name: str
    ranges: tuple[AddressRange, ...]
    auto_assign: bool = True
    avoid_buggy: bool = False
    priority: int = 0
    """Of pools that select Services: lower goes first, 0 last."""
    selects_services: bool = False
    namespaces: frozenset[str] = frozenset()
    """Namespaces that the pool serves; all when empty."""
    service_selectors: tuple[Object, ...] = ()

    def serves(self, service: Object) -> bool:
        """Whether `service` may have an address of this pool."""
        metadata = service["metadata"]
        if self.namespaces and metadata["namespace"] not in self.namespaces:
            return False
        labels = mapping(metadata, "labels")
        return not self.service_selectors or any(selects(selector, labels) for selector in self.service_selectors)

    def addresses(self, version: int) -> Iterator[Address]:
        """The addresses of one IP version that may be given."""
        for addresses in self.ranges:
            if addresses.first.version == version:
                for address in addresses:
                    if not (self.avoid_buggy and address.packed[-1] in _BUGGY_LAST_OCTETS):
                        yield address


def pool_of(obj: Object, namespaces: Iterable[Object]) -> Pool:
    """The pool that an IPAddressPool object describes. Raises ValueError when an address is none."""
    spec = obj["spec"]
    allocation = mapping(spec, "serviceAllocation")
    served = {
        namespace["metadata"]["name"]
        for namespace in namespaces
        for selector in rows(allocation, "namespaceSelectors")
        if selects(selector, mapping(namespace, "metadata", "labels"))
    }
    return Pool(
        name=obj["metadata"]["name"],
        ranges=tuple(map(parse_range, spec["addresses"])),
        auto_assign=spec.get("autoAssign", True),
        avoid_buggy=spec.get("avoidBuggyIPs", False),
        priority=allocation.get("priority", 0),
        selects_services=bool(allocation),
        namespaces=frozenset(served | set(rows(allocation, "namespaces"))),
        service_selectors=tuple(rows(allocation, "serviceSelectors")),
    )


def assigned(service: Object) -> Address | None:
    """The address that the Service has."""
    ingress = rows(service, "status", "loadBalancer", "ingress")
    return ipaddress.ip_address(ingress[0]["ip"]) if ingress and "ip" in ingress[0] else None


def choose(service: Object, pools: tuple[Pool, ...], others: list[Object]) -> Address:
    """The address for `service`, given the other load balancers of the cluster; the present one where it may stay.

    Raises AllocationError when there is none.
    """
    annotations: Mapping[str, str] = mapping(service, "metadata", "annotations")
    pool_name = annotations.get(POOL_ANNOTATION)
    present, requested = assigned(service), _requested(service, annotations)
    for wish in filter(None, (requested, present)):
        pool = next((pool for pool in pools if any(wish in addresses for addresses in pool.ranges)), None)
        problem = _objection(service, wish, pool, pool_name, others)
        if problem is None:
            return wish
        if wish is requested:
            raise AllocationError(problem)
    version = 6 if rows(service, "spec", "ipFamilies")[:1] == ["IPv6"] else 4
    if pool_name:
        named = next((pool for pool in pools if pool.name == pool_name), None)
        if named is None:
            raise AllocationError(f'unknown pool "{pool_name}"')
        candidates, exhausted = [named], f"no available IPs in pool {pool_name}"
    else:
        serving = [pool for pool in pools if pool.auto_assign and pool.serves(service)]
        candidates = sorted(serving, key=lambda pool: (not pool.selects_services, pool.priority or float("inf")))
        exhausted = "no available IPs"
    for pool in candidates:
        for address in pool.addresses(version):
            if _objection(service, address, pool, pool_name, others) is None:
                return address
    raise AllocationError(exhausted)


def _requested(service: Object, annotations: Mapping[str, str]) -> Address | None:
    annotated, field = annotations.get(ADDRESSES_ANNOTATION), service["spec"].get("loadBalancerIP")
    if annotated and field:
        raise AllocationError(f"service can not have both {ADDRESSES_ANNOTATION} and svc.Spec.LoadBalancerIP")
    text = annotated or field
    if not text:
        return None
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        raise AllocationError(f'invalid {ADDRESSES_ANNOTATION}: "{text}"') from None


def _objection(
    service: Object, address: Address, pool: Pool | None, pool_name: str | None, others: list[Object]
) -> str | None:
    """Why `service` may not have `address`, or None when it may."""
    if pool is None:
        return f'["{address}"] is not allowed in config'
    if not pool.serves(service):
        return f"pool {pool.name} not compatible for ip assignment"
    if pool_name and pool.name != pool_name:
        return f'requested loadBalancer IP(s) ["{address}"] is not compatible with requested address pool {pool_name}'
    holders = [other for other in others if assigned(other) == address]
    sharing = _sharing_key(service)
    if holders and (sharing is None or any(_sharing_key(holder) != sharing for holder in holders)):
        names = ",".join(_name(holder) for holder in holders)
        return f'can\'t change sharing key for "{_name(service)}", address also in use by {names}'
    taken = {port for holder in holders for port in _ports(holder)} & _ports(service)
    if taken:
        return f'port {taken.pop()} is already in use on "{address}"'
    return None


def _sharing_key(service: Object) -> str | None:
    return mapping(service, "metadata", "annotations").get(SHARING_ANNOTATION)


def _ports(service: Object) -> set[str]:
    return {f"{port.get('protocol', 'TCP')}/{port['port']}" for port in rows(service, "spec", "ports")}


def _name(service: Object) -> str:
    return f"{service['metadata']['namespace']}/{service['metadata']['name']}"
