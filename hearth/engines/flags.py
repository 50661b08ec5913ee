"""Flags, parser names, metrics and paths of an engine at a version, from the tables under `tables/`.

The tables are made by `python -m hearth.engines.extraction` from the published packages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, cast

FACTS: Mapping[str, str] = {
    "kind": "kind",
    "aliases": "aliases",
    "defaults": "default",
    "choices": "choices",
    "deprecated": "deprecated",
    "inverses": "inverses",
}
"""Field of `Flag` by the name of its history in a table."""
NAMES = ("reasoning_parsers", "tool_call_parsers", "metrics", "paths", "commands")
"""Sections of a table that list names with the spans of versions that have them."""

TABLES = Path(__file__).parent / "tables"
_TITLES = {"vllm": "vLLM", "sglang": "SGLang"}

Release = tuple[tuple[int, ...], int]
_RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)(?:(?:\.?(?P<before>a|b|rc|dev)\d*)|(?:\.post(?P<after>\d+)))?(?:[-+].*)?")


class UnknownVersion(ValueError):  # noqa: N818 - named for what it says
    """A version that the tables do not reach, or no version at all."""


@dataclass(frozen=True)
class Flag:
    """One flag of an engine's server."""

    name: str
    """The canonical spelling, with its hyphens."""
    kind: str
    """`switch` takes no value, `pair` neither but has a --no- form, `value` takes one, `list` one or more, `optional`
    one or none."""
    aliases: tuple[str, ...] = ()
    default: object = None
    """None: computed, no scalar, or really None."""
    choices: tuple[str, ...] | None = None
    """Values that the source lists; None: not known."""
    deprecated: bool = False
    inverses: tuple[str, ...] = ()
    """Spellings of a pair's negative besides the --no- form."""


@dataclass(frozen=True)
class EngineTable:
    """What one engine has at one version of its table."""

    engine: str
    version: str
    """The table's newest version that is not newer than what was asked for."""
    flags: Mapping[str, Flag]
    """By every spelling, --no- forms included."""
    reasoning_parsers: frozenset[str]
    tool_call_parsers: frozenset[str]
    metrics: frozenset[str]
    paths: frozenset[str]
    """HTTP paths; some exist only with an environment variable, such as vLLM's /sleep with VLLM_SERVER_DEV_MODE=1."""
    commands: frozenset[str]

    @property
    def title(self) -> str:
        """Engine and version in messages: vLLM 0.33.0."""
        return f"{_TITLES[self.engine]} {self.version}"

    def has(self, flag: str) -> bool:
        """Whether the engine knows `flag` (`--max-model-len`), in any spelling that its parser takes."""
        return _parsed(flag, self.engine)[0] in self.flags


@dataclass(frozen=True)
class Misfit:
    """Why an engine would not take an argument, and what to do."""

    why: str
    remedy: str


@cache
def release(version: str) -> Release:
    """Sorts versions: `0.9.0` = `0.9` < `0.9.0.1`, `0.9.1rc1` < `0.9.1` < `0.9.1.post1`.

    A leading `v` and what follows `-` or `+` are left out, as in the image tag `v0.33.0-cu130`. Raises UnknownVersion
    for anything else.
    """
    match = _RELEASE.fullmatch(version)
    if not match:
        raise UnknownVersion(f"{version!r} is no version such as 0.33.0")
    numbers = [int(n) for n in match[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers), -1 if match["before"] else int(match["after"] or 0)


@cache
def engine_table(engine: str, version: str) -> EngineTable:
    """The table of `engine` (`vllm`, `sglang`) for a version such as `0.33.0` or `v0.33.0-cu130`.

    Raises UnknownVersion below the oldest and above the newest version of the table.
    """
    known = versions(engine)
    asked = release(version)
    if asked > release(known[-1]):
        raise UnknownVersion(
            f"{_TITLES[engine]} {version} is newer than {known[-1]}, the newest with a known flag table"
        )
    if asked < release(known[0]):
        raise UnknownVersion(
            f"{_TITLES[engine]} {version} is older than {known[0]}, the oldest with a known flag table"
        )
    return _table(engine, max((v for v in known if release(v) <= asked), key=release))


def versions(engine: str) -> tuple[str, ...]:
    """The versions that the table of `engine` covers, oldest first."""
    return tuple(_raw(engine)["versions"])


def newest(engine: str) -> str:
    """The newest version that the table of `engine` covers."""
    return versions(engine)[-1]


def oldest(engine: str) -> str:
    """The oldest version that the table of `engine` covers."""
    return versions(engine)[0]


def first_with(names: Sequence[str], known: Collection[str]) -> str | None:
    """The first of `names` that is known: for a metric or a parser that was renamed."""
    return next((name for name in names if name in known), None)


def table_at(raw: Mapping[str, Any], version: str) -> EngineTable:
    """One version of a table's content."""
    at = release(version)
    flags = [
        Flag(name, **dict(_facts(entry, at))) for name, entry in raw["flags"].items() if _within(entry["spans"], at)
    ]
    sections = {key: frozenset(n for n, spans in raw.get(key, {}).items() if _within(spans, at)) for key in NAMES}
    by_spelling = {spelling: flag for flag in flags for spelling in _spellings(flag)}
    return EngineTable(engine=raw["engine"], version=version, flags=by_spelling, **sections)


def check_argument(argument: str, engine: str, version: str) -> Misfit | None:
    """What is wrong with one command-line argument such as `--max-model-len=4096`; None when the engine takes it.

    An argument that is a value of the one before it cannot be judged and passes. Raises UnknownVersion.
    """
    if not re.match(r"--?[A-Za-z]", argument):
        return None
    table = engine_table(engine, version)
    spelled, equals, value = argument.partition("=")
    if " " in spelled:
        first, _, rest = argument.partition(" ")
        return Misfit("the engine takes it as one name, space included", f"write {first}={rest.strip()}")
    name, keyed = _parsed(spelled, engine)
    flag = table.flags.get(name) or _attached(name, table)
    if flag is None:
        return _absent(name, table)
    if equals and not keyed and flag.kind in ("switch", "pair"):
        off = f", or --no-{flag.name.removeprefix('--')} for the opposite" if flag.kind == "pair" else ""
        return Misfit(f"{name} takes no value", f"write {name}{off}")
    if equals and not keyed and flag.choices and value not in (*flag.choices, "None"):
        near = get_close_matches(value, flag.choices, 1)
        why = f"{name} takes no {value!r} in {table.title}"
        return Misfit(why, f"write {near[0]}" if near else f"choose one of {', '.join(flag.choices)}")
    return None


def canonical(argument: str, engine: str) -> str | None:
    """The flag of an argument (`--max-model-len` of `--max_model_len=4096`), in any spelling of any version.

    Beginnings that only one flag has count, as argparse takes them. None for what no version has.
    """
    spelled = re.split(r"[=\s]", argument, maxsplit=1)[0]
    known = _ever(engine)
    name = _parsed(spelled, engine)[0]
    flag = known.get(name) or known.get(name.replace("_", "-"))
    if flag or not name.startswith("--"):
        return flag.name if flag else None
    meant = {other.name for spelling, other in known.items() if spelling.startswith(name)}
    return meant.pop() if len(meant) == 1 else None


def _absent(name: str, table: EngineTable) -> Misfit:
    """Why a table has no flag of that name: it left, it has yet to come, it has another spelling, or it never was."""
    title = _TITLES[table.engine]
    known = _ever(table.engine).get(name)
    if known is None:
        near = [f for f in table.flags if f.startswith(name)][:3] or get_close_matches(name, table.flags, 3)
        return Misfit(
            f"{table.title} has no flag {name}",
            f"did you mean {' or '.join(near)}?" if near else "see the engine's --help for the flags it has",
        )
    if flag := table.flags.get(known.name):
        opposite = f"write {next(_negatives(flag))}" if flag.kind == "pair" else f"leave {flag.name} out"
        remedy = opposite if name in _negatives(known) else f"write {flag.name}"
        return Misfit(f"{table.title} has {flag.name} but no {name}", remedy)
    at = release(table.version)
    spans = _raw(table.engine)["flags"][known.name]["spans"]
    left = [end for _, end in spans if end and release(end) <= at]
    if not left:
        since = spans[0][0]
        return Misfit(f"{name} came with {title} {since}", f"use {title} {since} or newer, or remove {name}")
    replacement = _replacements(table.engine).get(known.name)
    return Misfit(f"{name} left {title} in {left[-1]}", replacement or f"remove {name}")


def _parsed(flag: str, engine: str) -> tuple[str, bool]:
    """The name that the engine looks up, and whether keys of a JSON value follow it (--compilation-config.mode).

    vLLM's parser reads underscores as hyphens and takes such keys (vllm/utils/argparse_utils.py), SGLang's does not.
    """
    if engine != "vllm":
        return flag, False
    name, dot, _ = flag.partition(".")
    return name.replace("_", "-") if name.startswith("--") else name, bool(dot)


def _attached(name: str, table: EngineTable) -> Flag | None:
    """The flag of a short option with its value attached, such as -O3."""
    return None if name.startswith("--") else table.flags.get(name[:2])


def _spellings(flag: Flag) -> Iterator[str]:
    yield from (flag.name, *flag.aliases, *_negatives(flag))


def _negatives(flag: Flag) -> Iterator[str]:
    if flag.kind == "pair":
        yield from (f"--no-{n.removeprefix('--')}" for n in (flag.name, *flag.aliases) if n.startswith("--"))
    yield from flag.inverses


def _within(spans: Sequence[Sequence[str | None]], at: Release) -> bool:
    return any(start and release(start) <= at and (end is None or at < release(end)) for start, end in spans)


def _facts(entry: Mapping[str, Any], at: Release) -> Iterator[tuple[str, Any]]:
    """The last value up to a version of each fact whose history has begun."""
    for key, fact in FACTS.items():
        values = [value for since, value in entry.get(key, ()) if release(since) <= at]
        if values:
            yield fact, _tupled(values[-1])


def _tupled(value: Any) -> Any:
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value


@cache
def _raw(engine: str) -> Mapping[str, Any]:
    return json.loads((TABLES / f"{engine}.json").read_text(encoding="utf-8"))


@cache
def _table(engine: str, version: str) -> EngineTable:
    return table_at(_raw(engine), version)


@cache
def _ever(engine: str) -> Mapping[str, Flag]:
    """Flag of every spelling that some version has; a flag of its own before another one's negative."""
    tables = [_table(engine, version) for version in versions(engine)]
    found = {spelling: flag for table in tables for spelling, flag in table.flags.items()}
    return found | {flag.name: flag for table in tables for flag in table.flags.values()}


@cache
def _replacements(engine: str) -> Mapping[str, str]:
    import yaml  # only a refused argument needs it

    return yaml.safe_load((TABLES / "replacements.yaml").read_text(encoding="utf-8"))[engine]
