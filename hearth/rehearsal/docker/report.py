"""The facts of a rehearsal on Docker, and how a terminal shows them. Memory is in MiB, time in seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from rich.console import Console, RenderableType
from rich.text import Text

from hearth.rehearsal.report.model import Failure, Phase
from hearth.rehearsal.report.terminal import failure_text, heading, plain_table, state_text


@dataclass(frozen=True)
class ContainerState:
    """A container as the engine shows it."""

    name: str
    workload: str
    image: str
    state: str
    """healthy, running, completed, or what it is instead."""
    memory_mib: int
    """Its limit."""
    trouble: str | None = None
    """Why it is not as it should be, with the end of its log."""


@dataclass(frozen=True)
class PortState:
    """A published port."""

    container: str
    address: str
    port: int
    answer: str | None
    trouble: str | None = None


@dataclass(frozen=True)
class DockerReport:
    """A rehearsal from start to end, or to the phase that failed."""

    stack: str
    engine: str
    """Version of the Docker engine."""
    provider: str
    phases: tuple[Phase, ...]
    failures: tuple[Failure, ...]
    containers: tuple[ContainerState, ...]
    """After the first up."""
    ports: tuple[PortState, ...]
    kinds: Mapping[str, int]
    """Resources of the stack by type token."""
    kept: tuple[str, ...]
    """Volumes that destroy left, as it should."""
    unproven: Mapping[str, str]
    """What was simulated, and what is therefore not proven."""

    @property
    def succeeded(self) -> bool:
        """Whether all of it held."""
        return not self.failures and all(phase.held for phase in self.phases)

    @property
    def seconds(self) -> float:
        """Of all phases."""
        return sum(phase.seconds for phase in self.phases)


def as_json(report: DockerReport) -> dict[str, object]:
    """The report as plain values, with `succeeded` and `seconds`."""
    return {"succeeded": report.succeeded, "seconds": round(report.seconds, 2), **asdict(report)}


def show(report: DockerReport, console: Console) -> None:
    """Print the whole report."""
    for part in _parts(report):
        console.print(part)


def _parts(report: DockerReport) -> Iterator[RenderableType]:
    if report.containers:
        yield heading("Containers")
        rows = plain_table("container", "image", "state", "MiB", right=frozenset({"MiB"}))
        for container in report.containers:
            state = state_text(container.state, good=container.trouble is None)
            rows.add_row(container.name, container.image, state, f"{container.memory_mib:,}")
        yield rows
    if report.ports:
        yield heading("Addresses")
        rows = plain_table("container", "address", "answers")
        for port in report.ports:
            answer = state_text(port.answer or "nothing", good=port.trouble is None)
            rows.add_row(port.container, f"{port.address}:{port.port}", answer)
        yield rows
    yield heading("Course")
    rows = plain_table("phase", "seconds", "resources", "", right=frozenset({"seconds"}))
    for phase in report.phases:
        changes = ", ".join(f"{operation} {count}" for operation, count in phase.changes.items())
        rows.add_row(phase.name, f"{phase.seconds:.1f}", changes, state_text(_held(phase), good=phase.held))
    rows.add_row("all", f"{report.seconds:.1f}", f"{report.engine}, {report.provider}", "")
    if report.kept:
        rows.add_row("kept", "", ", ".join(report.kept), "")
    yield rows
    yield heading("Simulated, and so not proven")
    rows = plain_table("", "")
    rows.show_header = False
    for what, why in report.unproven.items():
        rows.add_row(Text(what, style="dim"), why)
    yield rows
    yield from map(failure_text, report.failures)
    word, style = ("held", "bold green") if report.succeeded else ("failed", "bold red")
    fine = sum(container.trouble is None for container in report.containers)
    counted = f"{fine} of {len(report.containers)} containers healthy or completed, {report.seconds:.0f} s"
    yield Text(f"\nThe rehearsal of {report.stack} {word}: {counted}.", style=style)


def _held(phase: Phase) -> str:
    return "held" if phase.held else "failed"
