"""What commands print for machines, and for people whose stack is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hearth.problems import ConfigurationError


def print_json(document: object) -> None:
    """Print plain data; a value that YAML knows and JSON does not, such as a date, becomes text."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def print_refusal(refusal: ConfigurationError, as_json: bool) -> None:
    """Print every problem: as text on stderr, or as one JSON document on stdout."""
    if as_json:
        from hearth.problems import as_json as plain

        print_json(plain(refusal.problems))
    else:
        typer.echo(refusal, err=True)
