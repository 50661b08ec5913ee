from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hearth.planning.plan import Plan
from hearth.planning.stack import make_plan
from hearth.rehearsal.observe import is_retained_data, left_behind, quantity
from hearth.settings.loading import load_stack


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(load_stack(Path(__file__).parents[2], "prod"))


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", 2), ("500m", 0.5), ("64Gi", 64 * 2**30), ("1.5Mi", 1.5 * 2**20), ("1e3", 1000), ("5k", 5000)],
)
def test_quantities(text: str, value: float) -> None:
    assert quantity(text) == value


@pytest.mark.parametrize("text", ["", "Gi", "5 Gi", "5Xi", "-"])
def test_other_text_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity(text)


def node(labels: dict[str, str], taints: list[dict[str, str]] | None = None) -> dict[str, Any]:
    return {"metadata": {"name": "gpu-01", "labels": labels}, "spec": {"taints": taints} if taints else {}}


def test_new_objects_are_left_behind() -> None:
    assert left_behind({"Namespace a": {}}, {"Namespace a": {}, "Secret a/b": {}}) == ("Secret a/b",)


def test_objects_that_are_gone_are_not_left_behind() -> None:
    assert left_behind({"Namespace a": {}}, {}) == ()


@pytest.mark.parametrize(
    "after", [node({"pool": "h200"}), node({}, [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}])]
)
def test_marks_on_a_node_are_left_behind(after: dict[str, Any]) -> None:
    assert left_behind({"Node gpu-01": node({})}, {"Node gpu-01": after}) == ("Node gpu-01 (labels or taints)",)


@pytest.mark.parametrize("title", ["PersistentVolumeClaim hearth/a", "PersistentVolume pvc-1", "Namespace hearth"])
def test_data_may_stay_where_claims_are_retained(plan: Plan, title: str) -> None:
    assert is_retained_data(title, replace(plan, retain_claims=True))


@pytest.mark.parametrize("title", ["Secret hearth/redis", "Deployment hearth/web-ui", "Namespace metallb-system"])
def test_nothing_else_may_stay(plan: Plan, title: str) -> None:
    assert not is_retained_data(title, replace(plan, retain_claims=True))


def test_claims_may_not_stay_where_the_data_outlives_them(plan: Plan) -> None:
    assert not is_retained_data("PersistentVolumeClaim hearth/a", replace(plan, retain_claims=False))
