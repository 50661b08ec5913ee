"""The command line. Every command imports what it needs when it runs, so that --help is quick."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hearth import garbage
from hearth.answers import print_json, print_refusal
from hearth.backup_command import backup, restore
from hearth.catalog_command import catalog
from hearth.compose_command import compose
from hearth.fit_command import fit
from hearth.options import Config, Directory, Stack
from hearth.rehearsal.command import cluster, rehearse
from hearth.smoke_command import smoke
from hearth.stacks_command import down, stacks, up

if TYPE_CHECKING:
    from hearth.evaluation import Evaluation

app = typer.Typer(
    name="hearth",
    help="A private LLM platform on your own GPUs: planned offline, rehearsed on a real control plane, "
    "deployed with Pulumi.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def plan(
    stack: Stack,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout; docs/plan.md explains its keys.")
    ] = False,
    manifests: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Write every Kubernetes object to DIR/NN-kind-name.yaml, secret values masked, and remove such files "
            "of objects that are gone.",
        ),
    ] = None,
    config: Config = None,
    directory: Directory = Path(),
) -> None:
    """Show what a stack deploys, without engine, cluster, network or credentials.

    Ends with 1 when the stack is refused: every problem is named, with its key, the reason and the remedy.
    """
    with garbage.only_young():
        _plan(stack, as_json, manifests, config or [], directory)


def _plan(stack: str, as_json: bool, manifests: Path | None, overrides: Sequence[str], directory: Path) -> None:
    from hearth.evaluation import EvaluationError, evaluate
    from hearth.planning.stack import make_plan
    from hearth.presentation.summary import summarise
    from hearth.problems import ConfigurationError
    from hearth.settings.loading import load_stack

    try:
        loaded = load_stack(directory, stack, overrides)
        planned = make_plan(loaded)
        evaluation = evaluate(loaded)
    except ConfigurationError as error:
        print_refusal(error, as_json)
        raise typer.Exit(1) from None
    except EvaluationError as error:
        raise _failure(f"The program of stack {stack} failed: {error}") from None
    summary = summarise(planned, evaluation)
    if manifests and planned.docker:
        raise _failure(
            f"--manifests {manifests}: stack {stack} has target docker, which has no Kubernetes objects. For its "
            f"containers run: python -m hearth compose -s {stack}"
        )
    if manifests:
        _write(evaluation, manifests)
    if as_json:
        print_json(summary.as_json())
    else:
        from hearth.presentation.terminal import show

        show(summary)


def _write(evaluation: Evaluation, directory: Path) -> None:
    from hearth.manifests import write_manifests

    try:
        count = write_manifests(evaluation, directory)
    except OSError as error:
        raise _failure(f"The manifests cannot be written: {error}") from None
    typer.echo(f"{count} files written to {directory}", err=True)


def _failure(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)


app.command()(fit)
app.command()(backup)
app.command()(restore)
app.add_typer(catalog, name="catalog")
app.command()(rehearse)
app.command()(up)
app.command()(down)
app.command()(stacks)
app.command()(smoke)
app.command()(compose)
app.add_typer(cluster, name="cluster")


def main() -> None:
    try:
        app()
    finally:
        garbage.skip_at_exit()
