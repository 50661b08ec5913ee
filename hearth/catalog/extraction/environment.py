"""Which environment variables a Python package reads, told from its source.

Understood are `os.getenv`, `os.environ.get`, `os.environ[...]` and `... in os.environ` with a name that is written
there, that a loop takes from a literal, or that is the parameter of a helper function.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from hearth.catalog.open_webui import VariableType

_CALLS = {"os.getenv", "os.environ.get", "os.environ.setdefault", "os.environ.pop"}
_CONVERSIONS: Mapping[str, VariableType] = {
    "int": "integer",
    "float": "number",
    "Path": "path",
    "json.loads": "json",
    "JSONCodec.loads": "json",
}
_DEPTH = 3
"""How many assignments from a variable's text to what is made of it are followed."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_T = TypeVar("_T")


class NotUnderstoodError(Exception):
    """Source that reads the environment in a way that is not known here; the message says where."""


@dataclass(frozen=True)
class Read:
    """One place that reads a variable."""

    name: str
    default: str | None
    type: VariableType


class Module:
    """One file, with the way up from each node of its tree. Raises SyntaxError for text that is not Python."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.tree = ast.parse(text)
        self._nodes = list(ast.walk(self.tree))
        self._parents = {child: node for node in self._nodes for child in ast.iter_child_nodes(node)}
        self._uses: dict[str, list[ast.Name]] = {}
        for node in self._nodes:
            if isinstance(node, ast.Name):
                self._uses.setdefault(node.id, []).append(node)
            elif isinstance(node, ast.ImportFrom) and node.module == "os":
                hidden = sorted({alias.name for alias in node.names} & {"environ", "getenv"})
                if hidden:
                    raise self._not_understood(node, f"imports {', '.join(hidden)} from os")

    def reads(self) -> Iterator[Read]:
        """Every reading of a variable. Raises NotUnderstoodError."""
        for node in self._nodes:
            if key := _key(node):
                default = node.args[1] if isinstance(node, ast.Call) and len(node.args) > 1 else None
                for name, given in self._names(key):
                    yield Read(name, _literal(default or given), self._type(node))

    def read_in(self, expression: ast.expr) -> set[str]:
        """Names of the variables that an expression reads. Raises NotUnderstoodError."""
        keys = filter(None, map(_key, ast.walk(expression)))
        return {name for key in keys for name, _ in self._names(key)}

    def _names(self, key: ast.expr) -> list[tuple[str, ast.expr | None]]:
        """The variables that `key` stands for, each with the default that a helper's caller gives."""
        match key:
            case ast.Constant(value=str() as name):
                return [(name, None)]
            case ast.Name(id=name):
                for node in self._ancestors(key):
                    if isinstance(node, ast.For) and isinstance(node.target, ast.Name | ast.Tuple):
                        targets = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
                        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                            return [(text, None) for text in self._texts(node.iter)]
                    if isinstance(node, _Function) and name in (parameters := [a.arg for a in node.args.args]):
                        return self._callers(node.name, parameters.index(name))
            case _:
                pass
        raise self._not_understood(key, f"reads the variable {ast.unparse(key)}")

    def _texts(self, node: ast.expr) -> list[str]:
        """Texts that a loop goes over: the keys of a dict literal, or the items of a list."""
        match node:
            case ast.Call(func=ast.Attribute(value=inner, attr="items" | "keys")):
                return self._texts(inner)
            case ast.Dict():
                return [k.value for k in node.keys if isinstance(k, ast.Constant) and isinstance(k.value, str)]
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [i.value for i in items if isinstance(i, ast.Constant) and isinstance(i.value, str)]
            case ast.Name(id=name):
                values = [n.value for n in self._nodes if isinstance(n, ast.Assign) and _is_name(n.targets[0], name)]
                if len(values) == 1:
                    return self._texts(values[0])
            case _:
                pass
        raise self._not_understood(node, f"loops over {ast.unparse(node)}")

    def _callers(self, function: str, position: int) -> list[tuple[str, ast.expr | None]]:
        found: list[tuple[str, ast.expr | None]] = []
        for node in self._nodes:
            if isinstance(node, ast.Call) and _is_name(node.func, function):
                name, *others = node.args[position:]
                if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
                    raise self._not_understood(node, f"calls {function} with {ast.unparse(name)}")
                found.append((name.value, others[0] if others else None))
        if not found:
            raise self._not_understood(self.tree.body[0], f"has {function}, which nothing there calls")
        return found

    def _type(self, node: ast.AST, depth: int = _DEPTH) -> VariableType:
        """What becomes of a text: the first conversion on the way up, or of the name that it is assigned to."""
        for parent in self._ancestors(node):
            match parent:
                case ast.Call(func=function) if ast.unparse(function) in _CONVERSIONS:
                    return _CONVERSIONS[ast.unparse(function)]
                case ast.Attribute(attr="split"):
                    return "list"
                case ast.Compare(comparators=[ast.Constant(value="true")]):
                    return "boolean"
                case ast.Assign(targets=[ast.Name(id=name)]) if depth:
                    scope = self._function(parent)
                    uses = (use for use in self._uses[name] if self._function(use) == scope)
                    types: Iterator[VariableType] = (self._type(use, depth - 1) for use in uses)
                    return first((t for t in types if t != "text"), "text")
                case ast.Call() | ast.Attribute() | ast.BoolOp() | ast.IfExp():
                    continue
                case _:
                    return "text"
        return "text"

    def _function(self, node: ast.AST) -> _Function | None:
        return first((n for n in self._ancestors(node) if isinstance(n, _Function)), None)

    def _ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self._parents:
            node = self._parents[node]
            yield node

    def _not_understood(self, node: ast.expr | ast.stmt, what: str) -> NotUnderstoodError:
        return NotUnderstoodError(f"{self.path}:{node.lineno} {what}, which this extraction does not understand.")


def _key(node: ast.AST) -> ast.expr | None:
    """The expression of the variable's name where `node` reads the environment."""
    match node:
        case ast.Call(func=ast.Attribute(attr="getenv" | "get" | "setdefault" | "pop") as function, args=[key, *_]):
            return key if ast.unparse(function) in _CALLS else None
        case ast.Subscript(value=value, slice=key, ctx=ast.Load()) if ast.unparse(value) == "os.environ":
            return key
        case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[ast.Attribute() as container]):
            return key if ast.unparse(container) == "os.environ" else None
        case _:
            return None


def _literal(node: ast.expr | None) -> str | None:
    """A default as one would write it in the environment."""
    match node:
        case ast.Constant(value=str() | int() | float() as value):
            return str(value)
        case ast.Call(args=[_, default]) if _key(node):
            return _literal(default)
        case _:
            return None


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def first(items: Iterable[_T], otherwise: _T) -> _T:
    """The first item, or `otherwise` where there is none."""
    return next(iter(items), otherwise)
