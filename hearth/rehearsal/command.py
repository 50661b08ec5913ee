"""The commands `rehearse`, `cluster up` and `cluster down`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hearth.answers import print_json
from hearth.long_commands import ends_in_order, progress
from hearth.options import Config, Directory, Stack

if TYPE_CHECKING:
    from rich.console import Console

    from hearth.planning.plan import Plan
    from hearth.rehearsal.report.model import Report
    from hearth.settings.loading import LoadedStack

_NOTHING_LEFT = "Interrupted; nothing is left behind."


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
    """Deploy a stack on this machine, then destroy it: to a real control plane with simulated nodes, or, with target
    docker, to a Docker engine of its own with stand-in images.

    Ends with 0 when everything became ready, a second deployment changed nothing and destroying left nothing but data
    that the stack keeps; with 1 and the reasons otherwise.
    """
    render = _renderer(report)
    gpus = dict(_node_gpus(text) for text in node_gpus or ())
    with ends_in_order(_NOTHING_LEFT, as_json):
        loaded, plan = _load(directory, stack, config or ())
        if plan.target == "docker":
            of_clusters = {
                "--keep": keep,
                "--report": report,
                "--without-node": without_node,
                "--node-gpus": node_gpus,
                "--without-storage-class": without_storage_class,
            }
            _rehearse_on_docker(loaded, plan, timeout, [name for name, given in of_clusters.items() if given], as_json)
            return
        from hearth.rehearsal.course import Options
        from hearth.rehearsal.course import rehearse as run
        from hearth.rehearsal.simulate import Shortfall

        shortfall = Shortfall(tuple(without_node or ()), gpus, tuple(without_storage_class or ()))
        with progress() as on_progress:
            outcome = run(loaded, plan, Options(shortfall, keep, timeout), on_progress)
        if report and render:
            report.write_text(render(outcome), encoding="utf-8")
        _show(outcome, as_json)
    if not outcome.succeeded:
        raise typer.Exit(1)


def _rehearse_on_docker(
    loaded: LoadedStack, plan: Plan, timeout: int, of_clusters: Sequence[str], as_json: bool
) -> None:
    if of_clusters:
        given = ", ".join(of_clusters)
        raise typer.BadParameter(f"only for stacks on clusters; {plan.stack} has target docker", param_hint=given)
    from hearth.rehearsal.docker.course import rehearse as run
    from hearth.rehearsal.docker.report import as_json as plain
    from hearth.rehearsal.docker.report import show

    with progress() as on_progress:
        outcome = run(loaded, plan, timeout, on_progress)
    if as_json:
        print_json(plain(outcome))
    else:
        show(outcome, _console())
    if not outcome.succeeded:
        raise typer.Exit(1)


cluster = typer.Typer(help="A control plane with the nodes of a stack, for pulumi and kubectl.", no_args_is_help=True)


@cluster.command()
def up(stack: Stack, config: Config = None, directory: Directory = Path()) -> None:
    """Start the stack's cluster and leave it running; add-ons count as present, whatever the stack says.

    What it prints can be evaluated by a shell.
    """
    with ends_in_order(_NOTHING_LEFT):
        from hearth.rehearsal import cluster as clusters
        from hearth.rehearsal.simulate import simulate, with_add_ons_present

        _, plan = _load(directory, stack, config or ())
        if plan.docker:
            message = f"{stack} has target docker and needs no cluster; run: python -m hearth rehearse -s {stack}"
            raise typer.BadParameter(message, param_hint="--stack")
        with progress() as on_progress:
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
    with ends_in_order(_NOTHING_LEFT):
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
    from hearth.rehearsal.report.terminal import show

    show(outcome, _console())
    if outcome.kubeconfig:
        typer.echo(f"\nexport KUBECONFIG={outcome.kubeconfig}\nEnd the cluster with: make cluster-down")


def _console() -> Console:
    from rich.console import Console

    from hearth.presentation.terminal import PIPE_WIDTH

    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
