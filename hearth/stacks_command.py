"""`hearth up`, `hearth down` and `hearth stacks`: stacks of single developers."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from hearth.answers import print_json
from hearth.long_commands import ends_in_order, progress
from hearth.options import Config, Directory

if TYPE_CHECKING:
    from hearth.pulumi_engine import Outcome
    from hearth.stacks.course import Deployed, Destroyed

_INTERRUPTED = "Interrupted. What was finished is in the stack's state: run hearth up again, or hearth down."
Name: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="[NAME]", show_default=False, help="The stack; dev-<user> when left out.")
]


def up(
    name: Name = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="STACK", help="The stack file to make it from; dev when left out."),
    ] = None,
    ttl: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="From now on, such as 8h; 7d for a new stack when left out."),
    ] = None,
    config: Config = None,
    directory: Directory = Path(),
) -> None:
    """Make a stack of your own from a stack file, or bring it up to date.

    It has names, ports, state and secrets of its own, so that several live side by side. Settings given with --config
    hold for this run; write a stack file for those that stay.
    """
    time_to_live = _time_to_live(ttl)
    with ends_in_order(_INTERRUPTED):
        from hearth.stacks import course

        with progress() as on_progress:
            done = course.up(directory, course.Request(name, source, time_to_live, config or ()), on_progress)
        _tell(done.outcome)
        if not done.outcome.succeeded:
            raise typer.Exit(1)
        _show_deployed(done)
        _name_expired(directory)


def down(name: Name = None, directory: Directory = Path()) -> None:
    """Destroy a stack of your own and forget it; weights that other stacks can use stay."""
    with ends_in_order(_INTERRUPTED):
        from hearth.stacks import course, names

        _destroy(directory, name or names.default_name(course.DEFAULT_SOURCE))


def stacks(
    expired: Annotated[
        bool, typer.Option("--expired", help="Destroy and forget those past their time to live.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --expired: do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    directory: Directory = Path(),
) -> None:
    """List your stacks: age, time left, size, address."""
    if expired and as_json:
        raise typer.BadParameter("--json lists stacks, and --expired removes them: give one of the two")
    with ends_in_order(_INTERRUPTED):
        if expired:
            _remove_expired(directory, yes)
            return
        from hearth.stacks import listing

        found, now = listing.listed(directory), datetime.now(UTC)
        if as_json:
            print_json({"stacks": listing.plain(found, now)})
            return
        if not found:
            typer.echo("There is no stack; hearth up makes one.")
            return
        from rich.console import Console

        from hearth.presentation.terminal import PIPE_WIDTH

        console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
        console.print(listing.table(found, now))
        _name_expired(directory)


def _remove_expired(directory: Path, yes: bool) -> None:
    from hearth.stacks import listing

    names = listing.expired(directory)
    if not names:
        typer.echo("No stack is past its time to live.")
        return
    if not yes and not typer.confirm(f"Destroy {', '.join(names)}?"):
        typer.echo("Nothing was changed.", err=True)
        raise typer.Exit(1)
    for name in names:
        _destroy(directory, name)


def _destroy(directory: Path, name: str) -> None:
    from hearth.stacks import course

    with progress() as on_progress:
        done = course.down(directory, name, on_progress)
    if done.outcome:
        _tell(done.outcome)
    if done.outcome and not done.outcome.succeeded:
        typer.echo(
            f"Stack {name} is kept for another try. If what it ran on is gone for good, remove {done.folder.path}.",
            err=True,
        )
        raise typer.Exit(1)
    _show_destroyed(done)


def _tell(outcome: Outcome) -> None:
    """Warnings and errors."""
    for found in outcome.diagnostics:
        where = f"{found.type} {found.name}: " if found.urn else ""
        typer.echo(f"{found.severity}: {where}{found.message}", err=True)
    if not outcome.succeeded:
        typer.echo(f"{outcome.operation} failed after {outcome.seconds:.0f} s.", err=True)


def _show_deployed(done: Deployed) -> None:
    from hearth.stacks import durations

    folder, outcome, record = done.folder, done.outcome, done.record
    changed = ", ".join(f"{count} {operation}" for operation, count in outcome.changed.items()) or "nothing changed"
    typer.echo(f"{folder.name} is up after {outcome.seconds:.0f} s ({changed}).")
    for output in ("url", "loadBalancerAddress"):
        if outcome.outputs.get(output):
            typer.echo(f"  {outcome.outputs[output]}")
    left = durations.words(record.expires - datetime.now(UTC))
    typer.echo(
        f"Its time ends in {left} (hearth up --ttl gives it more); hearth down {folder.name} removes it.\n"
        "For plain Pulumi, which also tells the first administrator's password:\n"
        f"  export {folder.pulumi_environment()}\n"
        f"  {folder.pulumi_command('stack output --show-secrets')}"
    )


def _show_destroyed(done: Destroyed) -> None:
    from hearth.stacks import listing

    typer.echo(f"{done.folder.name} is gone{'' if done.outcome else '; nothing of it was deployed'}.")
    if done.remaining:
        typer.echo("What remains, for other stacks or the next one of this name:")
    for one in done.remaining:
        typer.echo(f"  {one.kind} {one.name}  {listing.size_words(one.size)}")


def _name_expired(directory: Path) -> None:
    from hearth.stacks import listing

    if names := listing.expired(directory):
        typer.echo(f"Past their time to live: {', '.join(names)}. hearth stacks --expired removes them.", err=True)


def _time_to_live(text: str | None) -> timedelta | None:
    from hearth.stacks import durations

    try:
        return durations.parse(text) if text is not None else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--ttl") from None
