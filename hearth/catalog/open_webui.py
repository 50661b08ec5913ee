"""Environment variables that the pinned Open WebUI reads.

`open_webui.json` is made from the published package by `python -m hearth.catalog.extraction`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

VariableType = Literal["text", "boolean", "integer", "number", "list", "json", "path"]


@dataclass(frozen=True)
class Variable:
    """One environment variable."""

    type: VariableType
    """What Open WebUI makes of the text."""
    default: str | None
    """As one would write it; None where there is none, or where only running the program would tell."""
    modules: tuple[str, ...]
    """Files that read it, such as `env.py`."""
    config: tuple[str, ...] = ()
    """Persistent config values that it is the default of, such as `ui.enable_signup`: with ENABLE_PERSISTENT_CONFIG,
    Open WebUI stores them at its first start and from then on ignores the variable."""


@dataclass(frozen=True)
class EnvironmentTable:
    """The variables of one version, by name."""

    version: str
    variables: Mapping[str, Variable]


@cache
def environment_table() -> EnvironmentTable:
    """The table of the pinned version."""
    return loads(files("hearth.catalog").joinpath("open_webui.json").read_text(encoding="utf-8"))


def loads(text: str) -> EnvironmentTable:
    """The table that `dumps` wrote."""
    table: dict[str, Any] = json.loads(text)
    variables = {
        name: Variable(entry["type"], entry.get("default"), tuple(entry["modules"]), tuple(entry.get("config", ())))
        for name, entry in table["variables"].items()
    }
    return EnvironmentTable(table["version"], variables)


def dumps(table: EnvironmentTable) -> str:
    """The table as JSON with one variable a line, so that a change of one variable is a change of one line."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(_entry(v))}" for name, v in sorted(table.variables.items()))
    return f'{{\n "version": {json.dumps(table.version)},\n "variables": {{\n{lines}\n }}\n}}\n'


def _entry(variable: Variable) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": variable.type, "default": variable.default, "modules": list(variable.modules)}
    return entry | ({"config": list(variable.config)} if variable.config else {})
