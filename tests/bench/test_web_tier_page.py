"""The figures of the web tier's benchmark, from turns that are made up."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench import web_tier_page
from bench.tier import Turn
from bench.web_tier_page import Footprint, Load, render
from tests.live.measure import Memory

COSTS = {"web": 8.0, "postgres": 1.0, "redis": 0.5, "engines": 0.0, "client": 0.5, "others": 1.0}
"""CPU seconds of a turn."""


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_tier_page, "CORES", 2)


def turn(requests: int, errors: int = 0) -> Turn:
    return Turn(10, [20.0] * requests, {"refused": errors}, COSTS, busiest=1)


def load(one: Sequence[int], two: Sequence[int], *, shares: bool = False) -> Load:
    """Requests of each round, of one worker and of two."""
    return Load("pages", shares, {1: list(map(turn, one)), 2: list(map(turn, two))})


def test_the_gain_compares_turns_of_the_same_round() -> None:
    assert load([100, 50, 10], [200, 75, 10]).gain(2) == 1.5


def test_one_worker_gains_nothing_over_itself() -> None:
    assert load([100, 50, 10], [1, 1, 1]).gain(1) == 1


@pytest.mark.parametrize(("cores", "most"), [(1, 0.8), (2, 1.6), (16, 2)])
def test_what_is_beside_the_workers_limits_the_gain(cores: int, most: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_tier_page, "CORES", cores)
    assert load([100], [200]).most(2) == pytest.approx(most)


def test_workers_with_a_share_each_may_double() -> None:
    assert load([100], [200], shares=True).most(2) == 2


def test_figures_of_a_turn() -> None:
    found = turn(400)
    assert (found.rate, found.percentile_ms(95), found.cost_ms("web")) == (40, 20, 20)


def test_the_page_has_rates_costs_and_memory() -> None:
    memory = Memory(rss_mib=400, pss_mib=350)
    lines = list(
        render([load([100], [180], shares=True), load([100], [150])], [Footprint(2, memory, memory, 700, 3072)])
    )
    assert "| pages: 2 workers / 1, a quarter of a core each | 1.80 | 1.6 |" in lines
    assert "| pages | 2 | 15.0 | 1.50 | 1.60 | 20 | 20 | 0 | 1.00 |" in lines
    assert "| 2 | 400 | 400 | 350 | 350 | 700 | 3072 |" in lines


def test_errors_of_all_rounds_are_counted() -> None:
    found = Load("pages", True, {1: [turn(100, errors=2), turn(100, errors=3)], 2: [turn(100), turn(100)]})
    assert any(line.startswith("| pages | 1 |") and "| 5 |" in line for line in render([found, found], []))
