"""What constants, type hints and dataclass fields in source files say, without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

UNKNOWN: Any = object()
"""Stands for a value that only running the source would tell."""
_FORWARDING = {"get_args", "list", "sorted", "tuple", "set"}
_ALTERNATIVES = {"Optional", "Union"}
_COLLECTIONS = {"list": "list", "List": "list", "Sequence": "list", "tuple": "list", "Tuple": "list", "set": "list"}


@dataclass(frozen=True)
class Hint:
    """The types that a type hint allows by name (`None`, `bool`, `list`, `Literal`, a class) and its literal values."""

    types: frozenset[str]
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Field:
    """A field of a dataclass."""

    hint: ast.expr
    default: ast.expr | None
    doc: str


class Names:
    """Classes and module-level values of many files, by their bare names."""

    def __init__(self, trees: Iterable[ast.Module]) -> None:
        self.classes: dict[str, ast.ClassDef] = {}
        self.functions: dict[str, ast.FunctionDef] = {}
        self._values: dict[str, ast.expr] = {}
        for statement in (statement for tree in trees for statement in tree.body):
            if isinstance(statement, ast.ClassDef):
                self.classes[statement.name] = statement
            elif isinstance(statement, ast.FunctionDef):
                self.functions[statement.name] = statement
            elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self._values[statement.targets[0].id] = statement.value
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
                self._values[statement.target.id] = statement.value

    def fields(self, class_name: str) -> dict[str, Field]:
        """Fields of a class and of its bases, the bases' first; empty for a class that the files do not have."""
        node = self.classes.get(class_name)
        if node is None:
            return {}
        found = {name: field for base in node.bases for name, field in self.fields(ast.unparse(base)).items()}
        for statement, following in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                doc = following.value if isinstance(following, ast.Expr) else None
                text = doc.value if isinstance(doc, ast.Constant) and isinstance(doc.value, str) else ""
                found[statement.target.id] = Field(statement.annotation, statement.value, text)
        return found

    def methods(self, class_name: str) -> Iterator[ast.FunctionDef]:
        """Methods of a class and of its bases, the bases' first."""
        node = self.classes.get(class_name)
        if node:
            for base in node.bases:
                yield from self.methods(ast.unparse(base))
            yield from (statement for statement in node.body if isinstance(statement, ast.FunctionDef))

    def value(self, node: ast.expr | None) -> Any:
        """The value of an expression, a list for any collection; UNKNOWN where the source does not state it."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name) if name in self._values:
                return self.value(self._values[name])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                value = self.value(operand)
                return value if value is UNKNOWN else not value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return self._items(items)
            case ast.Dict(keys=keys) if all(keys):
                return self._items([key for key in keys if key])
            case ast.ListComp(generators=[ast.comprehension(iter=ast.Name(id=name))]):
                return self._members(name)
            case ast.Attribute(attr="value", value=ast.Attribute() as member):
                return self.value(member)
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                return self._attribute(owner, name)
            case ast.Subscript():
                return list(self.hint(node).values) or UNKNOWN
            case ast.Call(func=ast.Name(id="get_field"), args=[ast.Name(id=owner), ast.Constant(value=str() as name)]):
                return self._attribute(owner, name)
            case ast.Call(func=ast.Name(id="field" | "Field")):
                given = {keyword.arg: keyword.value for keyword in node.keywords}
                return self.value(node.args[0] if node.args else given.get("default"))
            case ast.Call(func=ast.Name(id=name), args=[argument]) if name in _FORWARDING:
                return self.value(argument)
            case _:
                return UNKNOWN

    def hint(self, node: ast.expr) -> Hint:
        """What a type hint allows, aliases followed."""
        match node:
            case ast.Constant(value=str() as text):
                return self.hint(ast.parse(text.strip(), mode="eval").body)
            case ast.Constant(value=None):
                return Hint(frozenset({"None"}))
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                return _union([self.hint(left), self.hint(right)])
            case ast.Subscript(value=base, slice=inner):
                name = ast.unparse(base).rpartition(".")[2]
                parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                if name in _ALTERNATIVES:
                    also = [Hint(frozenset({"None"}))] if name == "Optional" else []
                    return _union([*(self.hint(part) for part in parts), *also])
                if name in ("Annotated", "SkipValidation"):
                    return self.hint(parts[0])
                if name == "Literal":
                    values = self._items(parts)
                    return Hint(frozenset({"Literal"}), () if values is UNKNOWN else tuple(map(str, values)))
                return Hint(frozenset({_COLLECTIONS.get(name, name)}))
            case ast.Name(id=name) if name in self._values:
                return self.hint(self._values[name])
            case ast.Attribute(attr=name) if name in self._values:
                return self.hint(self._values[name])
            case _:
                return Hint(frozenset({ast.unparse(node)}))

    def _items(self, nodes: Iterable[ast.expr]) -> Any:
        values: list[Any] = []
        for node in nodes:
            value = self.value(node.value if isinstance(node, ast.Starred) else node)
            if value is UNKNOWN:
                return UNKNOWN
            values += value if isinstance(value, list) else [value]
        return values

    def _attribute(self, owner: str, name: str) -> Any:
        """A field's default or an enumeration's member."""
        if owner not in self.classes:
            return UNKNOWN
        field = self.fields(owner).get(name)
        return self.value(field.default) if field else self._assigned(owner).get(name, UNKNOWN)

    def _members(self, owner: str) -> Any:
        return list(self._assigned(owner).values()) or UNKNOWN

    def _assigned(self, owner: str) -> Mapping[str, Any]:
        body = self.classes[owner].body if owner in self.classes else []
        assignments = [s for s in body if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)]
        return {ast.unparse(s.targets[0]): self.value(s.value) for s in assignments}


def _union(hints: Iterable[Hint]) -> Hint:
    found = list(hints)
    return Hint(frozenset(t for h in found for t in h.types), tuple(v for h in found for v in h.values))
