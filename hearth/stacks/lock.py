"""One run at a time on a stack: between runs of Hearth by a lock of ours, with plain Pulumi by Pulumi's own."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from hearth.errors import UserError
from hearth.rehearsal.cache import Progress
from hearth.stacks.folder import StackFolder

_POLL_SECONDS = 0.5


@contextmanager
def held(folder: StackFolder, operation: str) -> Generator[None]:
    """Hold the stack while `operation` (up, down) is at work. Raises UserError when another run does."""
    while True:
        folder.make()
        with folder.lock_file.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise UserError(
                    f"{file.read().strip() or 'Another run'} is at work on stack {folder.name}: wait for its end"
                ) from None
            if not _is_at(file.fileno(), folder.lock_file):  # a `down` has removed it in this moment
                continue
            file.truncate(0)
            file.write(f"hearth {operation} (process {os.getpid()}, since {datetime.now():%H:%M})")
            file.flush()
            yield
            return


def wait_for_engine(folder: StackFolder, on_progress: Progress) -> bool:
    """Wait until no engine works on the stack: plain Pulumi, or what a run that was killed has left at work.

    Returns whether a lock is left of an engine that was killed itself. Raises UserError where that cannot be known.
    """
    told = False
    while locks := tuple(_engine_locks(folder)):
        strangers = [text for text in locks if text["hostname"] != socket.gethostname()]
        if strangers:
            raise UserError(
                f"Pulumi works on stack {folder.name} on {strangers[0]['hostname']}. If it does not any more: "
                f"{folder.pulumi_environment()} {folder.pulumi_command('cancel')}"
            )
        alive = [text["pid"] for text in locks if _is_alive(text["pid"])]
        if not alive:
            return True
        if not told:
            on_progress(f"waiting for Pulumi's engine, which still works on {folder.name} (process {alive[0]})")
            told = True
        time.sleep(_POLL_SECONDS)
    return False


def _engine_locks(folder: StackFolder) -> Iterator[dict[str, Any]]:
    """As Pulumi's file backend writes them (pkg/backend/diy/lock.go)."""
    for file in folder.state.glob(f".pulumi/locks/*/*/{folder.name}/*.json"):
        try:
            yield json.loads(file.read_text())
        except FileNotFoundError:  # its engine has just ended
            continue


def _is_at(number: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), path.stat())
    except FileNotFoundError:
        return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
