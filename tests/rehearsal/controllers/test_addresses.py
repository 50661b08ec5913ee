from __future__ import annotations

from ipaddress import ip_address

import pytest

from hearth.rehearsal.api import Object
from hearth.rehearsal.controllers.addresses import AllocationError, Pool, choose, parse_range, pool_of

POOL = Pool("main", (parse_range("192.0.2.10-192.0.2.12"),))


def service(
    name: str = "web", address: str | None = None, port: int = 80, sharing: str | None = None, **spec: object
) -> Object:
    """A LoadBalancer Service."""
    annotations = {"metallb.io/allow-shared-ip": sharing} if sharing else {}
    ingress = [{"ip": address}] if address else []
    return {
        "metadata": {"name": name, "namespace": "chat", "annotations": annotations, "labels": {"app": name}},
        "spec": {"type": "LoadBalancer", "ports": [{"port": port}], **spec},
        "status": {"loadBalancer": {"ingress": ingress}},
    }


def asking(**annotations: str) -> Object:
    found = service()
    found["metadata"]["annotations"] = {f"metallb.io/{name}": value for name, value in annotations.items()}
    return found


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("192.0.2.10-192.0.2.12", "192.0.2.10", "192.0.2.12"),
        ("192.0.2.0/30", "192.0.2.0", "192.0.2.3"),
        ("192.0.2.7/32", "192.0.2.7", "192.0.2.7"),
        ("2001:db8::1 - 2001:db8::f", "2001:db8::1", "2001:db8::f"),
    ],
)
def test_ranges_and_cidrs_are_understood(text: str, first: str, last: str) -> None:
    found = parse_range(text)
    assert (found.first, found.last) == (ip_address(first), ip_address(last))


@pytest.mark.parametrize("text", ["192.0.2.12-192.0.2.10", "192.0.2.1-2001:db8::1", "192.0.2.300", "pool", ""])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_range(text)


def test_the_lowest_free_address_is_given() -> None:
    assert choose(service(), (POOL,), [service("other", "192.0.2.10")]) == ip_address("192.0.2.11")


def test_an_address_is_kept() -> None:
    assert choose(service(address="192.0.2.12"), (POOL,), []) == ip_address("192.0.2.12")


def test_an_address_that_has_left_the_pool_is_replaced() -> None:
    assert choose(service(address="198.51.100.1"), (POOL,), []) == ip_address("192.0.2.10")


def test_a_requested_address_is_given() -> None:
    assert choose(asking(loadBalancerIPs="192.0.2.12"), (POOL,), []) == ip_address("192.0.2.12")


def test_a_requested_address_wins_over_the_present_one() -> None:
    wanting = {**asking(loadBalancerIPs="192.0.2.12"), "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}}}
    assert choose(wanting, (POOL,), []) == ip_address("192.0.2.12")


def test_the_older_field_requests_an_address_too() -> None:
    assert choose(service(loadBalancerIP="192.0.2.12"), (POOL,), []) == ip_address("192.0.2.12")


def test_of_an_ipv6_service_the_address_is_ipv6() -> None:
    pools = (POOL, Pool("six", (parse_range("2001:db8::/126"),)))
    assert choose(service(ipFamilies=["IPv6"]), pools, []) == ip_address("2001:db8::")


def test_addresses_that_old_devices_mistake_are_avoided() -> None:
    pool = Pool("main", (parse_range("192.0.2.0/30"),), avoid_buggy=True)
    assert choose(service(), (pool,), []) == ip_address("192.0.2.1")


def test_a_pool_without_automatic_assignment_serves_those_who_name_it() -> None:
    named = Pool("named", (parse_range("198.51.100.1/32"),), auto_assign=False)
    assert choose(asking(**{"address-pool": "named"}), (POOL, named), []) == ip_address("198.51.100.1")


def test_a_pool_without_automatic_assignment_serves_nobody_else() -> None:
    with pytest.raises(AllocationError, match=r"^no available IPs$"):
        choose(service(), (Pool("named", POOL.ranges, auto_assign=False),), [])


def test_of_pools_that_select_the_service_the_lower_priority_goes_first() -> None:
    late, early = (
        Pool(name, (parse_range(f"198.51.100.{last}/32"),), priority=priority, selects_services=True)
        for name, last, priority in (("late", 1, 20), ("early", 2, 10))
    )
    assert choose(service(), (POOL, late, early), []) == ip_address("198.51.100.2")


def test_an_address_is_shared_by_services_of_one_key_with_different_ports() -> None:
    one, two = service("one", "192.0.2.10", 80, sharing="key"), service("two", None, 443, sharing="key")
    pool = Pool("single", (parse_range("192.0.2.10/32"),))
    assert choose(two, (pool,), [one]) == ip_address("192.0.2.10")


def test_a_shared_address_is_not_given_for_a_port_that_is_taken() -> None:
    one, two = service("one", "192.0.2.10", sharing="key"), service("two", sharing="key")
    with pytest.raises(AllocationError):
        choose(two, (Pool("single", (parse_range("192.0.2.10/32"),)),), [one])


@pytest.mark.parametrize(
    ("wanting", "others", "message"),
    [
        (service(), [service(str(i), f"192.0.2.{10 + i}") for i in range(3)], "no available IPs"),
        (asking(**{"address-pool": "nosuch"}), [], 'unknown pool "nosuch"'),
        (asking(loadBalancerIPs="198.51.100.1"), [], '["198.51.100.1"] is not allowed in config'),
        (asking(loadBalancerIPs="nonsense"), [], 'invalid metallb.io/loadBalancerIPs: "nonsense"'),
        (
            asking(loadBalancerIPs="192.0.2.10"),
            [service("other", "192.0.2.10")],
            'can\'t change sharing key for "chat/web", address also in use by chat/other',
        ),
        (
            asking(**{"address-pool": "other", "loadBalancerIPs": "192.0.2.10"}),
            [],
            'requested loadBalancer IP(s) ["192.0.2.10"] is not compatible with requested address pool other',
        ),
    ],
)
def test_refusals_are_in_metallbs_words(wanting: Object, others: list[Object], message: str) -> None:
    with pytest.raises(AllocationError) as error:
        choose(wanting, (POOL,), others)
    assert str(error.value) == message


def test_a_named_pool_that_is_full_is_named() -> None:
    full = [service(str(i), f"192.0.2.{10 + i}") for i in range(3)]
    with pytest.raises(AllocationError, match="no available IPs in pool main"):
        choose(asking(**{"address-pool": "main"}), (POOL,), full)


def pool_object(**spec: object) -> Object:
    return {"metadata": {"name": "main"}, "spec": {"addresses": ["192.0.2.0/24"], **spec}}


def namespace(name: str, **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}}


def test_a_pool_serves_everybody_by_default() -> None:
    assert pool_of(pool_object(), []).serves(service())


def test_a_pool_may_be_for_some_namespaces() -> None:
    assert not pool_of(pool_object(serviceAllocation={"namespaces": ["other"]}), []).serves(service())


def test_namespaces_may_be_selected_by_label() -> None:
    selectors = [{"matchLabels": {"tier": "web"}}]
    pool = pool_of(pool_object(serviceAllocation={"namespaceSelectors": selectors}), [namespace("chat", tier="web")])
    assert pool.serves(service())


def test_services_may_be_selected_by_label() -> None:
    selectors = [{"matchLabels": {"app": "other"}}]
    assert not pool_of(pool_object(serviceAllocation={"serviceSelectors": selectors}), []).serves(service())


def test_a_pool_of_malformed_addresses_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        pool_of(pool_object(addresses=["nonsense"]), [])
