"""Results of a smoke test as a table, or as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hearth.presentation.terminal import PIPE_WIDTH
from hearth.smoke.course import Result


def document(stack: str, results: Sequence[Result]) -> dict[str, object]:
    """Times in seconds, rounded to a millisecond; docs/smoke.md explains the keys."""
    rows = [{k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(result).items()} for result in results]
    return {"stack": stack, "passed": all(result.passed for result in results), "results": rows}


def show(results: Sequence[Result]) -> None:
    """Print a table for each server, then what failed in full."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    for url in dict.fromkeys(result.base_url for result in results):
        console.print(Text(url, "bold"))
        console.print(_table([result for result in results if result.base_url == url]))
    for result in results:
        if not result.passed:
            title = " ".join(part for part in (result.model, result.check) if part)
            console.print(Text.assemble((f"{title}: ", "red"), result.detail), soft_wrap=True)
    passed = sum(result.passed for result in results)
    style = "bold green" if passed == len(results) else "bold red"
    console.print(Text(f"{passed} of {len(results)} checks passed", style))


def _table(results: Sequence[Result]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("model", "check", "", "seconds", "first token", "tokens/s"):
        table.add_column(heading, justify="right" if heading in ("seconds", "first token", "tokens/s") else "left")
    table.add_column("answer", overflow="fold")
    for result in results:
        table.add_row(
            Text(result.model, "cyan"),
            result.check,
            Text("ok", "green") if result.passed else Text("failed", "red"),
            f"{result.seconds:.2f}",
            "" if result.first_token_seconds is None else f"{result.first_token_seconds:.2f}",
            "" if result.tokens_per_second is None else f"{result.tokens_per_second:.1f}",
            Text(result.detail if result.passed else "see below"),
        )
    return table
