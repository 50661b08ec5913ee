"""The models as a tree of plain facts: what each place of a stack file takes, in words and by example."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, MinLen
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from hearth.problems import Path
from hearth.settings.base import Means
from hearth.settings.stack import Settings

Kind: TypeAlias = Literal["section", "list", "mapping", "text", "whole number", "number", "boolean"]


@dataclass(frozen=True)
class Shape:
    """What one place of a stack file takes."""

    kind: Kind
    words: str
    """What a value must be: "a whole number of at least 1"."""
    example: object
    required: bool = False
    secret: bool = False
    summary: str = ""
    """What the setting is for."""
    about: str = ""
    """Of a section: what the section describes."""
    default: object = None
    choices: tuple[str, ...] = ()
    keys: Mapping[str, Shape] = field(default_factory=lambda: MappingProxyType({}))
    """Keys of a section."""
    key: Shape | None = None
    """Names in a mapping."""
    item: Shape | None = None
    """Entries of a list, values of a mapping."""

    def at(self, path: Path) -> Shape | None:
        """The shape of a place below this one; None where there is none of that name."""
        if not path:
            return self
        below = self.keys.get(str(path[0])) if self.kind == "section" else self.item
        return below.at(path[1:]) if below else None


def flow(value: object) -> str:
    """A value on one line, as it is written in a stack file."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return text.removesuffix("...\n").strip()


@cache
def settings_shape() -> Shape:
    """The shape of everything under `hearth:`."""
    return _section(Settings)


def _section(model: type[BaseModel]) -> Shape:
    keys = {info.alias or name: _field(info) for name, info in model.model_fields.items()}
    required = {key: shape.example for key, shape in keys.items() if shape.required}
    first, shape = next(iter(keys.items()))
    return Shape(
        kind="section",
        words=f"a section with the keys {', '.join(keys)}",
        example=required or {first: shape.example},
        about=_one_line(model.__doc__),
        keys=MappingProxyType(keys),
    )


def _field(info: FieldInfo) -> Shape:
    shape = _shape(info.annotation, info.metadata)
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    return replace(
        shape,
        required=info.is_required(),
        summary=_one_line(info.description),
        default=None if isinstance(default, BaseModel) else default,
    )


def _shape(annotation: Any, metadata: Iterable[object]) -> Shape:
    annotation, metadata = _unwrapped(annotation, metadata)
    shape = _plain(annotation, metadata)
    means = [m for m in metadata if isinstance(m, Means)]
    return replace(shape, words=means[-1].words, example=means[-1].example) if means else shape


def _plain(annotation: Any, metadata: tuple[object, ...]) -> Shape:
    origin = get_origin(annotation)
    if origin is list:
        item = _shape(get_args(annotation)[0], ())
        filled = any(isinstance(m, MinLen) for m in metadata)
        words = "a list with at least one entry" if filled else "a list"
        return Shape(kind="list", words=words, example=[item.example], item=item)
    if origin is dict:
        key, item = (_shape(argument, ()) for argument in get_args(annotation))
        words = "a mapping of names to text"
        return Shape(kind="mapping", words=words, example={str(key.example): item.example}, key=key, item=item)
    if origin is Literal:
        choices = tuple(str(choice) for choice in get_args(annotation))
        return Shape(kind="text", words=f"one of {', '.join(choices)}", example=choices[0], choices=choices)
    if annotation is SecretStr:
        return Shape(kind="text", words="an encrypted value", example={"secure": "..."}, secret=True)
    if annotation is bool:
        return Shape(kind="boolean", words="true or false", example=True)
    if annotation is int:
        return Shape(kind="whole number", words=f"a whole number{_bounds(metadata)}", example=1)
    if annotation is float:
        return Shape(kind="number", words=f"a number{_bounds(metadata)}", example=0.9)
    if annotation is str:
        return Shape(kind="text", words="text", example="text")
    return _section(annotation)


def _unwrapped(annotation: Any, metadata: Iterable[object]) -> tuple[Any, tuple[object, ...]]:
    """Without Annotated and Optional; constraints of nested Field() calls as plain metadata."""
    found: list[object] = []
    while True:
        if hasattr(annotation, "__metadata__"):
            found = [*annotation.__metadata__, *found]
            annotation = annotation.__origin__
        elif get_origin(annotation) in (Union, UnionType):
            annotation = next(part for part in get_args(annotation) if part is not NoneType)
        else:
            break
    every = (*found, *metadata)
    return annotation, tuple(m for one in every for m in (one.metadata if isinstance(one, FieldInfo) else (one,)))


def _bounds(metadata: Iterable[object]) -> str:
    texts: list[str] = []
    for constraint in metadata:
        if isinstance(constraint, Ge):
            texts.append(f"of at least {constraint.ge}")
        elif isinstance(constraint, Gt):
            texts.append(f"above {constraint.gt}")
        elif isinstance(constraint, Le):
            texts.append(f"at most {constraint.le}")
    return "".join(f" {text}" if not index else f" and {text}" for index, text in enumerate(texts))


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
