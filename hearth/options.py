"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Stack: TypeAlias = Annotated[str, typer.Option("--stack", "-s", help="The stack: prod is Pulumi.prod.yaml.")]
Config: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Replace a setting: webUi.replicas=2, models[0].contextLength=4096; repeatable.",
    ),
]
Directory: TypeAlias = Annotated[
    Path, typer.Option("--directory", "-C", exists=True, file_okay=False, help="The folder with the stack files.")
]
