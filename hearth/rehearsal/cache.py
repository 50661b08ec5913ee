"""Where Hearth keeps what is costly to make: `$XDG_CACHE_HOME/hearth`, by default ~/.cache/hearth."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

Progress = Callable[[str], None]
"""Receives one line of text for the user whenever something slow begins."""


def cache_directory() -> Path:
    """Root of the cache, as the XDG Base Directory Specification 0.8 defines it: relative values count as unset."""
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "hearth"


@contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Generator[None]:
    """Hold an exclusive lock on the file `path`; `on_wait` is called when another process has it at the moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure_directory(target: Path, fill: Callable[[Path], None], on_wait: Callable[[], None]) -> Path:
    """The directory `target`, filled by `fill` if it does not exist yet.

    `fill` works on a temporary directory that is renamed when complete, so that an interrupted run leaves no half of
    it that counts. A lock keeps two processes from doing the same work.
    """
    if target.exists():
        return target
    with locked(target.with_name(target.name + ".lock"), on_wait):
        if target.exists():
            return target
        unfinished = target.with_name(f".{target.name}")
        shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
        unfinished.mkdir()
        try:
            fill(unfinished)
            unfinished.rename(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return target
