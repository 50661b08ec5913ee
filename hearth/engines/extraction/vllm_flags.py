"""Flags of one version of `vllm serve`.

They are `add_argument` calls. Since 0.8.5 most take their kind and default from the fields of vLLM's configuration
classes by way of `get_kwargs` (vllm/engine/arg_utils.py), and since 0.10.0 the API server's are the fields of
`FrontendArgs`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from hearth.engines.extraction.source import Names
from hearth.engines.flags import Flag
from hearth.package_index import PackageError

_REGISTRIES = ("ServeSubcommand", "AsyncEngineArgs")
"""Classes whose methods, or whose bases' methods, add arguments; the function make_arg_parser does as well."""
_FRONTEND = "FrontendArgs"
_CLOSED = {"--kv-cache-dtype", "--quantization", "--load-format"}
"""Flags that also take any text, for plugins' names; vLLM's own image has no plugins."""
_DEPRECATION = re.compile(r"\[?DEPRECATED\b|^Deprecated\b|\bis deprecated\b")
_INVERSES = {"--enable-": "--disable-", "--disable-": "--enable-"}


@dataclass(frozen=True)
class _Argument:
    """What an `add_argument` call says about its flag; a default or choices of None are not stated."""

    kind: str = "value"
    default: Any = None
    choices: tuple[str, ...] | None = None
    open: bool = False
    """Whether other text than the choices is accepted as well."""
    help: str = ""
    deprecated: bool = False


def flags_of(names: Names) -> dict[str, Flag]:
    """Every flag by its canonical name, from the files that declare them.

    Raises PackageError for a declaration that is not understood.
    """
    reader = _Reader(names)
    for class_name in (*_REGISTRIES, _FRONTEND):
        for method in names.methods(class_name):
            reader.follow(method.body, {"frontend_kwargs": _FRONTEND})
    if "make_arg_parser" in names.functions:
        reader.follow(names.functions["make_arg_parser"].body, {})
    for field in names.fields(_FRONTEND):
        reader.add([f"--{field.replace('_', '-')}"], reader.field(_FRONTEND, field))
    if "--optimization-level" in reader.flags:
        level = reader.flags["--optimization-level"]
        reader.flags[level.name] = replace(level, aliases=(*level.aliases, "-O"))
    return reader.flags


class _Reader:
    """Follows the statements that declare flags; `flags` is what was found."""

    def __init__(self, names: Names) -> None:
        self.flags: dict[str, Flag] = {}
        self._names = names
        self._changes: dict[tuple[str, str], dict[str, ast.expr | None]] = {}
        """What statements such as `model_kwargs["dtype"]["choices"] = ...` change, by class and field."""

    def follow(self, body: Iterable[ast.stmt], known: Mapping[str, str]) -> None:
        """Add the flags of these statements; `known` has the configuration class of each variable."""
        classes = dict(known)
        fields: dict[str, tuple[str, str]] = {}
        for statement in _flat(body):
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    if owner := _kwargs_of(value, classes):
                        classes[name] = owner
                    elif found := _field_of(value, classes, fields):
                        fields[name] = found
                case (
                    ast.Assign(targets=[ast.Subscript(value=target, slice=ast.Constant(value=str() as key))])
                    | ast.AugAssign(target=ast.Subscript(value=target, slice=ast.Constant(value=str() as key)))
                    | ast.Delete(targets=[ast.Subscript(value=target, slice=ast.Constant(value=str() as key))])
                ):
                    if found := _field_of(target, classes, fields):
                        change = statement.value if isinstance(statement, ast.Assign) else None
                        self._changes.setdefault(found, {})[key] = change
                case ast.Expr(value=ast.Call(func=ast.Attribute(attr="add_argument")) as call) if call.args:
                    self._argument(call, classes, fields)
                case _:
                    pass

    def add(self, spellings: list[str], argument: _Argument) -> None:
        """Add a flag under the first of its long spellings."""
        options = [s.replace("_", "-") if s.startswith("--") else s for s in spellings if s.startswith("-")]
        if not options:
            return  # the positional model
        name = next((o for o in options if o.startswith("--")), options[0])
        aliases = sorted(set(options) - {name})
        if argument.kind == "pair" and "EnableDisableAction" in self._names.classes:
            prefixes = [(o, old, new) for o in options for old, new in _INVERSES.items() if o.startswith(old)]
            inverses = [new + option.removeprefix(old) for option, old, new in prefixes]
        else:
            inverses = []
        self.flags[name] = Flag(
            name=name,
            kind=argument.kind,
            aliases=tuple(aliases),
            default=argument.default,
            choices=None if argument.open and name not in _CLOSED else argument.choices,
            deprecated=argument.deprecated or bool(_DEPRECATION.search(argument.help)),
            inverses=tuple(inverses),
        )

    def field(self, owner: str, name: str) -> _Argument:
        """What `get_kwargs` makes of a field."""
        field = self._names.fields(owner).get(name)
        if field is None:
            raise PackageError(f"vLLM's {owner} has no field {name}, which a flag refers to.")
        hint = self._names.hint(field.hint)
        argument = _Argument(default=_scalar(self._names.value(field.default)), help=field.doc)
        if any(t in self._names.classes for t in hint.types):
            return self._changed(argument, self._changes.get((owner, name), {}))
        if hint.types == frozenset({"bool", "str", "None"}):
            argument = replace(argument, kind="optional")
        elif "bool" in hint.types:
            argument = replace(argument, kind="pair")
        elif "Literal" in hint.types:
            argument = replace(argument, choices=hint.values, open="str" in hint.types)
        elif "list" in hint.types:
            argument = replace(argument, kind="list")
        return self._changed(argument, self._changes.get((owner, name), {}))

    def _argument(self, call: ast.Call, classes: Mapping[str, str], fields: Mapping[str, tuple[str, str]]) -> None:
        spellings = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if not spellings:
            return  # the loop over a class's fields
        argument = _Argument()
        stated: dict[str, ast.expr | None] = {}
        for keyword in call.keywords:
            entries = _entries(keyword)
            for key, value in entries:
                if key:
                    stated[key] = value
                elif found := _field_of(value, classes, fields):
                    argument = self.field(*found)
                else:
                    raise PackageError(
                        f"vLLM's {spellings[0]} depends on {ast.unparse(value)}, which is not known here."
                    )
        self.add(spellings, self._changed(argument, stated))

    def _changed(self, argument: _Argument, stated: Mapping[str, ast.expr | None]) -> _Argument:
        """The argument with argparse's keywords applied; None stands for a keyword that was taken away or extended."""
        for key, node in stated.items():
            value = self._names.value(node) if node else None
            if key == "action":
                argument = _acting(argument, node)
            elif key == "nargs":
                argument = replace(argument, kind={None: "value", "?": "optional"}.get(value, "list"))
            elif key == "choices":
                argument = replace(argument, choices=_texts(value), open=False)
            elif key == "type" and isinstance(node, ast.Lambda):
                argument = replace(argument, choices=None)  # other spellings of the choices pass as well
            elif key == "default":
                argument = replace(argument, default=_scalar(value))
            elif key == "help" and isinstance(value, str):
                argument = replace(argument, help=value)
            elif key == "deprecated":
                argument = replace(argument, deprecated=value is True)
        return argument


def _acting(argument: _Argument, action: ast.expr | None) -> _Argument:
    match action:
        case ast.Constant(value="store_true"):
            return replace(argument, kind="switch", default=argument.default or False)
        case ast.Constant(value="store_false"):
            return replace(argument, kind="switch", default=True)
        case ast.Constant(value="append"):
            return replace(argument, kind="value")
        case ast.Attribute(attr="BooleanOptionalAction"):
            return replace(argument, kind="pair")
        case _:
            return argument


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements in their order, those of branches and loops included."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.For | ast.With):
            yield from _flat(statement.body)


def _kwargs_of(node: ast.expr, classes: Mapping[str, str]) -> str | None:
    """The class whose fields an expression has: `get_kwargs(CacheConfig)` or a variable that holds it."""
    match node:
        case ast.Call(func=ast.Name(id="get_kwargs"), args=[ast.Name(id=owner)]):
            return _FRONTEND if owner == "cls" else owner
        case ast.Name(id=name):
            return classes.get(name)
        case _:
            return None


def _field_of(
    node: ast.expr, classes: Mapping[str, str], fields: Mapping[str, tuple[str, str]]
) -> tuple[str, str] | None:
    """Class and field that an expression such as `cache_kwargs["block_size"]` stands for."""
    match node:
        case ast.Subscript(value=base, slice=ast.Constant(value=str() as name)):
            owner = _kwargs_of(base, classes)
            return (owner, name) if owner else None
        case ast.Name(id=name):
            return fields.get(name)
        case _:
            return None


def _entries(keyword: ast.keyword) -> Iterator[tuple[str | None, ast.expr]]:
    """Key and value of each keyword, those in `**{**a, "default": None}` included; no key for what `**` brings in."""
    if keyword.arg is None and isinstance(keyword.value, ast.Dict):
        for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
            yield (key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None), value
    else:
        yield keyword.arg, keyword.value


def _scalar(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else None


def _texts(value: Any) -> tuple[str, ...] | None:
    """Choices as they are typed, None left out; None where they are not all known."""
    if not isinstance(value, list):
        return None
    choices = cast("list[object]", value)
    return tuple(str(choice) for choice in choices if choice is not None)
