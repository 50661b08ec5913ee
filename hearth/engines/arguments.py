"""Settings become arguments of an engine at one version: only those that this version has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hearth.engines.flags import EngineTable, check_argument


@dataclass(frozen=True)
class Argument:
    """A setting and the flags that carry it, the newest spelling first."""

    setting: str
    """Key of the model's settings; empty where Hearth decides by itself."""
    flags: tuple[str, ...]
    value: str | int | float | tuple[str, ...] | None = None
    """None: a switch; several values follow the flag as arguments of their own."""
    optional: bool = False
    """Left out silently where the version has none of the flags."""


@dataclass(frozen=True)
class Unsupported:
    """A setting that the engine's version cannot carry out."""

    setting: str
    why: str
    remedy: str


def render(arguments: Sequence[Argument], table: EngineTable) -> tuple[tuple[str, ...], tuple[Unsupported, ...]]:
    """Arguments as this version spells them, and the settings whose flag or value it does not know."""
    rendered: list[str] = []
    unsupported: list[Unsupported] = []
    for argument in arguments:
        flag = next((flag for flag in argument.flags if table.has(flag)), argument.flags[0])
        written = _written(flag, argument.value)
        wrong = check_argument(written[0], table.engine, table.version)
        if wrong is None:
            rendered += written
        elif table.has(flag):
            unsupported.append(Unsupported(argument.setting, wrong.why, wrong.remedy))
        elif not argument.optional:
            remedy = "remove it, or use another version of the engine"
            unsupported.append(Unsupported(argument.setting, wrong.why, remedy))
    return tuple(rendered), tuple(unsupported)


def _written(flag: str, value: str | float | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None:
        return (flag,)
    if isinstance(value, tuple):
        return (flag, *value)
    return (f"{flag}={value}",)
