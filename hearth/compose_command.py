"""`hearth compose`: a Docker stack for those who do not use Pulumi."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hearth.long_commands import ends_in_order
from hearth.options import Config, Directory, Stack


def compose(
    stack: Stack,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Instead of stdout.")
    ] = None,
    env_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Write the secrets there for Compose's option of the same name; those that Hearth generates are kept "
            "when it is there already.",
        ),
    ] = None,
    config: Config = None,
    directory: Directory = Path(),
) -> None:
    """Write the containers of a stack with target docker as a Compose file; secrets are variables in it.

    It needs Docker Compose 2.23.1 or newer: docker compose --env-file FILE -f compose.yaml up --detach
    """
    with ends_in_order("Interrupted."):
        from hearth.compose.document import document
        from hearth.compose.variables import Secrets, write_values
        from hearth.errors import UserError
        from hearth.evaluation import EvaluationError, evaluate
        from hearth.planning.stack import make_plan
        from hearth.settings.loading import load_stack

        loaded = load_stack(directory, stack, config or ())
        plan = make_plan(loaded)
        if plan.docker is None:
            raise UserError(
                f"stack {stack} has target {plan.target}, and Compose runs containers of one host: write "
                "hearth:target: docker, or see its objects with hearth plan --manifests"
            )
        try:
            secrets = Secrets(evaluate(loaded))
        except EvaluationError as error:
            raise UserError(f"the program of stack {stack} failed: {error}") from None
        text = _yaml(document(plan, secrets))
        if env_file:
            write_values(env_file, secrets.variables)
            for variable in secrets.variables:
                if variable.encrypted:
                    typer.echo(f"{variable.name} is encrypted in the stack file: add it to {env_file}", err=True)
        _write(output, text)


def _yaml(content: object) -> str:
    import yaml

    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def _write(output: Path | None, text: str) -> None:
    from hearth.errors import UserError

    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--output {output}: cannot be written: {error}") from None
