from __future__ import annotations

from hearth.rehearsal.api import Object
from hearth.rehearsal.controllers.load_balancers import reconcile
from hearth.rehearsal.controllers.world import Report
from tests.rehearsal.controllers.worlds import obj, statuses, world


def service(name: str, address: str | None = None, **spec: object) -> Object:
    ingress = [{"ip": address}] if address else []
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], **spec}
    return obj("Service", name, spec=spec, status={"loadBalancer": {"ingress": ingress}})


def pool(*addresses: str) -> Object:
    return obj("IPAddressPool", "pool", "metallb-system", spec={"addresses": list(addresses)})


def addresses(found: dict[str, Object]) -> dict[str, str | None]:
    ingress = {name: status["loadBalancer"]["ingress"] for name, status in found.items()}
    return {name: rows[0]["ip"] if rows else None for name, rows in ingress.items()}


def test_services_that_wait_at_the_same_time_get_different_addresses() -> None:
    actions = reconcile(world(services=[service("a"), service("b")], ipaddresspools=[pool("192.0.2.0/31")]))
    assert addresses(statuses(actions)) == {"a": "192.0.2.0", "b": "192.0.2.1"}


def test_nothing_is_written_when_all_is_well() -> None:
    assert not list(reconcile(world(services=[service("a", "192.0.2.0")], ipaddresspools=[pool("192.0.2.0/31")])))


def test_the_assignment_is_reported_as_metallb_does() -> None:
    actions = list(reconcile(world(services=[service("a")], ipaddresspools=[pool("192.0.2.0/31")])))
    assert [(a.reason, a.message, a.type) for a in actions if isinstance(a, Report)] == [
        ("IPAllocated", 'Assigned IP ["192.0.2.0"]', "Normal")
    ]


def test_a_service_without_an_address_is_told_why() -> None:
    actions = list(reconcile(world(services=[service("a")])))
    assert [a.message for a in actions if isinstance(a, Report)] == [
        'Failed to allocate IP for "chat/a": no available IPs'
    ]


def test_fallback_addresses_serve_a_cluster_without_pools() -> None:
    assert addresses(statuses(reconcile(world(("192.0.2.7/32",), services=[service("a")])))) == {"a": "192.0.2.7"}


def test_fallback_addresses_are_not_mixed_with_pools() -> None:
    found = world(("192.0.2.7/32",), services=[service("a")], ipaddresspools=[pool("198.51.100.1/32")])
    assert addresses(statuses(reconcile(found))) == {"a": "198.51.100.1"}


def test_a_service_of_another_class_is_left_alone() -> None:
    found = world(("192.0.2.7/32",), services=[service("a", loadBalancerClass="example.com/other")])
    assert not list(reconcile(found))


def test_a_service_that_is_no_load_balancer_any_more_loses_its_address() -> None:
    actions = reconcile(world(("192.0.2.7/32",), services=[service("a", "192.0.2.7", type="ClusterIP")]))
    assert addresses(statuses(actions)) == {"a": None}


def test_a_pool_of_malformed_addresses_is_reported() -> None:
    actions = list(reconcile(world(ipaddresspools=[pool("nonsense")])))
    assert [a.reason for a in actions if isinstance(a, Report)] == ["InvalidAddresses"]
