"""`hearth smoke`: whether the models of a running stack answer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hearth.answers import print_json, print_refusal
from hearth.long_commands import ends_in_order, progress
from hearth.options import Config, Directory, Stack

if TYPE_CHECKING:
    from hearth.smoke.course import Access, Result
    from hearth.smoke.targets import Target

_WRONG_USAGE = 2
_INTERRUPTED = "Interrupted; nothing is left behind."


def smoke(
    stack: Stack,
    base_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A model's server, ending with /v1, or the web UI with /api; for target docker what the stack "
            "publishes when left out.",
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", envvar="HEARTH_API_KEY", show_default=False, help="Key of that server."),
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Ask this model only.")] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="How long to wait for each piece of an answer.")
    ] = 120,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as one JSON document.")] = False,
    config: Config = None,
    directory: Directory = Path(),
) -> None:
    """Ask every model of a running stack, as its clients do: list, chat, stream, tool call, reasoning, translation.

    The web UI takes the first account's password from HEARTH_ADMIN_PASSWORD. Ends with 0 when every check passed, 1
    when one failed, 2 when there is nothing to ask.
    """
    _check_address(base_url)
    key = api_key.strip() if api_key else None
    if key and not (key.isascii() and key.isprintable()):
        raise typer.BadParameter("has characters that no HTTP header can carry", param_hint="--api-key")
    with ends_in_order(_INTERRUPTED, as_json):
        targets, admin_email = _targets(stack, config or (), directory, base_url, model, as_json)
        from hearth.smoke.course import Access
        from hearth.smoke.report import document, show

        access = Access(key, admin_email, os.environ.get("HEARTH_ADMIN_PASSWORD") or None, timeout)
        results = _run(targets, access)
    if as_json:
        print_json(document(stack, results))
    else:
        show(results)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


def _check_address(base_url: str | None) -> None:
    from urllib.parse import urlsplit

    if base_url is None:
        return
    try:
        parts = urlsplit(base_url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        why = f"{base_url!r} is no address of a server: write one such as http://127.0.0.1:8000/v1"
        raise typer.BadParameter(why, param_hint="--base-url")


def _targets(
    stack: str, config: Sequence[str], directory: Path, base_url: str | None, model: str | None, as_json: bool
) -> tuple[tuple[Target, ...], str]:
    """What to ask, and the e-mail address of the web UI's first account."""
    from hearth.planning.stack import make_plan
    from hearth.problems import ConfigurationError
    from hearth.settings.loading import load_stack
    from hearth.smoke.targets import NoTargetError, targets

    try:
        loaded = load_stack(directory, stack, config)
        plan = make_plan(loaded)
    except ConfigurationError as refusal:
        print_refusal(refusal, as_json)
        raise typer.Exit(_WRONG_USAGE) from None
    if loaded.settings is None:
        raise ConfigurationError(loaded.problems, loaded.source)
    web_ui = loaded.settings.web_ui
    try:
        return targets(plan, web_ui, base_url, model), web_ui.admin.email
    except NoTargetError as error:
        typer.echo(error, err=True)
        raise typer.Exit(_WRONG_USAGE) from None


def _run(targets: Sequence[Target], access: Access) -> list[Result]:
    from hearth.smoke.course import run

    with progress() as on_step:
        return [result for target in targets for result in run(target, access, on_step)]
