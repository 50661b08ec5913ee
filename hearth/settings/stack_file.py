"""Reads a Pulumi stack file as the Pulumi engine reads it, and remembers the line of every key.

Pulumi's YAML is that of Go (gopkg.in/yaml.v3): `on`, `off`, `yes` and `no` are text, only `true` and `false` are not.
Paths begin with the key without `hearth:` (("models", 0)); keys of other namespaces keep theirs (("aws:region",)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import yaml

from hearth.problems import Path, Problem
from hearth.settings.structure import ENCRYPTED, nearest

PREFIX = "hearth:"
BESIDE_CONFIG = ("config", "secretsprovider", "encryptedkey", "encryptionsalt", "environment")
_EXAMPLE = f"write config: and below it keys such as {PREFIX}target: onprem"
_TAG = "tag:yaml.org,2002:"
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BASE):
    """Composes nodes whose plain scalars have the types that Go's YAML gives them."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _type, _pattern, _first in (
    ("null", r"(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"[-+]?(0b[01]+|0o?[0-7]+|0x[0-9a-fA-F]+|0|[1-9][0-9_]*)$", list("-+0123456789")),
    ("float", r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan)$", list("-+.0123456789")),
    ("merge", r"<<$", ["<"]),
):
    _Loader.add_implicit_resolver(_TAG + _type, re.compile(_pattern), _first)


class _MalformedError(Exception):
    """YAML that cannot be read."""

    def __init__(self, why: str, line: int | None = None, remedy: str = "check indentation, quotes and brackets here"):
        super().__init__(why)
        self.problem = Problem((), None, why, remedy, line=line)


@dataclass(frozen=True)
class StackFile:
    """The config of a stack file."""

    config: Mapping[str, Any]
    """Full key (`hearth:models`) -> value; encrypted values as placeholders."""
    encrypted: frozenset[Path]
    lines: Mapping[Path, int]
    """Line of every key and list entry, counted from 1."""
    problems: tuple[Problem, ...]


def path_of(full_key: str) -> Path:
    """`hearth:models` as ("models",), `aws:region` as ("aws:region",)."""
    return (full_key.removeprefix(PREFIX),)


def parse_value(text: str) -> object:
    """One value in YAML. Raises ValueError with a reason in plain words."""
    try:
        return _Reader().value(_compose(text), ())
    except _MalformedError as error:
        raise ValueError(str(error)) from None


def read_stack_file(text: str) -> StackFile:
    """Never raises: what cannot be read is a problem."""
    reader = _Reader()
    try:
        config = reader.stack(_compose(text))
    except _MalformedError as error:
        return StackFile({}, frozenset(), {}, (error.problem,))
    return StackFile(config, frozenset(reader.encrypted), reader.lines, tuple(reader.problems))


def _compose(text: str) -> yaml.Node:
    loader = _Loader(text)
    try:
        return loader.get_single_node() or yaml.ScalarNode(_TAG + "null", "")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise _MalformedError(f"is not valid YAML: {error.problem or error.context}", line) from None
    except yaml.YAMLError as error:
        raise _MalformedError(f"is not valid YAML: {str(error).partition(chr(10))[0]}") from None
    finally:
        loader.dispose()


class _Reader:
    """Turns nodes into values; collects lines, encrypted values and keys that are written twice."""

    def __init__(self) -> None:
        self.encrypted: list[Path] = []
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self._open: set[int] = set()

    def stack(self, root: yaml.Node) -> dict[str, Any]:
        """The values of a whole stack file by full key."""
        config: dict[str, Any] = {}
        sections: dict[str, yaml.Node] = {}
        for key, node in _pairs(root):
            name, line = str(key.value), key.start_mark.line + 1
            if name in sections:
                self._problem((), f"the section {name} is written twice", "make one of the two", line)
            elif name not in BESIDE_CONFIG:
                self._misplaced(name, line)
            sections.setdefault(name, node)
        if "config" not in sections:
            self._problem((), "has no config section", _EXAMPLE)
            return config
        for key, node in _pairs(sections["config"]):
            line = key.start_mark.line + 1
            full_key = _full_key(str(key.value))
            path = path_of(full_key)
            if path in self.lines:
                self._written_twice(path, line)
                continue
            self.lines[path] = line
            config[full_key] = self.value(node, path)
        return config

    def value(self, node: yaml.Node, path: Path) -> Any:
        """The value of a node; raises _MalformedError for an alias within itself."""
        if isinstance(node, yaml.ScalarNode):
            try:
                return _scalar(node)
            except ValueError:
                kind = node.tag.removeprefix(_TAG)
                raise _MalformedError(
                    f"{node.value} is tagged as {kind}, but is none", node.start_mark.line + 1
                ) from None
        if id(node) in self._open:
            raise _MalformedError("an alias refers to what it is part of", node.start_mark.line + 1)
        self._open.add(id(node))
        try:
            return self._list(node, path) if isinstance(node, yaml.SequenceNode) else self._mapping(node, path)
        finally:
            self._open.remove(id(node))

    def _list(self, node: yaml.SequenceNode, path: Path) -> list[Any]:
        for index, item in enumerate(node.value):
            self.lines[(*path, index)] = item.start_mark.line + 1
        return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.Node, path: Path) -> Any:
        values: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, item in _pairs(node):
            if key.tag == _TAG + "merge":
                for source in item.value if isinstance(item, yaml.SequenceNode) else [item]:
                    content = self.value(source, path)
                    merged = {**(content if isinstance(content, dict) else {}), **merged}
                continue
            name, line = str(key.value), key.start_mark.line + 1
            if name in values:
                self._written_twice((*path, name), line)
                continue
            self.lines[(*path, name)] = line
            values[name] = self.value(item, (*path, name))
        values = {**merged, **values}
        if len(values) == 1 and isinstance(values.get("secure"), str):
            self.encrypted.append(path)
            return ENCRYPTED
        return values

    def _misplaced(self, name: str, line: int) -> None:
        if ":" in name:
            self._problem(path_of(name), "stands beside config instead of within it", "indent it below config:", line)
            return
        meant = nearest(name, BESIDE_CONFIG)
        remedy = f"write {meant} instead" if meant else f"remove it, or write {PREFIX}{name} below config:"
        self._problem((), f"a stack file has no section {name}", remedy, line)

    def _written_twice(self, path: Path, line: int) -> None:
        self._problem(path, f"is written twice, first in line {self.lines[path]}", "keep one of the two", line)

    def _problem(self, path: Path, why: str, remedy: str, line: int | None = None) -> None:
        self.problems.append(Problem(path, None, why, remedy, line=line))


def _pairs(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from node.value
    elif node.tag != _TAG + "null":
        line = node.start_mark.line + 1 if node.start_mark else None
        raise _MalformedError("is not a mapping of keys to values", line, _EXAMPLE)


def _full_key(key: str) -> str:
    """Pulumi takes a key without namespace as the project's, and still reads the older form `hearth:config:models`."""
    return key.replace(":config:", ":") if ":" in key else f"{PREFIX}{key}"


def _scalar(node: yaml.ScalarNode) -> object:
    text = str(node.value)
    match node.tag.removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return _integer(text.replace("_", ""))
        case "float":
            number = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            return int(number) if number.is_integer() else number
        case _:
            return text


def _integer(text: str) -> int:
    """A leading zero means octal, as in Go."""
    digits = text.lstrip("+-")
    octal = len(digits) > 1 and digits.startswith("0") and digits.isdigit()
    number = int(digits, 8 if octal else 0)
    return -number if text.startswith("-") else number
