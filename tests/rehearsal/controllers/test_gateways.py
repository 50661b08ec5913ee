from __future__ import annotations

from typing import Any

import pytest

from hearth.rehearsal.api import Object
from hearth.rehearsal.controllers import edges
from hearth.rehearsal.controllers.gateways import reconcile, wanted_edges
from hearth.rehearsal.controllers.world import World
from tests.rehearsal.controllers.worlds import cluster_wide, conditions, obj, statuses, world

CLASS = cluster_wide("GatewayClass", "site", spec={"controllerName": "example.com/gateway"})
EDGE = {**edges.service("gateway-edge-gw", {80}), "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
BACKEND = obj("Service", "web", spec={"ports": [{"port": 80}]})


def gateway(*listeners: Object, **spec: Any) -> Object:
    return obj("Gateway", "gw", "edge", spec={"gatewayClassName": "site", "listeners": list(listeners), **spec})


def listener(name: str = "http", namespaces: str = "All", **fields: Any) -> Object:
    allowed = {"allowedRoutes": {"namespaces": {"from": namespaces}}}
    return {"name": name, "port": 80, "protocol": "HTTP", **allowed, **fields}


def route(*hostnames: str, **parent: Any) -> Object:
    rules = [{"backendRefs": [{"name": "web", "port": 80}]}]
    parents = [{"name": "gw", "namespace": "edge", **parent}]
    return obj("HTTPRoute", "route", spec={"parentRefs": parents, "hostnames": list(hostnames), "rules": rules})


def scene(a_gateway: Object, *routes: Object, **more: list[Object]) -> World:
    things: dict[str, Any] = {"gatewayclasses": [CLASS], "services": [EDGE, BACKEND], **more}
    return world(gateways=[a_gateway], httproutes=routes, **things)


def parent_conditions(found: World) -> dict[str, str]:
    return conditions(statuses(reconcile(found))["route"]["parents"][0])


def test_a_gateway_class_is_accepted() -> None:
    assert conditions(statuses(reconcile(world(gatewayclasses=[CLASS])))["site"]) == {"Accepted": "True"}


def test_a_gateway_has_the_address_of_its_edge() -> None:
    status = statuses(reconcile(scene(gateway(listener()))))["gw"]
    assert status["addresses"] == [{"type": "IPAddress", "value": "192.0.2.1"}]


def test_a_gateway_with_an_address_is_programmed() -> None:
    status = statuses(reconcile(scene(gateway(listener()))))["gw"]
    assert conditions(status) == {"Accepted": "True", "Programmed": "True"}


def test_a_gateway_without_an_address_is_not_programmed() -> None:
    status = statuses(reconcile(scene(gateway(listener()), services=[])))["gw"]
    assert conditions(status)["Programmed"] == "AddressNotAssigned"


def test_a_gateway_of_a_missing_class_is_left_alone() -> None:
    assert "gw" not in statuses(reconcile(scene(gateway(listener()), gatewayclasses=[])))


def test_nothing_is_written_twice() -> None:
    status = statuses(reconcile(scene(gateway(listener()))))
    settled = {**gateway(listener()), "status": status["gw"]}
    assert not list(reconcile(scene(settled, gatewayclasses=[{**CLASS, "status": status["site"]}])))


def test_an_edge_listens_on_the_gateways_ports() -> None:
    found = wanted_edges(scene(gateway(listener(), listener("other", port=8443))))
    assert [port["port"] for port in found[0]["spec"]["ports"]] == [80, 8443]


def test_a_requested_address_is_passed_on() -> None:
    found = wanted_edges(scene(gateway(listener(), addresses=[{"type": "IPAddress", "value": "192.0.2.9"}])))
    assert found[0]["metadata"]["annotations"] == {"metallb.io/loadBalancerIPs": "192.0.2.9"}


def secure() -> Object:
    return listener(protocol="HTTPS", tls={"certificateRefs": [{"name": "tls"}]})


def test_a_listener_whose_certificate_is_missing_says_so() -> None:
    status = statuses(reconcile(scene(gateway(secure()))))["gw"]["listeners"][0]
    assert conditions(status)["ResolvedRefs"] == "InvalidCertificateRef"


def test_a_listener_with_its_certificate_is_programmed() -> None:
    status = statuses(reconcile(scene(gateway(secure()), secrets=[obj("Secret", "tls", "edge")])))["gw"]["listeners"][0]
    assert conditions(status)["Programmed"] == "True"


def test_attached_routes_are_counted() -> None:
    status = statuses(reconcile(scene(gateway(listener()), route())))["gw"]
    assert status["listeners"][0]["attachedRoutes"] == 1


def test_a_route_is_accepted() -> None:
    assert parent_conditions(scene(gateway(listener()), route())) == {"Accepted": "True", "ResolvedRefs": "True"}


def test_a_route_is_told_when_its_backend_is_missing() -> None:
    found = scene(gateway(listener()), route(), services=[EDGE])
    assert parent_conditions(found)["ResolvedRefs"] == "BackendNotFound"


@pytest.mark.parametrize(
    ("a_listener", "a_route", "reason"),
    [
        (listener(), route(sectionName="nosuch"), "NoMatchingParent"),
        (listener(), route(port=8080), "NoMatchingParent"),
        (listener(protocol="TCP"), route(), "NoMatchingParent"),
        (listener(namespaces="Same"), route(), "NotAllowedByListeners"),
        (listener(hostname="a.example.com"), route("b.example.com"), "NoMatchingListenerHostname"),
        (listener(hostname="*.example.com"), route("example.com"), "NoMatchingListenerHostname"),
    ],
)
def test_a_route_is_told_why_no_listener_takes_it(a_listener: Object, a_route: Object, reason: str) -> None:
    assert parent_conditions(scene(gateway(a_listener), a_route))["Accepted"] == reason


@pytest.mark.parametrize(
    ("offered", "asked"),
    [
        ("a.example.com", "a.example.com"),
        ("*.example.com", "a.b.example.com"),
        ("a.example.com", "*.example.com"),
        ("*.example.com", "*.a.example.com"),
    ],
)
def test_hostnames_meet(offered: str, asked: str) -> None:
    assert parent_conditions(scene(gateway(listener(hostname=offered)), route(asked)))["Accepted"] == "True"


def test_namespaces_may_be_selected_by_label() -> None:
    selecting = listener()
    selecting["allowedRoutes"]["namespaces"] = {"from": "Selector", "selector": {"matchLabels": {"tier": "web"}}}
    spaces = [cluster_wide("Namespace", "chat", metadata={"labels": {"tier": "web"}})]
    assert parent_conditions(scene(gateway(selecting), route(), namespaces=spaces))["Accepted"] == "True"
