"""Files that a stack's provisioning names: sources of functions and icons, read and checked before anything runs."""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath

from hearth.problems import Path, Problem
from hearth.settings.provision import Function, ModelEntry, Provision
from hearth.settings.structure import HIDDEN, nearest

SHIPPED = {file.stem: file for file in sorted((FilePath(__file__).parents[2] / "functions").glob("*.py"))}
"""Functions that Hearth brings, by name."""
KINDS = ("Pipe", "Filter", "Action", "Event")
"""Classes that Open WebUI 0.12.4 looks for in a function, in its order (utils/plugin.py)."""
_IMAGES = {
    "png": (b"\x89PNG\r\n\x1a\n",),
    "jpeg": (b"\xff\xd8\xff",),
    "gif": (b"GIF87a", b"GIF89a"),
    "webp": (b"RIFF",),
}
"""First bytes of what Open WebUI takes as an icon (utils/validate.py)."""
_ICON_BYTES = 200_000
"""Open WebUI sends icons with every list of models."""
_TOTAL_BYTES = 900_000
"""A ConfigMap takes 1 MiB; the rest is for the scripts and the state."""
_ROOT: Path = ("webUi", "provision")


@dataclass(frozen=True)
class Source:
    """A function's source, the class that it is, and the names of its valves; None where only running it would tell."""

    text: str
    kind: str
    valves: frozenset[str] | None
    requirements: str
    """Packages that its front matter asks for; empty where it asks for none."""


@dataclass(frozen=True)
class ProvisionFiles:
    """What was read, and what is wrong with it."""

    sources: Mapping[str, Source]
    """By function id."""
    icons: Mapping[str, str]
    """Data URLs by the entry's id."""
    problems: tuple[Problem, ...]


class _FileError(Exception):
    """A file that cannot be used: why, and the remedy."""


def read_files(provision: Provision | None, directory: FilePath) -> ProvisionFiles:
    """The files, with paths from `directory`; never raises for a wrong one."""
    sources: dict[str, Source] = {}
    icons: dict[str, str] = {}
    problems: list[Problem] = []
    provision = provision or Provision()
    for index, function in enumerate(provision.functions):
        path = (*_ROOT, "functions", index)
        try:
            sources[function.id] = _source(function, directory)
            problems += _unknown_valves(path, function, sources[function.id])
        except _FileError as error:
            problems.append(Problem((*path, "source"), function.source, *error.args))
    for index, entry in enumerate(provision.models):
        try:
            if entry.icon:
                icons[entry.id] = _icon(directory / entry.icon)
        except _FileError as error:
            problems.append(Problem((*_ROOT, "models", index, "icon"), entry.icon, *error.args))
        problems += _without_effect((*_ROOT, "models", index), entry, sources)
    total = sum(len(source.text.encode()) for source in sources.values()) + sum(map(len, icons.values()))
    if total > _TOTAL_BYTES:
        why = f"names files of {total // 1000} KB, where functions and icons (as text) may have {_TOTAL_BYTES // 1000}"
        problems.append(Problem(_ROOT, None, why, "make the icons smaller: 128 x 128 pixels are enough"))
    return ProvisionFiles(sources, icons, tuple(problems))


def _source(function: Function, directory: FilePath) -> Source:
    file = SHIPPED.get(function.source, directory / function.source)
    shipped = f"Hearth brings {', '.join(SHIPPED)}"
    meant = nearest(function.source, SHIPPED)
    text = _read(file, f"write {meant}, or create the file; {shipped}" if meant else f"create it; {shipped}")
    try:
        content = text.decode("utf-8")
        tree = ast.parse(content)
        compile(tree, str(file), "exec", dont_inherit=True)
    except SyntaxError as error:
        why = f"does not compile: line {error.lineno}: {error.msg}"
        raise _FileError(why, f"correct line {error.lineno} of {file}") from None
    except ValueError as error:
        raise _FileError(f"is not Python in UTF-8: {error}", f"save {file} as text in UTF-8") from None
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    kind = next((name for name in KINDS if name in classes), None)
    if kind is None:
        remedy = "write a Function as https://docs.openwebui.com/features/plugin/functions shows; Tools are none"
        raise _FileError(f"has none of the classes {', '.join(KINDS)}", remedy)
    asked = re.search(r"^\s*requirements:[ \t]*(\S.*)$", ast.get_docstring(tree) or "", re.MULTILINE)
    return Source(content, kind, _valves(classes[kind]), asked[1].strip() if asked else "")


def _valves(function: ast.ClassDef) -> frozenset[str] | None:
    """Fields of the class Valves; None where it inherits further ones."""
    found = [node for node in function.body if isinstance(node, ast.ClassDef) and node.name == "Valves"]
    if not found:
        return None if function.bases else frozenset()
    bases = [ast.unparse(base) for base in found[0].bases]
    if any(base not in ("BaseModel", "pydantic.BaseModel") for base in bases):
        return None
    fields = [node.target for node in found[0].body if isinstance(node, ast.AnnAssign)]
    return frozenset(field.id for field in fields if isinstance(field, ast.Name))


def _unknown_valves(path: Path, function: Function, source: Source) -> Iterator[Problem]:
    given: list[tuple[str, str, object]] = [("valves", name, value) for name, value in function.valves.items()]
    given += [("secretValves", name, HIDDEN) for name in function.secret_valves]
    for section, name, value in given:
        if source.valves is not None and name not in source.valves:
            meant = nearest(name, source.valves)
            there = f"{function.id} has {', '.join(sorted(source.valves)) or 'no valves'}"
            remedy = f"write {meant}; {there}" if meant else f"remove it; {there}"
            depends = ((*path, "source"),)
            yield Problem((*path, section, name), value, "is no valve of this function", remedy, depends_on=depends)


def _without_effect(path: Path, entry: ModelEntry, sources: Mapping[str, Source]) -> Iterator[Problem]:
    """Pipes are models of their own, and events belong to no model."""
    for position, name in enumerate(entry.functions):
        kind = sources[name].kind if name in sources else None
        if kind in ("Pipe", "Event"):
            why = f"is a function of the class {kind}, which acts on no model"
            yield Problem((*path, "functions", position), name, why, "name filters and actions, or remove it")


def _icon(file: FilePath) -> str:
    """As a data URL."""
    content = _read(file, "create it, or remove icon")
    if len(content) > _ICON_BYTES:
        why = (
            f"has {len(content) // 1000} KB, and every list of models carries it; {_ICON_BYTES // 1000} KB are allowed"
        )
        raise _FileError(why, "make it smaller: 128 x 128 pixels are enough")
    kind = next((kind for kind, starts in _IMAGES.items() if content.startswith(starts)), None)
    if kind is None or (kind == "webp" and content[8:12] != b"WEBP"):
        why = "is not a PNG, JPEG, GIF or WebP image, and Open WebUI takes no others"
        raise _FileError(why, "convert it to PNG; an SVG may carry scripts, so it is refused")
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _read(file: FilePath, remedy: str) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise _FileError(f"is no file: {file} does not exist", remedy) from None
    except OSError as error:
        raise _FileError(f"cannot be read: {error.strerror}", "make it a readable file") from None
