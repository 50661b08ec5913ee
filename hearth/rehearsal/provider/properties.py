"""The engine's property values as plain Python values, and back.

Providers here tell the engine that they take no secrets: it then sends plain values and marks an output as secret where
the input under the same key was one. What is secret without a secret input is marked with `secret`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, TypeGuard

from google.protobuf.struct_pb2 import Struct, Value

JsonObject: TypeAlias = dict[str, Any]

# How the engine's wire format marks a secret, and its value for what is not known yet: sdk/go/common/resource/sig and
# sdk/go/common/resource/plugin in pulumi/pulumi.
_MARKED = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands for a value that is not known before another resource exists; it only occurs in previews."""


def is_object(value: object) -> TypeGuard[JsonObject]:
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def secret(value: object) -> JsonObject:
    """`value`, marked so that the engine encrypts it in the state."""
    return {**_MARKED, "value": value}


def has_unknowns(value: object) -> bool:
    if is_object(value):
        return any(has_unknowns(member) for member in value.values())
    if is_list(value):
        return any(has_unknowns(member) for member in value)
    return value == UNKNOWN


def from_struct(struct: Struct) -> JsonObject:
    """A message's fields; nulls are left out, whole numbers become `int`."""
    return {key: _from_value(value) for key, value in struct.fields.items() if value.WhichOneof("kind") != "null_value"}


def to_struct(values: Mapping[str, Any]) -> Struct:
    struct = Struct()
    struct.update(values)
    return struct


def _from_value(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return from_struct(value.struct_value)
        case "list_value":
            return [_from_value(member) for member in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None
