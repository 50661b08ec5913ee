"""What a provider does for the engine, free of the wire format: `server` speaks it, providers implement it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from hearth.rehearsal.provider.diffing import Change
from hearth.rehearsal.provider.properties import JsonObject


@dataclass(frozen=True)
class ResourceRef:
    """A resource of the program; `urn` as `urn:pulumi:stack::project::parent$type::name`."""

    urn: str

    @property
    def type(self) -> str:
        return self.urn.split("::")[2].rsplit("$", 1)[-1]

    @property
    def name(self) -> str:
        return self.urn.split("::", 3)[3]


@dataclass(frozen=True)
class Checked:
    """Inputs with defaults filled in, or what is wrong with them as (property, reason)."""

    inputs: JsonObject
    failures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Difference:
    changes: tuple[Change, ...] = ()
    delete_before_replace: bool = False


@dataclass(frozen=True)
class State:
    """A resource as it exists; `inputs` only where it was read."""

    id: str
    outputs: JsonObject
    inputs: JsonObject = field(default_factory=JsonObject)


class ProviderError(Exception):
    """An operation that failed without a trace; the text is for the user."""


class InitializationError(ProviderError):
    """The object exists but never became ready; the engine keeps its state."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason


class Provider(Protocol):
    """One package's resources. Methods are called from many threads at once; timeouts are in seconds, 0 = default.

    Methods raise `ProviderError`; `create` and `update` may raise `InitializationError`.
    """

    @property
    def package(self) -> str: ...

    @property
    def version(self) -> str: ...

    def configure(self, settings: JsonObject) -> None: ...

    def diff_config(self, old: JsonObject, new: JsonObject) -> Difference: ...

    def check(self, ref: ResourceRef, old_inputs: JsonObject, inputs: JsonObject, seed: bytes) -> Checked: ...

    def diff(self, ref: ResourceRef, old: State, inputs: JsonObject) -> Difference: ...

    def create(self, ref: ResourceRef, inputs: JsonObject, timeout: float, preview: bool) -> State: ...

    def update(self, ref: ResourceRef, old: State, inputs: JsonObject, timeout: float, preview: bool) -> State: ...

    def read(self, ref: ResourceRef, old: State) -> State | None: ...

    def delete(self, ref: ResourceRef, old: State, timeout: float) -> None: ...

    def cancel(self) -> None: ...

    def close(self) -> None: ...
