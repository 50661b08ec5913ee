"""A fit as text: a picture of one GPU's memory, and what its KV cache holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.text import Text

from hearth.planning.memory.deployment import Deployment, Fit

WIDTH = 72
"""Columns of the bar."""


@dataclass(frozen=True)
class Part:
    """A stretch of the bar; the glyphs differ too, for readers without colours."""

    label: str
    gib: float
    glyph: str
    style: str


def show_fit(deployment: Deployment, fit: Fit, remedies: Sequence[str], *, whole_gpu: bool = True) -> None:
    """Print a fit to stdout; without the picture where only the KV cache was judged."""
    console = Console(highlight=False)
    console.print(render_fit(deployment, fit, remedies, whole_gpu), soft_wrap=not console.is_terminal)


def render_fit(deployment: Deployment, fit: Fit, remedies: Sequence[str], whole_gpu: bool) -> Group:
    """Title, picture, verdict, then what to do or to look at."""
    verdict = Text.assemble(("fits", "bold green") if fit.fits else ("does not fit", "bold red"), f": {fit.reason}")
    picture = (*_picture(fit), "") if whole_gpu else ()
    lines: list[RenderableType] = [_title(deployment, fit, whole_gpu), "", *picture, verdict]
    if fit.max_context:
        lines.append(
            Text(
                f"KV cache of {fit.kv_cache_tokens:,} tokens; longest context {fit.max_context:,}; "
                f"{fit.max_concurrency:.2f} requests of {fit.context_length:,} tokens at once, "
                f"at most {fit.max_num_seqs:,} of any length"
            )
        )
    lines += [Text.assemble(("remedy  ", "green"), remedy) for remedy in remedies]
    lines += [Text.assemble(("note    ", "yellow"), note) for note in fit.notes]
    return Group(*lines)


def _title(deployment: Deployment, fit: Fit, whole_gpu: bool) -> Text:
    parallel = deployment.parallelism
    sizes = [("tensor", parallel.tensor), ("pipeline", parallel.pipeline), ("data", parallel.data)]
    shown = [f"{name} parallel {size}" for name, size in sizes if size > 1]
    facts = [
        *((f"{parallel.gpus} x {deployment.gpu.name}",) if whole_gpu else ()),
        f"{deployment.engine} {deployment.engine_version}",
        *shown,
        f"context {fit.context_length:,}",
    ]
    return Text.assemble((deployment.model, "bold"), f"  {', '.join(facts)}")


def _picture(fit: Fit) -> Iterable[Text]:
    parts = _parts(fit)
    scale = max(fit.total_gib, sum(part.gib for part in parts)) or 1.0
    end = round(fit.total_gib / scale * WIDTH)
    cells = _cells(parts, scale)
    bar = Text("  ")
    for position, (glyph, style) in enumerate(cells):
        if position == end:
            bar.append("|", "bold")
        bar.append(glyph, style)
    bar.append("|" if end >= len(cells) else "", "bold")
    yield Text(f"  one GPU, {fit.total_gib:.1f} GiB" + (f", of which the engine may use {fit.budget_gib:.1f}"))
    yield bar
    for part in parts:
        yield Text.assemble("  ", (part.glyph, part.style), f" {part.gib:6.1f} GiB  {part.label}")


def _parts(fit: Fit) -> list[Part]:
    weights = Part("weights", fit.weights_gib, "█", "blue")
    overhead = Part("activations, graphs, buffers", fit.overhead_gib, "▒", "magenta")
    cache = Part("KV cache", fit.kv_cache_gib, "▓", "green")
    lacking = fit.weights_gib + fit.overhead_gib + fit.kv_needed_gib - fit.budget_gib
    if lacking > 0 and fit.kv_needed_gib > fit.kv_cache_gib:
        used = fit.weights_gib + fit.overhead_gib + fit.kv_cache_gib
        missing = fit.kv_needed_gib - fit.kv_cache_gib
        left = Part("left to others", max(0.0, fit.total_gib - max(used, fit.budget_gib)), "░", "dim")
        return [weights, overhead, cache, left, Part("lacking for one request", missing, "X", "red")]
    return [weights, overhead, cache, Part("left to others", max(0.0, fit.total_gib - fit.budget_gib), "░", "dim")]


def _cells(parts: Sequence[Part], scale: float) -> list[tuple[str, str]]:
    """One glyph a column; edges are rounded, so that the stretches add up."""
    cells: list[tuple[str, str]] = []
    reached = 0.0
    for part in parts:
        reached += part.gib
        cells += [(part.glyph, part.style)] * (round(reached / scale * WIDTH) - len(cells))
    return cells
