from __future__ import annotations

from hearth.rehearsal.controllers.edges import NAMESPACE, reconcile, service, service_name
from hearth.rehearsal.controllers.world import Create, Delete
from tests.rehearsal.controllers.worlds import cluster_wide, world

SPACE = cluster_wide("Namespace", NAMESPACE)


def test_an_edge_that_is_wanted_is_made() -> None:
    wanted = service("ingress", {80})
    assert list(reconcile(world(namespaces=[SPACE]), [wanted])) == [Create("services", wanted)]


def test_the_namespace_is_made_first() -> None:
    actions = list(reconcile(world(), [service("ingress", {80})]))
    assert [action.collection for action in actions if isinstance(action, Create)] == ["namespaces", "services"]


def test_an_edge_that_is_not_wanted_any_more_goes() -> None:
    actions = list(reconcile(world(namespaces=[SPACE], services=[service("ingress", {80})]), []))
    assert actions == [Delete("services", (NAMESPACE, "ingress"))]


def test_an_edge_that_is_there_stays() -> None:
    present = service("ingress", {80}, "192.0.2.1")
    assert not list(reconcile(world(namespaces=[SPACE], services=[present]), [present]))


def test_an_edge_whose_ports_changed_is_made_anew() -> None:
    found = world(namespaces=[SPACE], services=[service("ingress", {80})])
    assert list(reconcile(found, [service("ingress", {80, 443})])) == [Delete("services", (NAMESPACE, "ingress"))]


def test_long_names_are_cut_and_still_differ() -> None:
    one, two = service_name("gateway-" + "x" * 80 + "1"), service_name("gateway-" + "x" * 80 + "2")
    assert (len(one), one != two) == (63, True)
