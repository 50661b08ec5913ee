"""Where all of the picture goes: nodes by pool, GPUs by the workload that has them. Lengths are in SVG user units."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hearth.rehearsal.report.model import Model, Node, Pod, Report
from hearth.rehearsal.report.palette import Mark, marks

WIDTH = 1000
_MARGIN = 28
_GAP = 16
_COLUMN = (WIDTH - 2 * _MARGIN - 3 * _GAP) / 4
"""Nodes with up to four GPUs in a row, or none, take one of four columns; all others take two."""
_PADDING = 12
_CELL_GAP = 6
_GPUS_IN_ROW = 8
_GPU_ROW = 44
_CARD_HEAD = 30
_CARD_FOOT = 44
_POD_LINE = 17
_MOST_POD_LINES = 8
_HEADER = 84
_SECTION_HEAD = 30
_LEGEND_LINE = 40
_CHARACTER = 7.0
"""Width of a character of the labels, on average."""


@dataclass(frozen=True)
class Block:
    """Neighbouring GPUs of one pod; without a mark they are free."""

    x: float
    y: float
    width: float
    separators: tuple[float, ...]
    """Between the GPUs."""
    mark: Mark | None
    label: str
    title: str


@dataclass(frozen=True)
class Line:
    """A pod without GPUs."""

    y: float
    label: str
    note: str
    done: bool


@dataclass(frozen=True)
class Bar:
    """How much of a resource pods have requested."""

    y: float
    label: str
    share: float


@dataclass(frozen=True)
class Card:
    """A node."""

    x: float
    y: float
    width: float
    height: float
    name: str
    note: str
    blocks: tuple[Block, ...]
    lines: tuple[Line, ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Section:
    """A pool."""

    y: float
    name: str
    note: str
    cards: tuple[Card, ...]
    bottom: float


@dataclass(frozen=True)
class Entry:
    """A line of the legend; shares are of one GPU's memory."""

    y: float
    mark: Mark
    name: str
    note: str
    memory: str
    weights: float
    kv_cache: float
    budget: float


@dataclass(frozen=True)
class Picture:
    """All of it."""

    width: int
    height: float
    title: str
    subtitle: str
    figures: tuple[tuple[str, str], ...]
    """(figure, what it counts), for the header."""
    sections: tuple[Section, ...]
    legend: tuple[Entry, ...]
    held: bool


def draw(report: Report) -> Picture:
    """Lay the report's nodes out."""
    legend = marks(report)
    sections: list[Section] = []
    y: float = _MARGIN + _HEADER
    for pool in report.pools:
        note = f"{pool.nodes} x {pool.gpu} nodes, {pool.used} of {pool.total} GPUs used"
        sections.append(_section(report, pool.pool, pool.pool, note, y, legend))
        y = sections[-1].bottom
    without = report.nodes_of(None)
    if without:
        note = f"{len(without)} nodes for everything else"
        sections.append(_section(report, None, "without GPUs", note, y, legend))
        y = sections[-1].bottom
    entries = tuple(_entry(model, legend, y + number * _LEGEND_LINE) for number, model in enumerate(report.models))
    return Picture(
        width=WIDTH,
        height=y + len(entries) * _LEGEND_LINE + _MARGIN / 2,
        title=report.stack,
        subtitle=f"on Kubernetes {report.kubernetes}, simulated nodes",
        figures=tuple(_figures(report)),
        sections=tuple(sections),
        legend=entries,
        held=report.succeeded,
    )


def _figures(report: Report) -> Iterator[tuple[str, str]]:
    pods, volumes = report.landscape.pods, report.landscape.volumes
    yield f"{sum(pod.fine for pod in pods)} / {len(pods)}", "pods fine"
    if report.pools:
        yield f"{sum(p.used for p in report.pools)} / {sum(p.total for p in report.pools)}", "GPUs used"
    if volumes:
        yield f"{sum(volume.size_gib for volume in volumes):,.0f} GiB", f"in {len(volumes)} volumes"
    if report.kinds:
        yield str(sum(report.kinds.values())), "resources"
    yield f"{report.seconds:.0f} s", "from start to end"


def _section(report: Report, pool: str | None, name: str, note: str, y: float, legend: Mapping[str, Mark]) -> Section:
    nodes = report.nodes_of(pool)
    lines = 0 if pool else max(min(len(_on(report, node)), _MOST_POD_LINES) for node in nodes)
    cards: list[Card] = []
    x, top, row_height = float(_MARGIN), y + _SECTION_HEAD, 0.0
    for node in nodes:
        card = _card(report, node, x, top, lines, legend)
        if x > _MARGIN and x + card.width > WIDTH - _MARGIN:
            x, top, row_height = float(_MARGIN), top + row_height + _GAP, 0.0
            card = _card(report, node, x, top, lines, legend)
        cards.append(card)
        x, row_height = x + card.width + _GAP, max(row_height, card.height)
    return Section(y, name, note, tuple(cards), top + row_height + 2 * _GAP)


def _card(report: Report, node: Node, x: float, y: float, lines: int, legend: Mapping[str, Mark]) -> Card:
    running = report.landscape.on(node)
    slots = _GPUS_IN_ROW if node.gpus > _GPUS_IN_ROW // 2 else _GPUS_IN_ROW // 2
    width = _COLUMN if slots < _GPUS_IN_ROW else 2 * _COLUMN + _GAP
    pitch = (width - 2 * _PADDING + _CELL_GAP) / slots
    body = math.ceil(node.gpus / _GPUS_IN_ROW) * (_GPU_ROW + _CELL_GAP) if node.gpus else lines * _POD_LINE
    foot = y + _CARD_HEAD + body
    cpus, memory = sum(pod.cpus for pod in running), sum(pod.memory_gib for pod in running)
    return Card(
        x=x,
        y=y,
        width=width,
        height=_CARD_HEAD + body + _CARD_FOOT,
        name=node.name,
        note=f"{len(running)} {'pod' if len(running) == 1 else 'pods'}",
        blocks=tuple(_blocks(node, running, x + _PADDING, y + _CARD_HEAD, pitch, legend)),
        lines=() if node.gpus else tuple(_lines(_on(report, node), y + _CARD_HEAD, lines)),
        bars=(
            Bar(foot + 12, f"{cpus:.4g} / {node.cpus} CPUs", cpus / node.cpus),
            Bar(foot + 28, f"{memory:.4g} / {node.memory_gib} GiB", memory / node.memory_gib),
        ),
    )


def _blocks(
    node: Node, pods: Sequence[Pod], left: float, top: float, pitch: float, legend: Mapping[str, Mark]
) -> Iterator[Block]:
    """GPUs are counted and not numbered, so pods get theirs from the left, the largest first."""
    owners: list[Pod | None] = [pod for pod in pods for _ in range(pod.gpus)]
    owners += [None] * (node.gpus - len(owners))
    start = 0
    while start < len(owners):
        owner, column = owners[start], start % _GPUS_IN_ROW
        end = start + 1
        while owner and end < len(owners) and owners[end] is owner and end % _GPUS_IN_ROW:
            end += 1
        count, x = end - start, left + column * pitch
        width = count * pitch - _CELL_GAP
        mark = legend.get(owner.workload) if owner else None
        yield Block(
            x=x,
            y=top + start // _GPUS_IN_ROW * (_GPU_ROW + _CELL_GAP),
            width=width,
            separators=tuple(x + number * pitch - _CELL_GAP / 2 for number in range(1, count)),
            mark=mark,
            label=_fitting(owner.workload, width, mark.letter) if owner and mark else "",
            title=f"{owner.name}: {owner.gpus} GPUs of {node.name}" if owner else f"free GPU of {node.name}",
        )
        start = end


def _fitting(label: str, width: float, short: str) -> str:
    return label if len(label) * _CHARACTER + 8 <= width else short


def _on(report: Report, node: Node) -> list[Pod]:
    """Pods of the node, the completed ones last."""
    done = [pod for pod in report.landscape.pods if pod.node == node.name and not pod.running]
    return [*sorted(report.landscape.on(node), key=lambda pod: -pod.cpus), *done]


def _lines(pods: Sequence[Pod], top: float, room: int) -> Iterator[Line]:
    shown = pods if len(pods) <= room else pods[: room - 1]
    for number, pod in enumerate(shown):
        note = "done" if not pod.running else f"{pod.cpus:g} CPU"
        yield Line(top + number * _POD_LINE + 9, _shortened(pod.workload, 24), note, not pod.running)
    if len(shown) < len(pods):
        yield Line(top + len(shown) * _POD_LINE + 9, f"{len(pods) - len(shown)} more", "", True)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _entry(model: Model, legend: Mapping[str, Mark], y: float) -> Entry:
    replicas = f"{model.replicas} x {model.gpus_per_replica} {'GPU' if model.gpus_per_replica == 1 else 'GPUs'}"
    context = f" · {model.context_length:,} tokens" if model.context_length else ""
    weights, cache, budget, total = model.weights_gib, model.kv_cache_gib, model.budget_gib, model.gpu_memory_gib
    shares, memory = (0.0, 0.0, 0.0), ""
    if weights is not None and cache is not None and budget is not None and total:
        shares = (weights / total, cache / total, budget / total)
        memory = f"{weights:.1f} weights + {cache:.1f} KV cache of {budget:.1f} GiB a GPU"
    note = f"{model.engine} {model.version} · {replicas}{context}"
    return Entry(y, legend[model.workload], model.workload, note, memory, *shares)
