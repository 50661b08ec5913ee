"""docs/benchmarks.md: each benchmark renews a section of its own."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"


def measured_with(command: str) -> str:
    """The line that says where and when."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"`{command}` on {machine}, {date.today()}. Figures of another machine differ; the ratios are what counts."


def table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> list[str]:
    """Lines of a Markdown table whose first column is text and the others numbers."""
    marks = ["---", *["--:"] * (len(header) - 1)]
    return [f"| {' | '.join(header)} |", f"|{'|'.join(marks)}|", *(f"| {' | '.join(map(str, row))} |" for row in rows)]


def with_section(page: str, title: str, lines: Iterable[str]) -> str:
    """The page with this section in place of that of the same title, or at the end."""
    section = "\n".join([f"## {title}", "", *lines])
    head, *sections = re.split(r"\n(?=## )", page.rstrip("\n"))
    found = {part.partition("\n")[0].removeprefix("## "): part.rstrip("\n") for part in sections}
    return "\n\n".join([head.rstrip("\n"), *{**found, title: section}.values()]) + "\n"


def write_section(title: str, lines: Iterable[str]) -> None:
    """Renew a section of the page."""
    PAGE.write_text(with_section(PAGE.read_text(encoding="utf-8"), title, lines), encoding="utf-8")
