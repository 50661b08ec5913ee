"""Values from the command line on top of a stack file: `webUi.replicas=2`, `hearth:models[0].contextLength=4096`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

from hearth.problems import Path, Problem
from hearth.settings.stack_file import PREFIX, parse_value, path_of

_NAMESPACE = re.compile(r"[A-Za-z0-9-]+:")
_PART = re.compile(r"(?:^|\.)([^.\[\]=]+)|\[([0-9]+)\]")
_EXAMPLE = "write key=value, such as webUi.replicas=2 or models[0].contextLength=4096"


@dataclass(frozen=True)
class Overridden:
    """The config with every override that could be applied."""

    config: Mapping[str, Any]
    problems: tuple[Problem, ...]


def apply_overrides(config: Mapping[str, Any], overrides: Sequence[str]) -> Overridden:
    """Set the value of each override, a later one on top of an earlier one; the values are YAML."""
    result = deepcopy(dict(config))
    problems: list[Problem] = []
    for override in overrides:
        key, equals, text = override.partition("=")
        full_key, rest = _parse(key.strip())
        if not equals or full_key is None:
            problems.append(Problem((), override, "is not an override", _EXAMPLE))
            continue
        path = (*path_of(full_key), *rest)
        try:
            value = parse_value(text)
        except ValueError as error:
            problems.append(Problem(path, text, f"the value {error}", "put text with special characters in quotes"))
            continue
        why = _set(result, (full_key, *rest), value)
        if why:
            problems.append(Problem(path, value, why, "name a key that the stack file has, or give the whole section"))
    return Overridden(result, tuple(problems))


def _parse(key: str) -> tuple[str | None, Path]:
    """The full key and the path below it; (None, ()) for what is not a path."""
    namespace = _NAMESPACE.match(key)
    prefix = namespace.group() if namespace else PREFIX
    text = key.removeprefix(prefix)
    matches = list(_PART.finditer(text))
    if not matches or "".join(match.group() for match in matches) != text or matches[0].group(1) is None:
        return None, ()
    parts = [match.group(1) if match.group(1) is not None else int(match.group(2)) for match in matches]
    return f"{prefix}{parts[0]}", tuple(parts[1:])


def _set(tree: dict[str, Any], path: Path, value: object) -> str | None:
    """Set a value, making sections that are missing; the reason if the path leads through something else."""
    place: Any = tree
    for position, part in enumerate(path):
        last = position == len(path) - 1
        if isinstance(part, int):
            entries = cast(list[Any], place) if isinstance(place, list) else None
            if entries is None:
                return f"there is no list that [{part}] could be an entry of"
            if part >= len(entries):
                return f"the list has {len(entries)} entries, counted from [0], so there is no [{part}]"
            if last:
                entries[part] = value
            place = entries[part]
        else:
            section = cast(dict[str, Any], place) if isinstance(place, dict) else None
            if section is None:
                return f"{part} would be a key of something that is not a section"
            if last:
                section[part] = value
            place = section.setdefault(part, {})
    return None
