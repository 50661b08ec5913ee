"""A stack's summary as text: readable at 100 columns, in colour where the output is a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hearth.presentation.summary import DockerSummary, Summary

PIPE_WIDTH = 100
"""Columns when the output is no terminal."""
_RIGHT = ">"
"""Begins the headings of columns that are aligned to the right."""


def show(summary: Summary, console: Console | None = None) -> None:
    """Print a summary to stdout, or to another console."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(render(summary))


def render(summary: Summary) -> Group:
    """The whole text, sections without content left out."""
    title = Text.assemble(
        (f"{summary.stack}", "bold"),
        f"  target {summary.target}, namespace {summary.namespace}, ",
        summary.url or ("address of the host" if summary.docker else "address from the load balancer"),
    )
    sections = [
        ("Models", _models(summary)),
        ("GPU pools", _pools(summary)),
        ("Tiers", _tiers(summary)),
        ("Web tier", _web_tier(summary)),
        ("Endpoints within the stack" if summary.docker else "Endpoints in the cluster", _endpoints(summary)),
        ("Docker host", _docker(summary.docker)),
        ("Add-ons", _add_ons(summary)),
        ("Exceptions from the restricted Pod Security level", _exceptions(summary)),
    ]
    parts: list[RenderableType] = [title]
    for heading, table in sections:
        if table.row_count:
            parts += ["", Text(heading, "bold"), table]
    parts += ["", Text(f"{sum(summary.resources.values())} resources", "bold"), Padding(_resources(summary), (0, 2))]
    parts += [Text.assemble(("\nWarning ", "bold yellow"), warning) for warning in summary.warnings]
    return Group(*parts)


def _models(summary: Summary) -> Table:
    rows = (
        (
            f"[cyan]{escape(m.served_name)}[/]\n[dim]{escape(m.source)}[/]",
            f"{m.engine}\n[dim]{m.engine_version}[/]",
            f"{m.replicas} x {m.gpus_per_replica}",
            m.pool,
            "\n".join(dict.fromkeys(m.nodes)) if m.pinned else "any",
            f"{m.context_length:,}\n[dim]{m.max_concurrency:.1f} users[/]",
            f"{m.weights_gib:.1f}\n[dim]+{m.overhead_gib:.1f}[/]",
            f"{m.kv_cache_gib:.1f}",
            f"{m.budget_gib:.1f}",
        )
        for m in summary.models
    )
    headings = ("model", "engine", "GPUs", "pool", "nodes", ">context", ">weights", ">KV cache", ">GiB/GPU")
    return _table(headings, rows)


def _pools(summary: Summary) -> Table:
    rows = (
        (f"[cyan]{p.name}[/]", p.gpu, str(p.nodes), str(p.gpus), str(p.used), f"[green]{p.free}[/]" if p.free else "0")
        for p in summary.pools
    )
    return _table(("pool", "GPU", ">nodes", ">GPUs", ">used", ">free"), rows)


def _tiers(summary: Summary) -> Table:
    rows = (
        (f"[cyan]{t.name}[/]", t.kind, str(t.replicas), f"{t.cpus:g}", f"{t.memory_gib:g}", f"[dim]{t.image}[/]")
        for t in summary.tiers
    )
    return _table(("workload", "kind", ">pods", ">CPUs", ">GiB", "image"), rows)


def _web_tier(summary: Summary) -> Table:
    rows = [("memory", summary.web_ui_memory)]
    rows += [("connections", store.connections) for store in summary.stores if store.connections]
    return _table(("of", "arithmetic"), ((f"[cyan]{name}[/]", escape(text)) for name, text in rows))


def _endpoints(summary: Summary) -> Table:
    return _table(
        ("model", "base URL"), ((f"[cyan]{escape(name)}[/]", escape(url)) for name, url in summary.endpoints.items())
    )


def _docker(docker: DockerSummary | None) -> Table:
    """Engine, ports, GPUs and volumes, each with what becomes of it."""
    rows: list[tuple[str, ...]] = []
    if docker:
        rows.append(("engine", docker.host or "DOCKER_HOST, or unix:///var/run/docker.sock", ""))
        rows += [("port", f"{port.address}:{port.port}", f"[cyan]{port.workload}[/]") for port in docker.ports]
        rows += [("GPUs", ", ".join(map(str, ids)), f"[cyan]{name}[/]") for name, ids in docker.gpus.items()]
        rows += [("folder", escape(docker.folder), "kept by destroy")] if docker.folder else []
        for volume in docker.volumes:
            fate = "shared by all stacks, kept" if volume.shared else "kept by destroy" if volume.kept else "destroyed"
            rows.append(("volume", volume.name, fate))
    return _table(("part", "name", "for"), rows)


def _add_ons(summary: Summary) -> Table:
    rows = ((f"[cyan]{a.name}[/]", a.mode, a.version, escape(a.why)) for a in summary.add_ons)
    return _table(("add-on", "mode", "version", "for"), rows)


def _exceptions(summary: Summary) -> Table:
    rows = ((f"[cyan]{e.subject}[/]", escape(e.reason)) for e in summary.pod_security_exceptions)
    return _table(("subject", "reason"), rows)


def _resources(summary: Summary) -> Text:
    """Counts by the last part of the type's token, the most frequent first."""
    names = ((count, token.rpartition(":")[2]) for token, count in summary.resources.items())
    return Text(", ".join(f"{count} {name}" for count, name in sorted(names, key=lambda n: (-n[0], n[1]))))


def _table(headings: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for heading in headings:
        justify = "right" if heading.startswith(_RIGHT) else "left"
        table.add_column(heading.removeprefix(_RIGHT), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
