from __future__ import annotations

from hearth.rehearsal.api import Object
from hearth.rehearsal.controllers import edges
from hearth.rehearsal.controllers.ingresses import reconcile, wanted_edges
from hearth.rehearsal.controllers.world import Report
from tests.rehearsal.controllers.worlds import cluster_wide, obj, statuses, world

CLASS = cluster_wide("IngressClass", "site")
EDGE = {**edges.service("ingress", {80, 443}), "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}


def ingress(name: str = "web", **spec: str) -> Object:
    return obj("Ingress", name, spec=spec)


def test_all_ingresses_share_one_edge() -> None:
    found = [ingress("a", ingressClassName="site"), ingress("b", ingressClassName="site")]
    assert len(wanted_edges(world(ingressclasses=[CLASS], ingresses=found))) == 1


def test_without_ingresses_there_is_no_edge() -> None:
    assert not wanted_edges(world(ingressclasses=[CLASS]))


def test_an_ingress_has_the_address_of_the_edge() -> None:
    found = world(ingressclasses=[CLASS], ingresses=[ingress(ingressClassName="site")], services=[EDGE])
    assert statuses(reconcile(found)) == {"web": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}


def test_an_ingress_of_a_missing_class_is_not_served() -> None:
    assert not wanted_edges(world(ingresses=[ingress(ingressClassName="site")]))


def test_an_ingress_without_a_class_is_told_so() -> None:
    actions = list(reconcile(world(ingresses=[ingress()])))
    assert [a.message for a in actions if isinstance(a, Report)] == [
        "No ingress controller serves this Ingress: it names no IngressClass, and none is the default"
    ]
