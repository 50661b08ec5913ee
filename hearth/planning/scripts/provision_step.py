"""A step of provisioning: what it is about, what it changed, and how it compares.

Every step reads, compares, and writes only what differs. It may run again from its beginning, and beside another run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from provision_api import ApiError, ChangedError
from provision_entry import Json

CREATED = "created"
OUTCOMES = (CREATED, "updated", "unchanged", "left alone", "failed")


class StepError(Exception):
    """A step that cannot be done; the message says why and what to do."""


class Step:
    """One thing to bring to its state, and what was done to it; attempts add to the same lists."""

    def __init__(self, subject: str, apply: Callable[[Step], None]) -> None:
        self.subject = subject
        self.apply = apply
        self.changes: list[str] = []
        self.notes: list[str] = []
        self.left = False
        """It is there, and not ours to change."""

    def changed(self, *names: str) -> None:
        """Notes what was written."""
        self.changes += [name for name in names if name not in self.changes]

    def note(self, text: str) -> None:
        """Notes what a person should know, which is no failure."""
        if text not in self.notes:
            self.notes.append(text)

    @property
    def outcome(self) -> str:
        """The word that the summary counts."""
        if CREATED in self.changes:
            return CREATED
        if self.changes:
            return "updated"
        return "left alone" if self.left else "unchanged"


def differences(current: Any, wanted: Any, path: str = "") -> list[str]:
    """Dotted names at which `wanted` is not in `current`; what only `current` has does not count."""
    if isinstance(wanted, dict) and isinstance(current, dict):
        have = cast(Json, current)
        return [
            name
            for key, value in cast(Json, wanted).items()
            for name in differences(have.get(key), value, f"{path}.{key}" if path else key)
        ]
    return [] if current == wanted else [path]


def merged(current: Any, wanted: Any) -> Any:
    """`current` with everything that `wanted` has."""
    if isinstance(wanted, dict) and isinstance(current, dict):
        have = cast(Json, current)
        return have | {key: merged(have.get(key), value) for key, value in cast(Json, wanted).items()}
    return cast(Any, wanted)


def present(**values: Any) -> Json:
    """The values that are not None."""
    return {key: value for key, value in values.items() if value is not None}


def existing(step: Step, read: Callable[[], Json | None], write: Callable[[], Any]) -> Json:
    """What is there, or what `write` creates. Raises ChangedError when somebody else does the same meanwhile."""
    current = read()
    if current is not None:
        return current
    try:
        write()
    except ApiError as error:
        if read() is not None:
            raise ChangedError("it was created by somebody else") from error
        raise
    step.changed(CREATED)
    current = read()
    if current is None:
        raise ChangedError("it was removed by somebody else")
    return current
