"""docs/benchmarks.md, which several benchmarks write."""

from __future__ import annotations

from bench.page import PAGE, table, with_section
from bench.plan import TITLE as PLAN
from bench.web_tier import TITLE as WEB_TIER

PAGE_OF_TWO = "# Benchmarks\n\n## One\n\nold\n\n### Details\n\nof one\n\n## Two\n\nkept\n"


def test_a_section_is_renewed_with_its_details() -> None:
    assert with_section(PAGE_OF_TWO, "One", ["new"]) == "# Benchmarks\n\n## One\n\nnew\n\n## Two\n\nkept\n"


def test_the_last_section_is_renewed() -> None:
    assert with_section(PAGE_OF_TWO, "Two", ["new"]) == PAGE_OF_TWO.replace("kept", "new")


def test_a_new_section_comes_last() -> None:
    assert with_section(PAGE_OF_TWO, "Three", ["new"]) == PAGE_OF_TWO + "\n## Three\n\nnew\n"


def test_an_empty_page_gets_its_first_section() -> None:
    assert with_section("# Benchmarks\n", "One", ["new"]) == "# Benchmarks\n\n## One\n\nnew\n"


def test_a_table_aligns_its_numbers() -> None:
    assert table(("name", "value"), [("a", 1)]) == ["| name | value |", "|---|--:|", "| a | 1 |"]


def test_the_page_has_a_section_of_each_benchmark() -> None:
    titles = [line.removeprefix("## ") for line in PAGE.read_text().splitlines() if line.startswith("## ")]
    assert titles == [PLAN, WEB_TIER]
