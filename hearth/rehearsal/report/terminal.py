"""The report in a terminal; readable without colours and at 100 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from hearth.rehearsal.report.model import Failure, Landscape, Model, Node, Pod, Report
from hearth.rehearsal.report.palette import Mark, marks

_FREE = "□"
_WIDEST_ROW = 16
"""GPUs in a row of the picture."""


def show(report: Report, console: Console) -> None:
    """Print the whole report."""
    for part in _parts(report):
        console.print(part)


def _parts(report: Report) -> Iterator[RenderableType]:
    landscape = report.landscape
    if landscape.nodes:
        yield from _picture(report)
    if landscape.pods:
        yield heading("Pods")
        yield _pods(landscape)
    if landscape.volumes:
        yield heading("Volumes")
        yield _volumes(landscape)
    if landscape.services:
        yield heading("Addresses")
        yield _addresses(landscape)
    if report.kinds:
        yield heading(f"Resources: {sum(report.kinds.values())}")
        yield _kinds(report.kinds)
    yield heading("Course")
    yield _phases(report)
    yield heading("Simulated, and so not proven")
    yield _unproven(report)
    for failure in report.failures:
        yield failure_text(failure)
    yield _verdict(report)


def heading(text: str) -> Text:
    """The title of a part."""
    return Text(f"\n{text}", style="bold")


def plain_table(*columns: str, right: frozenset[str] = frozenset()) -> Table:
    """A table without lines; columns in `right` are numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def _picture(report: Report) -> Iterator[RenderableType]:
    legend = marks(report)
    for pool in report.pools:
        used = f"{pool.used} of {pool.total} GPUs used"
        yield Text.assemble("\n", (pool.pool, "bold"), f"  {pool.nodes} x {pool.gpu}  ", (used, "dim"))
        yield _nodes(report, pool.pool, legend)
    if report.nodes_of(None):
        yield Text("\nwithout GPUs", style="bold")
        yield _nodes(report, None, legend)
    if report.models:
        yield Text("")
        yield _legend(report.models, legend)


def _nodes(report: Report, pool: str | None, legend: Mapping[str, Mark]) -> Table:
    rows = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 2))
    for node in report.nodes_of(pool):
        pods = report.landscape.on(node)
        cpus, memory = sum(pod.cpus for pod in pods), sum(pod.memory_gib for pod in pods)
        count = f"{len(pods)} {'pod' if len(pods) == 1 else 'pods'}"
        load = f"{cpus:.4g}/{node.cpus} CPUs  {memory:.4g}/{node.memory_gib} GiB  {count}"
        rows.add_row(node.name, *([] if pool is None else [_gpus(node, pods, legend)]), Text(load, style="dim"))
    return rows


def _gpus(node: Node, pods: tuple[Pod, ...], legend: Mapping[str, Mark]) -> Text:
    cells: list[tuple[str, str]] = []
    for pod in pods:
        mark = legend.get(pod.workload)
        if mark:
            cells += [(f" {mark.letter} ", f"bold #ffffff on {mark.colour}")] * pod.gpus
    cells += [(f" {_FREE} ", "dim")] * (node.gpus - len(cells))
    text = Text()
    for position, (content, style) in enumerate(cells):
        if position and position % _WIDEST_ROW == 0:
            text.append("\n")
        text.append(content, style)
        text.append(" ")
    return text


def _legend(models: tuple[Model, ...], legend: Mapping[str, Mark]) -> Table:
    memory = "weights + KV of budget, a GPU"
    table = plain_table("", "model", "engine", "GPUs", "context", memory, right=frozenset({"context"}))
    for model in models:
        mark = legend[model.workload]
        table.add_row(
            Text(f" {mark.letter} ", style=f"bold #ffffff on {mark.colour}"),
            model.workload,
            f"{model.engine} {model.version}",
            f"{model.replicas} x {model.gpus_per_replica}",
            f"{model.context_length:,}" if model.context_length else "",
            _memory(model),
        )
    table.add_row(Text(f" {_FREE} ", style="dim"), "free")
    return table


def _memory(model: Model) -> str:
    if model.weights_gib is None or model.kv_cache_gib is None or model.budget_gib is None:
        return ""
    return f"{model.weights_gib:.1f} + {model.kv_cache_gib:.1f} of {model.budget_gib:.1f} GiB"


def _pods(landscape: Landscape) -> Table:
    table = plain_table("pod", "node", "state", "GPUs", "CPUs", "GiB", right=frozenset({"GPUs", "CPUs", "GiB"}))
    for pod in landscape.pods:
        table.add_row(
            pod.name,
            pod.node or "none",
            state_text(pod.state, good=pod.fine),
            str(pod.gpus or ""),
            f"{pod.cpus:g}",
            f"{pod.memory_gib:g}",
        )
    return table


def _volumes(landscape: Landscape) -> Table:
    table = plain_table("claim", "class", "GiB", "access", "state", right=frozenset({"GiB"}))
    for volume in landscape.volumes:
        state = state_text("Bound" if volume.bound else "Pending", good=volume.bound)
        table.add_row(volume.claim, volume.storage_class, f"{volume.size_gib:g}", volume.access, state)
    return table


def _addresses(landscape: Landscape) -> Table:
    table = plain_table("kind", "name", "address", "ports or hosts")
    for service in landscape.services:
        kind = "Service" if service.type == "ClusterIP" else service.type
        address = service.address or state_text("none", good=False)
        table.add_row(kind, service.name, address, ", ".join(map(str, service.ports)))
    for edge in landscape.edges:
        address = edge.address or (Text("accepted") if edge.ready else state_text("not ready", good=False))
        table.add_row(edge.kind, edge.name, address, ", ".join(edge.hosts))
    return table


def _kinds(kinds: Mapping[str, int]) -> Text:
    """Without the stack itself and the providers."""
    shown = {kind.rpartition(":")[2]: count for kind, count in kinds.items() if not kind.startswith("pulumi:")}
    return Text(", ".join(f"{count} {kind}" for kind, count in shown.items()))


def _phases(report: Report) -> Table:
    table = plain_table("phase", "seconds", "resources", "", right=frozenset({"seconds"}))
    for phase in report.phases:
        changes = ", ".join(f"{operation} {count}" for operation, count in phase.changes.items())
        state = state_text("held" if phase.held else "failed", good=phase.held)
        table.add_row(phase.name, f"{phase.seconds:.1f}", changes, state)
    table.add_row("all", f"{report.seconds:.1f}", f"Kubernetes {report.kubernetes}, {report.provider}", "")
    if report.left:
        table.add_row("left", "", ", ".join(report.left), "")
    return table


def _unproven(report: Report) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for what, why in report.unproven.items():
        table.add_row(Text(what, style="dim"), why)
    for chart in report.charts:
        where = f"{chart.version} in {chart.namespace}, from {chart.repository}"
        table.add_row(Text("chart", style="dim"), f"{chart.name} {where}")
    return table


def failure_text(failure: Failure) -> Text:
    """What did not hold, and the settings behind it."""
    text = Text.assemble("\n", (f"{failure.phase}: {failure.resource}", "bold red"), f"\n  {failure.message}")
    if failure.settings:
        text.append("\n  settings: ", "dim").append(", ".join(failure.settings), "bold")
    return text


def _verdict(report: Report) -> Text:
    pods = report.landscape.pods
    fine = sum(pod.fine for pod in pods)
    counted = f"{fine} of {len(pods)} pods ready or completed, {report.seconds:.0f} s"
    if report.succeeded:
        return Text(f"\nThe rehearsal of {report.stack} held: {counted}.", style="bold green")
    return Text(f"\nThe rehearsal of {report.stack} failed: {counted}.", style="bold red")


def state_text(text: str, *, good: bool) -> Text:
    """A word in the colour of its meaning."""
    return Text(text, style="green" if good else "bold red")
