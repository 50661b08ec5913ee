"""Python's garbage collection, for work whose objects almost all live until its end."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

_NEVER = 1_000_000_000


@contextmanager
def only_young() -> Generator[None]:
    """Collect only among recent objects: looking through all the others again and again would take most of the time."""
    youngest, young, old = gc.get_threshold()
    gc.set_threshold(youngest, young, _NEVER)
    try:
        yield
    finally:
        gc.set_threshold(youngest, young, old)


def skip_at_exit() -> None:
    """Exempt all that exists from collection; else a process looks through it several times while it ends."""
    gc.freeze()
