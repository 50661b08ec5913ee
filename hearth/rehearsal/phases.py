"""What the courses of all targets have in common: phases that are timed, and end the course when they do not hold."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from hearth.pulumi_engine import Outcome, StackEngine
from hearth.rehearsal.cache import Progress
from hearth.rehearsal.errors import RehearsalError
from hearth.rehearsal.report.model import Failure, Phase


class TimeLimitError(RehearsalError):
    """The course took longer than allowed."""


class BrokenError(Exception):
    """A phase did not hold, so that the next ones make no sense."""


class Phases:
    """The phases so far, and what did not hold in them."""

    def __init__(self, on_progress: Progress) -> None:
        self.phases: list[Phase] = []
        self.failures: list[Failure] = []
        self.current = ""
        self._on_progress = on_progress

    @contextmanager
    def phase(self, name: str) -> Generator[Counter[str]]:
        """Times what is done in it; the phase holds when no failure was added. Raises BrokenError when it did not."""
        self.current = name
        self._on_progress(name)
        failures, started, changes = len(self.failures), time.monotonic(), Counter[str]()
        held = False
        try:
            yield changes
            held = len(self.failures) == failures
        finally:
            self.phases.append(Phase(name, time.monotonic() - started, held, dict(changes)))
        if not held:
            raise BrokenError

    def expect_unchanged(self, outcome: Outcome) -> None:
        """Adds a failure where an operation changed anything."""
        if outcome.changed:
            counts = ", ".join(f"{operation} {count}" for operation, count in outcome.changed.items())
            message = f"it changed resources that were up to date: {counts}"
            self.failures.append(Failure(self.current, "stack", message, ()))


@contextmanager
def time_limit(seconds: int) -> Generator[None]:
    """Raises TimeLimitError inside the block when it takes longer."""

    def expire(number: int, frame: FrameType | None) -> NoReturn:
        raise TimeLimitError(f"not finished within the time limit of {seconds} s (--timeout)")

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def kinds(engine: StackEngine) -> Mapping[str, int]:
    """Resources by type token, the most frequent first."""
    resources = engine.export_state().get("resources", [])
    return dict(Counter(str(resource["type"]) for resource in resources).most_common())
