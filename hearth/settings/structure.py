"""From the raw values of a stack file to Settings, with every wrong key and value as one Problem.

A wrong part is pruned and the rest is read again, until it is understood: an optional key is left out, a required one
gets a stand-in. So the checks that follow can run on what is right, and skip what rests on a pruned part.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hearth.problems import Path, Problem, render_path
from hearth.settings.shape import Shape, flow, settings_shape
from hearth.settings.stack import Settings

ENCRYPTED = "[encrypted]"
"""Stands for an encrypted value where it is not decrypted."""
HIDDEN = "[secret]"
"""What messages show instead of a value that may be a secret."""

_SECRETIVE = re.compile(r"passw|token|secret|credential|key$", re.IGNORECASE)


@dataclass(frozen=True)
class Understood:
    """What could be understood, what was wrong, and the keys that were left out or replaced for it."""

    settings: Settings
    problems: tuple[Problem, ...]
    pruned: tuple[Path, ...]


def understand(raw: Mapping[str, object], pruned: Collection[Path] = ()) -> Understood:
    """Settings from raw values; never raises for a wrong one. Parts that are pruned already are not reported again."""
    tree = deepcopy(dict(raw))
    problems: list[Problem] = []
    pruned = list(pruned)
    while True:
        try:
            return Understood(Settings.model_validate(tree), tuple(problems), tuple(pruned))
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        # Unknown keys first: what a misspelt key was meant to be is then not reported as missing as well.
        for detail in sorted(details, key=lambda d: d["type"] != "extra_forbidden"):
            path = _place(detail["loc"])
            if not _covered(path, pruned):
                problem = _problem(path, detail, tree)
                problems.append(problem)
                pruned += [path, *problem.depends_on]
            _repair(tree, path)


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known word that begins with `word`, else the one that resembles it most, if any does."""
    lower = {name.lower(): name for name in known}
    longer = [name for name in lower if len(word) > 2 and name.startswith(word.lower())]
    found = longer or get_close_matches(word.lower(), lower, n=1, cutoff=0.7)
    return lower[found[0]] if found else None


def presentable(path: Path, value: object) -> object:
    """A value as messages may show it: secrets hidden, whole sections and lists left out (`why` says what they are)."""
    if value is None or isinstance(value, dict | list):
        return None
    if value == ENCRYPTED:
        return ENCRYPTED
    shape = settings_shape().at(path)
    if shape is None:
        section = settings_shape().at(path[:-1])
        secret = _SECRETIVE.search(str(path[-1])) or (section and _holds_secret(section))
    else:
        secret = shape.secret or _holds_secret(shape)
    return HIDDEN if secret else value


def _holds_secret(section: Shape) -> bool:
    return any(key.secret for key in section.keys.values())


def value_at(tree: Any, path: Path) -> Any:
    """The value at a path of raw values; None where there is none."""
    try:
        for part in path:
            tree = tree[part]
    except (KeyError, IndexError, TypeError):
        return None
    return tree


def _place(location: Path) -> Path:
    """A location of pydantic's as a path of the file: without its marks for mapping keys and members of a union."""
    path: Path = ()
    for part in location:
        shape = settings_shape().at(path)
        if shape and shape.kind not in ("section", "list", "mapping"):
            break
        if part != "[key]":
            path = (*path, part)
    return path


def _covered(path: Path, pruned: Sequence[Path]) -> bool:
    return any(path[: len(part)] == part for part in pruned)


def _problem(path: Path, detail: ErrorDetails, tree: dict[str, Any]) -> Problem:
    root = settings_shape()
    value = value_at(tree, path)
    if detail["type"] == "extra_forbidden":
        section = root.at(path[:-1]) or root
        return _unknown_key(path, value, section, value_at(tree, path[:-1]))
    if detail["loc"][-1] == "[key]":
        section = root.at(path[:-1]) or root
        key = section.key or root
        return Problem(
            path, presentable(path, value), f"{path[-1]} is not {key.words}", f"write {flow(key.example)} for example"
        )
    shape = root.at(path) or root
    if detail["type"] == "missing":
        remedy = _encrypt(path) if shape.secret else f"add {_line(path, shape.example)}"
        return Problem(path, None, f"is required: {_lower(shape.summary)}", remedy)
    if detail["type"] == "value_error":
        why = str(detail.get("ctx", {}).get("error"))
        return Problem(path, presentable(path, value), why, f"write {shape.words}, such as {flow(shape.example)}")
    return Problem(path, presentable(path, value), *_wrong_value(path, shape, value))


def _unknown_key(path: Path, value: object, section: Shape, siblings: Any) -> Problem:
    key = str(path[-1])
    meant = nearest(key, section.keys)
    given = isinstance(siblings, dict) and meant in siblings
    where = render_path(path[:-1]) if len(path) > 1 else "hearth"
    correct = "remove it" if given or not meant else f"write {meant} instead"
    return Problem(
        path,
        presentable(path, value),
        f"there is no key {key} here" + (f", and {meant} is given already" if given else ""),
        f"{correct}; {where} takes {', '.join(section.keys)}",
        depends_on=((*path[:-1], meant),) if meant and not given else (),
    )


def _wrong_value(path: Path, shape: Shape, value: object) -> tuple[str, str]:
    """Why it is wrong, and what would be right."""
    if shape.secret:
        return f"is not {shape.words}", _encrypt(path)
    write = f"write {_line(path, shape.example)}"
    if value is None:
        return f"is empty, where {shape.words} is needed", write if shape.required else f"{write}, or remove the key"
    if shape.choices:
        meant = nearest(str(value), shape.choices)
        return f"is not {shape.words}", f"write {_line(path, meant)}" if meant else f"choose {shape.words}"
    given = _kind_of(value)
    if given == shape.kind or (shape.kind == "number" and given == "whole number"):
        return f"is not {shape.words}", f"{write} for example"
    why = f"is {_ARTICLES[given]}, where {shape.words} is needed"
    if isinstance(value, str) and shape.kind in {"whole number", "number"} and re.fullmatch(r"\d+(\.\d+)?", value):
        return why, f"write it without quotes: {_line(path, int(value) if value.isdigit() else float(value))}"
    if isinstance(value, str) and shape.kind == "boolean":
        return why, f"write {_key(path)}: true or {_key(path)}: false, without quotes"
    if shape.kind == "text" and isinstance(value, bool | int | float):
        return why, f"{write}; put quotes around what is meant as text"
    if shape.kind == "list" and shape.item and given == shape.item.kind:
        return why, f"make it a list: {_line(path, [value] if given != 'section' else shape.example)}"
    return why, f"{write} for example"


_ARTICLES = {
    "section": "a mapping",
    "mapping": "a mapping",
    "list": "a list",
    "text": "text",
    "whole number": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def _kind_of(value: object) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "whole number"
        case float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
        case _:
            return "section"


def _encrypt(path: Path) -> str:
    return f"run: pulumi config set --secret --path '{render_path(path)}'"


def _line(path: Path, value: object) -> str:
    """`contextLength: 32768`, or the bare value for an entry of a list."""
    return flow(value) if isinstance(path[-1], int) else f"{_key(path)}: {flow(value)}"


def _key(path: Path) -> str:
    return f"hearth:{path[0]}" if len(path) == 1 else str(path[-1])


def _lower(sentence: str) -> str:
    """Ready to follow a colon; names and abbreviations keep their capitals."""
    clause = sentence.removesuffix(".")
    return clause[:1].lower() + clause[1:] if clause[1:2].islower() else clause


def _repair(tree: dict[str, Any], path: Path) -> None:
    """Leave out what is wrong; where the key is required or an entry of a list, put a stand-in in its place."""
    parent = value_at(tree, path[:-1])
    shape = settings_shape().at(path)
    if isinstance(path[-1], int):
        parent[path[-1]] = {} if shape and shape.kind == "section" else shape.example if shape else None
    elif shape and shape.required and shape.secret:
        parent[path[-1]] = ENCRYPTED
    elif shape and shape.required:
        # Names are told apart by their position, so that a stand-in never equals a name that is in use.
        parent[path[-1]] = f"unnamed-{path[-2]}" if path[-1] == "name" else deepcopy(shape.example)
    else:
        parent.pop(path[-1], None)
