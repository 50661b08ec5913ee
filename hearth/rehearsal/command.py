"""The commands `rehearse`, `cluster up` and `cluster down`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from hearth.answers import print_json, print_refusal
from hearth.options import Config, Directory, Stack

if TYPE_CHECKING:
    from hearth.planning.plan import Plan
    from hearth.rehearsal.cache import Progress
    from hearth.rehearsal.report.model import Report
    from hearth.settings.loading import LoadedStack

_INTERRUPTED = 130
_TERMINATED = 143
"""128 and the signal's number, as shells count."""


def rehearse(
    stack: Stack,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the cluster running, with the stack on it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON document.")] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write it to FILE.html, or its picture to FILE.svg.")
    ] = None,
    config: Config = None,
    timeout: Annotated[
        int, typer.Option(min=1, metavar="SECONDS", help="Time limit, not counting the start of the control plane.")
    ] = 300,
    without_node: Annotated[
        list[str] | None, typer.Option(metavar="NODE", help="Rehearse without a node of the stack; repeatable.")
    ] = None,
    node_gpus: Annotated[
        list[str] | None, typer.Option(metavar="NODE=GPUS", help="GPUs that a node really offers; repeatable.")
    ] = None,
    without_storage_class: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS", help="Rehearse without a StorageClass that the stack expects; repeatable."),
    ] = None,
    directory: Directory = Path(),
) -> None:
    """Deploy a stack to a real control plane with simulated nodes on this machine, then destroy it.

    Ends with 0 when everything became ready, a second deployment changed nothing and destroying left nothing but data
    that the stack keeps; with 1 and the reasons otherwise.
    """
    render = _renderer(report)
    gpus = dict(_node_gpus(text) for text in node_gpus or ())
    with _ends_in_order(as_json):
        loaded, plan = _load(directory, stack, config or ())
        from hearth.rehearsal.course import Options
        from hearth.rehearsal.course import rehearse as run
        from hearth.rehearsal.simulate import Shortfall

        shortfall = Shortfall(tuple(without_node or ()), gpus, tuple(without_storage_class or ()))
        with _progress() as on_progress:
            outcome = run(loaded, plan, Options(shortfall, keep, timeout), on_progress)
        if report and render:
            report.write_text(render(outcome), encoding="utf-8")
        _show(outcome, as_json)
    if not outcome.succeeded:
        raise typer.Exit(1)


cluster = typer.Typer(help="A control plane with the nodes of a stack, for pulumi and kubectl.", no_args_is_help=True)


@cluster.command()
def up(stack: Stack, config: Config = None, directory: Directory = Path()) -> None:
    """Start the stack's cluster and leave it running; add-ons count as present, whatever the stack says.

    What it prints can be evaluated by a shell.
    """
    with _ends_in_order():
        from hearth.rehearsal import cluster as clusters
        from hearth.rehearsal.simulate import simulate, with_add_ons_present

        _, plan = _load(directory, stack, config or ())
        with _progress() as on_progress:
            kubeconfig = clusters.up(simulate(with_add_ons_present(plan)), plan.stack, on_progress)
        typer.echo(f"export KUBECONFIG={kubeconfig}")
        for add_on in plan.add_ons:
            if add_on.mode == "managed":
                typer.echo(f"# pulumi config set --stack {stack} --path 'hearth:addOns.{add_on.name}' present")
        typer.echo(f"# pulumi up --stack {stack}")
        typer.echo("# python -m hearth cluster down")


@cluster.command()
def down() -> None:
    """End every cluster that was left running, and remove their files."""
    with _ends_in_order():
        from hearth.rehearsal import cluster as clusters

        ended = [name for name in clusters.names() if clusters.down(name)]
        typer.echo(f"Ended: {', '.join(ended)}." if ended else "No cluster is running.")


def _load(directory: Path, stack: str, overrides: Sequence[str]) -> tuple[LoadedStack, Plan]:
    from hearth.planning.stack import make_plan
    from hearth.settings.loading import load_stack

    loaded = load_stack(directory, stack, overrides)
    return loaded, make_plan(loaded)


def _node_gpus(text: str) -> tuple[str, int]:
    node, _, gpus = text.partition("=")
    if not node or not gpus.isdecimal():
        raise typer.BadParameter(f"{text!r} is not of the form NODE=GPUS, such as gpu-01=7", param_hint="--node-gpus")
    return node, int(gpus)


def _renderer(path: Path | None) -> Callable[[Report], str] | None:
    if path is None:
        return None
    if path.suffix not in (".html", ".svg") or not path.absolute().parent.is_dir():
        message = f"{str(path)!r} is not the path of an .html or .svg file in an existing folder"
        raise typer.BadParameter(message, param_hint="--report")
    from hearth.rehearsal.report.html import render_page, render_picture

    return render_page if path.suffix == ".html" else render_picture


def _show(outcome: Report, as_json: bool) -> None:
    if as_json:
        from hearth.rehearsal.report.model import as_json as plain

        print_json(plain(outcome))
        return
    from rich.console import Console

    from hearth.presentation.terminal import PIPE_WIDTH
    from hearth.rehearsal.report.terminal import show

    show(outcome, Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH))
    if outcome.kubeconfig:
        typer.echo(f"\nexport KUBECONFIG={outcome.kubeconfig}\nEnd the cluster with: make cluster-down")


@contextmanager
def _progress() -> Generator[Progress]:
    """Prints each step to stderr as it begins, below it a spinner where people watch."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda line: console.print(line, markup=False, soft_wrap=True)
        return
    with console.status("") as status:
        yield status.update


@contextmanager
def _ends_in_order(as_json: bool = False) -> Generator[None]:
    """Errors become messages and exit codes, and signals exceptions, so that everything started is ended."""

    def terminate(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(_TERMINATED)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, terminate)
    from hearth.problems import ConfigurationError
    from hearth.rehearsal.errors import RehearsalError

    try:
        yield
    except ConfigurationError as refusal:
        print_refusal(refusal, as_json)
        raise typer.Exit(1) from None
    except RehearsalError as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("Interrupted; nothing is left behind.", err=True)
        raise typer.Exit(_INTERRUPTED) from None
