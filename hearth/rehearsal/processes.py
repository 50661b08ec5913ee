"""The owner's side of a supervisor: starting it, asking it to run programs, ending it."""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import hearth
from hearth.rehearsal.errors import ClusterError
from hearth.rehearsal.supervisor import PID_FILE

STOP_SECONDS = 10.0
"""How long a supervisor may take to kill its programs and remove its files."""

_LOG_LINES = 15


def python_environment() -> dict[str, str]:
    """This process's environment, such that `python -m hearth...` finds the package wherever it is started."""
    root = str(Path(hearth.__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


class Processes:
    """Programs that live at most as long as this process, unless detached.

    They run in `directory`, with their output in `<name>.log` there; the directory disappears with them. A session of
    their own keeps Ctrl-C at the terminal from ending them before their owner has finished with them.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._supervisor = subprocess.Popen(
            [sys.executable, "-m", "hearth.rehearsal.supervisor", str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,  # what is left in a buffer would not wake a selector
            env=python_environment(),
            start_new_session=True,
        )

    def run(self, name: str, argv: list[str]) -> None:
        """Start a program; `argv[0]` is its path."""
        self._send({"run": name, "argv": argv})

    def at_end(self, argv: list[str]) -> None:
        """Run a program once all others have ended, however they do."""
        self._send({"atEnd": argv})

    def detach(self) -> None:
        """Let the programs live on when this process ends; `stop_detached` ends them."""
        self._send({"detach": True})
        self._close_pipes()

    def exited(self) -> dict[str, int]:
        """Programs that have ended since the last call, with their exit codes."""
        output = self._supervisor.stdout
        if output is None:
            return {}
        ended: dict[str, int] = {}
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while selector.select(timeout=0):
                line = output.readline()
                if not line:
                    raise ClusterError("the supervisor of the embedded cluster has ended; something killed it")
                message = json.loads(line)
                ended[message["exited"]] = message["code"]
        return ended

    def log_tail(self, name: str) -> str:
        """The last lines that a program wrote; empty when it wrote none or is gone."""
        path = self._directory / f"{name}.log"
        if not path.exists():
            return ""
        return "\n".join(path.read_text(errors="replace").splitlines()[-_LOG_LINES:])

    def stop(self) -> None:
        """End every program and remove the directory; harmless when called again."""
        self._close_pipes()
        try:
            self._supervisor.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _close_pipes(self) -> None:
        for pipe in (self._supervisor.stdin, self._supervisor.stdout):
            if pipe is not None:
                pipe.close()

    def _send(self, request: dict[str, object]) -> None:
        pipe = self._supervisor.stdin
        if pipe is None or pipe.closed:
            raise ClusterError("the embedded cluster has been stopped")
        try:
            pipe.write(json.dumps(request).encode() + b"\n")
            pipe.flush()
        except BrokenPipeError:
            raise ClusterError("the supervisor of the embedded cluster has ended; something killed it") from None


def is_supervised(directory: Path) -> bool:
    """Whether a supervisor lives in `directory`: its lock tells, whatever became of the process id in the file."""
    try:
        with (directory / PID_FILE).open() as file:
            return _is_locked(file.fileno())
    except FileNotFoundError:
        return False


def stop_detached(directory: Path) -> bool:
    """End what runs in `directory` and remove it; whether anything was running.

    Raises ClusterError when it does not end in time.
    """
    try:
        with (directory / PID_FILE).open() as file:
            running = _is_locked(file.fileno())
            if running:
                _end(int(file.read()), file.fileno())
    except FileNotFoundError:
        running = False
    shutil.rmtree(directory, ignore_errors=True)
    return running


def _end(supervisor: int, lock: int) -> None:
    os.kill(supervisor, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _is_locked(lock):
        if time.monotonic() > deadline:
            raise ClusterError(f"process {supervisor} does not end; end it with: kill -9 {supervisor}")
        time.sleep(0.02)


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
