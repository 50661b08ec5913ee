"""What commands that take long have in common: how they tell what they do, and how they end."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import typer

from hearth.answers import print_refusal

if TYPE_CHECKING:
    from hearth.rehearsal.cache import Progress

_INTERRUPTED = 130
_TERMINATED = 143
"""128 and the signal's number, as shells count."""


@contextmanager
def progress() -> Generator[Progress]:
    """Prints each step to stderr as it begins; where people watch, the latest one beside a spinner."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda line: console.print(line, markup=False, soft_wrap=True)
        return
    with console.status("") as status:
        yield lambda line: status.update(escape(line))


@contextmanager
def ends_in_order(interrupted: str, as_json: bool = False) -> Generator[None]:
    """Errors become messages and exit codes, and signals exceptions, so that everything started is ended.

    `interrupted` is what Ctrl-C is answered with.
    """

    def terminate(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(_TERMINATED)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, terminate)
    from hearth.errors import UserError
    from hearth.problems import ConfigurationError

    try:
        yield
    except ConfigurationError as refusal:
        print_refusal(refusal, as_json)
        raise typer.Exit(1) from None
    except UserError as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo(interrupted, err=True)
        raise typer.Exit(_INTERRUPTED) from None
