from __future__ import annotations

import pytest

from hearth.rehearsal.api import Object
from hearth.rehearsal.controllers.world import condition, path, selects
from tests.rehearsal.controllers.worlds import NOW

EARLIER = "2026-01-01T00:00:00Z"


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    before = condition([], "Ready", True, "Ready", "", 1, EARLIER)
    assert condition([before], "Ready", True, "Ready", "", 2, NOW)["lastTransitionTime"] == EARLIER


def test_a_condition_that_changes_gets_the_present_time() -> None:
    before = condition([], "Ready", False, "Waiting", "", 1, EARLIER)
    assert condition([before], "Ready", True, "Ready", "", 1, NOW)["lastTransitionTime"] == NOW


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "db"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_label_selectors(selector: Object, matches: bool) -> None:
    assert selects(selector, {"app": "web"}) is matches


def test_paths_of_objects() -> None:
    assert path("services", "chat", "web") == "/api/v1/namespaces/chat/services/web"


def test_paths_of_cluster_wide_objects() -> None:
    assert path("storageclasses", name="nfs") == "/apis/storage.k8s.io/v1/storageclasses/nfs"
