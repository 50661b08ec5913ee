"""Secrets of a Compose file: variables in their place, and the file of their values."""

from __future__ import annotations

import re
import secrets
import string
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hearth.errors import UserError
from hearth.evaluation import Evaluation
from hearth.recording import marker
from hearth.settings.structure import ENCRYPTED

_RANDOM = "random:index/randomPassword:RandomPassword"
_CONTAINER = "docker:index/container:Container"
_ALPHABET = string.ascii_letters + string.digits
_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,-]+")


class Interpolated(str):
    """Text in which `$` means what it means to Compose."""

    __slots__ = ()


@dataclass(frozen=True)
class Variable:
    """A secret by the name that the Compose file refers to it by."""

    name: str
    value: str | None = None
    """As the stack file gives it; None: generated once, or encrypted there."""
    length: int = 0
    """Characters of a generated one."""

    @property
    def encrypted(self) -> bool:
        """Only who can decrypt the stack file knows it."""
        return self.value is None and not self.length


class Secrets:
    """Secret values of a stack's containers, in which variables stand for what is secret.

    The evaluation has a marker for each value that Pulumi would generate, wherever that occurs: within a URL, or among
    others. A secret without a marker is one that the stack file gives, and is a variable as a whole.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self._generated: dict[str, Variable] = {}
        for resource in evaluation.of_type(_RANDOM):
            self._generated[marker(resource.urn, "result")] = Variable(
                _name(resource.name), length=resource.inputs["length"]
            )
        self._given: dict[tuple[str, str], Variable] = {}
        self._values = {
            resource.inputs["name"]: _values(resource.inputs) for resource in evaluation.of_type(_CONTAINER)
        }

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Those that were asked for with `of`, and all that are generated."""
        return (*self._generated.values(), *self._given.values())

    def of(self, container: str, key: str) -> Interpolated:
        """A secret variable or file of a container, as it is written in the Compose file."""
        value = self._values[container][key]
        if not any(text in value for text in self._generated):
            return _reference(self._variable(container, key, value))
        text = value.replace("$", "$$")
        for found, variable in self._generated.items():
            text = text.replace(found, _reference(variable))
        return Interpolated(text)

    def _variable(self, container: str, key: str, value: str) -> Variable:
        """One that the stack file gives, the same for all containers that have it under this name."""
        name = _name(key.rpartition("/")[2])
        if (name, value) not in self._given:
            taken = {variable.name for variable in self.variables}
            unique = _name(f"{container}_{name}") if name in taken else name
            self._given[name, value] = Variable(unique, None if ENCRYPTED in value else value)
        return self._given[name, value]


def write_values(file: Path, variables: Iterable[Variable]) -> None:
    """Write a file for Compose's --env-file that only its user can read; encrypted values are left out.

    Values that were generated before are kept, and so is everything else in it. Raises UserError when it cannot be
    read or written, and for a value that such a file cannot hold.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        written = _merged(lines, variables)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}.", delete=False) as made:
            try:
                made.write("\n".join(written) + "\n")
                Path(made.name).replace(file)
            except BaseException:
                Path(made.name).unlink(missing_ok=True)
                raise
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--env-file {file}: cannot be read and written: {error}") from None


def _merged(lines: Iterable[str], variables: Iterable[Variable]) -> list[str]:
    wanted = {variable.name: variable for variable in variables if not variable.encrypted}
    kept: list[str] = []
    for line in lines:
        match = _LINE.match(line)
        variable = wanted.get(match[1]) if match else None
        if variable is None or variable.value is None:
            kept.append(line)
            if variable:
                del wanted[variable.name]
    return [*kept, *(f"{variable.name}={_quoted(variable)}" for variable in wanted.values())]


def _quoted(variable: Variable) -> str:
    """As Compose reads it: text in single quotes is literal, but for a quote after a backslash."""
    value = variable.value
    if value is None:
        return "".join(secrets.choice(_ALPHABET) for _ in range(variable.length))
    if _PLAIN.fullmatch(value):
        return value
    if not value.isprintable() or "'" in value or value.endswith("\\"):
        why = "has line breaks, a single quote or a backslash at its end, which no environment file holds safely"
        raise UserError(f"{variable.name}: its value {why}: set it in Compose's environment, without --env-file")
    return f"'{value}'"


def _name(text: str) -> str:
    return re.sub(r"\W", "_", text).upper()


def _reference(variable: Variable) -> Interpolated:
    return Interpolated(f"${{{variable.name}:?is a secret of the stack, see hearth compose --env-file}}")


def _values(inputs: Mapping[str, Any]) -> Mapping[str, str]:
    """Variables of a container by name, and files by path."""
    environment: list[str] = inputs.get("envs", [])
    uploads: list[Mapping[str, str]] = inputs.get("uploads", [])
    pairs = (entry.partition("=") for entry in environment)
    return {name: value for name, _, value in pairs} | {upload["file"]: upload["content"] for upload in uploads}
