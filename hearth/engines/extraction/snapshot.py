"""What one version of an engine has, and the table that many versions make together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from hearth.engines.flags import FACTS, NAMES, Flag, release, table_at

_T = TypeVar("_T")


@dataclass(frozen=True)
class Snapshot:
    """One version of an engine; `flags` are by their canonical name."""

    version: str
    flags: Mapping[str, Flag] = field(default_factory=dict[str, Flag])
    reasoning_parsers: frozenset[str] = frozenset()
    tool_call_parsers: frozenset[str] = frozenset()
    metrics: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    commands: frozenset[str] = frozenset()
    """Ways to start the server, such as `sglang serve`."""


def merge(engine: str, package: str, snapshots: Iterable[Snapshot]) -> dict[str, Any]:
    """The table of all `snapshots`: for each name the spans of versions that have it, and each fact's history.

    A span is the first version with a name and the first one without it again; a history is a list of versions from
    which on a fact has a value. A history leaves out what `Flag` has without being told.
    """
    ordered = sorted(snapshots, key=lambda s: release(s.version))
    table: dict[str, Any] = {
        "engine": engine,
        "package": package,
        "versions": [s.version for s in ordered],
        "flags": {
            name: {"spans": _spans(ordered, lambda s, n=name: n in s.flags), **_facts(ordered, name)}
            for name in sorted({name for s in ordered for name in s.flags})
        },
    }
    for section in NAMES:
        names = sorted({name for s in ordered for name in getattr(s, section)})
        table[section] = {n: _spans(ordered, lambda s, n=n, section=section: n in getattr(s, section)) for n in names}
    return table


def at(table: Mapping[str, Any], version: str) -> Snapshot:
    """What `table` says of one version."""
    read = table_at(table, version)
    flags = {flag.name: flag for flag in read.flags.values()}
    return Snapshot(version, flags, **{section: getattr(read, section) for section in NAMES})


def dumps(table: Mapping[str, Any]) -> str:
    """The table as JSON with one name a line, so that a change of one flag is a change of one line."""
    parts = [f" {json.dumps(key)}: {_section(value)}" for key, value in table.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _section(value: Any) -> str:
    if not isinstance(value, dict) or not value:
        return json.dumps(value)
    entries = cast("dict[str, Any]", value).items()
    lines = [f"  {json.dumps(key)}: {json.dumps(entry)}" for key, entry in entries]
    return "{\n" + ",\n".join(lines) + "\n }"


def _spans(ordered: Sequence[Snapshot], has: Callable[[Snapshot], bool]) -> list[list[str | None]]:
    changes = _changes(((s.version, has(s)) for s in ordered), start=False)
    starts, ends = ([version for version, present in changes if present is wanted] for wanted in (True, False))
    return [[start, end] for start, end in zip(starts, [*ends, None], strict=False)]


def _facts(ordered: Sequence[Snapshot], name: str) -> dict[str, list[tuple[str, object]]]:
    """History of each fact of a flag over the versions that have it."""
    present = [(s.version, s.flags[name]) for s in ordered if name in s.flags]
    unsaid = Flag(name, "")
    histories = {
        key: _changes(((version, getattr(flag, fact)) for version, flag in present), getattr(unsaid, fact))
        for key, fact in FACTS.items()
    }
    return {key: history for key, history in histories.items() if history}


def _changes(values: Iterable[tuple[str, _T]], start: _T) -> list[tuple[str, _T]]:
    found: list[tuple[str, _T]] = []
    last = start
    for version, value in values:
        if (value, type(value)) != (last, type(last)):
            found.append((version, value))
        last = value
    return found
