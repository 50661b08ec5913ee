"""Addresses, and how the web UI is exposed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from hearth.problems import Path, Problem, render_path
from hearth.settings.stack import Settings

_POOL: Path = ("loadBalancer", "addressPool")
_METALLB: Path = ("addOns", "metallb")
_TYPE: Path = ("webUi", "exposure", "type")
_FORMS = "write a range such as 192.168.33.240-192.168.33.250, or a CIDR such as 192.168.33.240/28"

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class AddressRange:
    """From the first to the last address, both included."""

    first: Address
    last: Address

    def overlaps(self, other: AddressRange) -> bool:
        """Whether any address is in both."""
        if self.first.version != other.first.version:
            return False
        return int(self.first) <= int(other.last) and int(other.first) <= int(self.last)


def parse_range(text: str) -> AddressRange:
    """A range or a CIDR. Raises ValueError with the reason in plain words."""
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not dash:
        if "/" not in text:
            raise ValueError("is neither a range nor a CIDR")
        try:
            network = ip_network(text)
        except ValueError as error:
            raise ValueError(f"is not a CIDR: {error}") from None
        return AddressRange(network.network_address, network.broadcast_address)
    found = AddressRange(_address(first), _address(last))
    if found.first.version != found.last.version:
        raise ValueError("mixes IPv4 and IPv6")
    if int(found.first) > int(found.last):
        raise ValueError("is reversed: its first address comes after its last")
    return found


def address_pool_valid(settings: Settings) -> Iterator[Problem]:
    """Each entry is a range or a CIDR, and no two share an address."""
    ranges: list[tuple[Path, AddressRange]] = []
    for index, text in enumerate(_address_pool(settings)):
        path: Path = (*_POOL, index)
        try:
            found = parse_range(text)
        except ValueError as error:
            yield Problem(path, text, str(error), _FORMS)
            continue
        other = next((place for place, taken in ranges if taken.overlaps(found)), None)
        if other:
            why = f"overlaps {render_path(other)}"
            yield Problem(path, text, why, "give every address in one entry only", depends_on=(other,))
        ranges.append((path, found))


def address_pool_given(settings: Settings) -> Iterator[Problem]:
    """MetalLB that Hearth installs hands out nothing until it has a pool."""
    installs_metallb = settings.target == "onprem" and settings.add_ons.metallb in (None, "managed")
    if settings.web_ui.exposure.type == "loadBalancer" and installs_metallb and settings.load_balancer is None:
        yield Problem(
            ("loadBalancer",),
            None,
            "is required: webUi.exposure.type is loadBalancer, and MetalLB has no address to give",
            'add hearth:loadBalancer: {addressPool: ["192.168.33.240-192.168.33.250"]}; where the cluster hands out '
            "addresses by itself, add addOns.metallb: present (MetalLB) or off (anything else)",
            depends_on=(("target",), _METALLB, _TYPE),
        )


def address_pool_allowed(settings: Settings) -> Iterator[Problem]:
    """A pool belongs to MetalLB, and with target kubernetes that is somebody else's unless the stack says so."""
    if settings.load_balancer is None:
        return
    depends: tuple[Path, ...] = (("target",), ("loadBalancer",), _METALLB)
    if settings.add_ons.metallb == "off":
        why = "loadBalancer.addressPool is for MetalLB"
        yield Problem(_METALLB, "off", why, "write managed or present, or remove hearth:loadBalancer", depends)
    elif settings.add_ons.metallb is None and settings.target == "kubernetes":
        why = "target kubernetes leaves the addresses of the cluster alone"
        remedy = "remove hearth:loadBalancer, or add addOns.metallb: managed or present"
        yield Problem(("loadBalancer",), None, why, remedy, depends)


def fixed_address_in_pool(settings: Settings) -> Iterator[Problem]:
    """A fixed address is one that the load balancer may give."""
    text = settings.web_ui.exposure.address
    path: Path = ("webUi", "exposure", "address")
    if text is None:
        return
    if settings.web_ui.exposure.type not in {"loadBalancer", "gateway"}:
        why = f"exposure by {settings.web_ui.exposure.type} has no address of its own"
        yield Problem(path, text, why, "remove it, or use type loadBalancer or gateway", depends_on=(_TYPE,))
        return
    try:
        address = _address(text)
    except ValueError as error:
        yield Problem(path, text, str(error), "write one address, such as 192.168.33.240")
        return
    pool = _address_pool(settings)
    try:
        inside = any(AddressRange(address, address).overlaps(parse_range(entry)) for entry in pool)
    except ValueError:
        return  # the pool's own check reports it
    if pool and not inside:
        remedy = f"choose an address of {', '.join(pool)}, or extend hearth:loadBalancer.addressPool"
        yield Problem(path, text, "is not in loadBalancer.addressPool", remedy, depends_on=(("loadBalancer",),))


def routed_exposure_complete(settings: Settings) -> Iterator[Problem]:
    """Ingress and Gateway route by hostname, and belong to a class; the other types know neither class nor TLS."""
    exposure = settings.web_ui.exposure
    path: Path = ("webUi", "exposure")
    if exposure.type in {"ingress", "gateway"}:
        kind, example = ("IngressClass", "nginx") if exposure.type == "ingress" else ("GatewayClass", "envoy")
        if exposure.class_name is None:
            why = f"is required with exposure type {exposure.type}"
            remedy = f"add className: {example}, or the {kind} of your cluster (kubectl get {kind.lower()})"
            yield Problem((*path, "className"), None, why, remedy, depends_on=(_TYPE,))
        if settings.web_ui.hostname is None:
            why = f"is required with exposure type {exposure.type}, which routes requests by it"
            yield Problem(("webUi", "hostname"), None, why, "add hostname: chat.example.org", depends_on=(_TYPE,))
        return
    for key, value in (("className", exposure.class_name), ("tls", exposure.tls)):
        if value is not None:
            why = f"belongs to exposure type ingress or gateway, not to {exposure.type}"
            shown = value if isinstance(value, str) else None
            yield Problem((*path, key), shown, why, "remove it, or write type: gateway", depends_on=(_TYPE,))


def _address_pool(settings: Settings) -> list[str]:
    return settings.load_balancer.address_pool if settings.load_balancer else []


def _address(text: str) -> Address:
    try:
        return ip_address(text)
    except ValueError:
        raise ValueError(f"{text} is not an IP address") from None
