"""Addresses, ingresses and gateways in the embedded cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hearth.rehearsal.api import Api, Object
from tests.rehearsal.objects import create, deployment, events, eventually

pytestmark = pytest.mark.cluster


@pytest.fixture
def pool(api: Api, namespace: str) -> Iterator[None]:
    """Three addresses for the Services of the test's namespace."""
    yield from address_pool(api, namespace)


@pytest.fixture
def edge_pool(api: Api) -> Iterator[None]:
    """Three addresses for the site's ingress controller and gateways."""
    yield from address_pool(api, "site-edge")


def address_pool(api: Api, namespace: str) -> Iterator[None]:
    spec = {"addresses": ["192.0.2.10-192.0.2.12"], "serviceAllocation": {"namespaces": [namespace]}}
    metadata = {"name": f"for-{namespace}", "namespace": "metallb-system"}
    path = create(
        api, {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": metadata, "spec": spec}
    )
    yield
    api.delete(path)


def service(namespace: str, name: str = "main", **annotations: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"type": "LoadBalancer", "selector": {"app": "main"}, "ports": [{"port": 80}]},
    }


def lb_address(api: Api, path: str) -> str | None:
    ingress = api.get(path)["status"].get("loadBalancer", {}).get("ingress")
    return ingress[0]["ip"] if ingress else None


def test_a_load_balancer_gets_an_address_of_the_pool(api: Api, namespace: str, pool: None) -> None:
    path = create(api, service(namespace))
    assert eventually(lambda: lb_address(api, path)) in {"192.0.2.10", "192.0.2.11", "192.0.2.12"}


def test_a_load_balancer_gets_the_address_it_asks_for(api: Api, namespace: str, pool: None) -> None:
    path = create(api, service(namespace, **{"metallb.io/loadBalancerIPs": "192.0.2.12"}))
    assert eventually(lambda: lb_address(api, path)) == "192.0.2.12"


def test_a_full_pool_is_reported_and_a_freed_address_is_given_again(api: Api, namespace: str, pool: None) -> None:
    paths = [create(api, service(namespace, name)) for name in ("one", "two", "three")]
    eventually(lambda: all(lb_address(api, path) for path in paths))
    late = create(api, service(namespace, "four"))
    refusal = f'Failed to allocate IP for "{namespace}/four": no available IPs'
    refused = eventually(lambda: refusal in events(api, namespace, "AllocationFailed"))
    api.delete(paths[0])
    assert (refused, eventually(lambda: lb_address(api, late)) is not None) == (True, True)


def test_a_service_has_ready_endpoints(api: Api, namespace: str) -> None:
    create(api, deployment(namespace, gpus=0))
    create(api, service(namespace))
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"

    def ready() -> bool:
        endpoints = [endpoint for piece in api.items(slices) for endpoint in piece.get("endpoints") or []]
        return any(endpoint["conditions"]["ready"] for endpoint in endpoints)

    assert eventually(ready)


def ingress(namespace: str, ingress_class: str) -> Object:
    backend = {"service": {"name": "main", "port": {"number": 80}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "main", "namespace": namespace},
        "spec": {"ingressClassName": ingress_class, "defaultBackend": backend},
    }


def test_an_ingress_gets_an_address(api: Api, namespace: str, edge_pool: None) -> None:
    path = create(api, ingress(namespace, "site"))
    assert eventually(lambda: lb_address(api, path))


def test_an_ingress_of_a_missing_class_is_told_so(api: Api, namespace: str) -> None:
    create(api, ingress(namespace, "nosuch"))
    messages = eventually(lambda: events(api, namespace, "NotServed"))
    assert 'there is no IngressClass "nosuch"' in messages[0]


def gateway(namespace: str) -> Object:
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "main", "namespace": namespace},
        "spec": {"gatewayClassName": "site", "listeners": [listener]},
    }


def conditions(rows: list[Object]) -> dict[str, str]:
    return {row["type"]: row["status"] for row in rows}


def test_a_gateway_is_programmed_with_an_address(api: Api, namespace: str, edge_pool: None) -> None:
    path = create(api, gateway(namespace))
    assert eventually(lambda: conditions(api.get(path)["status"]["conditions"]).get("Programmed") == "True")
    assert api.get(path)["status"]["addresses"][0]["value"].startswith("192.0.2.")


def test_a_route_is_accepted_by_its_gateway(api: Api, namespace: str, edge_pool: None) -> None:
    create(api, gateway(namespace))
    create(api, service(namespace))
    base = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute"}
    spec = {"parentRefs": [{"name": "main"}], "rules": [{"backendRefs": [{"name": "main", "port": 80}]}]}
    path = create(api, {**base, "metadata": {"name": "main", "namespace": namespace}, "spec": spec})
    parents = eventually(lambda: api.get(path).get("status", {}).get("parents"))
    assert conditions(parents[0]["conditions"]) == {"Accepted": "True", "ResolvedRefs": "True"}
