from __future__ import annotations

import pytest

from hearth.rehearsal.provider.properties import UNKNOWN, from_struct, has_unknowns, to_struct


@pytest.mark.parametrize(
    "values",
    [
        {"text": "a", "whole": 3, "fraction": 0.5, "on": True},
        {"nested": {"list": [1, {"deep": "b"}, []]}},
        {},
    ],
)
def test_values_survive_the_wire(values: dict[str, object]) -> None:
    assert from_struct(to_struct(values)) == values


def test_whole_numbers_are_integers() -> None:
    assert type(from_struct(to_struct({"port": 80}))["port"]) is int


def test_nulls_are_left_out() -> None:
    assert from_struct(to_struct({"a": None, "b": {"c": None}})) == {"b": {}}


@pytest.mark.parametrize("values", [{"a": UNKNOWN}, {"a": {"b": [1, UNKNOWN]}}])
def test_unknowns_are_found_at_any_depth(values: dict[str, object]) -> None:
    assert has_unknowns(values)


def test_known_values() -> None:
    assert not has_unknowns({"a": ["b", {"c": 1}]})
