"""Programs of the live tests: started with exactly one environment, logged, ended with whoever started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LOG_LINES = 25


class ServerError(Exception):
    """A server did not start or has ended; the message has the end of its log."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """One program in a process group of its own. `stop_signal` is its orderly end."""

    def __init__(
        self,
        name: str,
        argv: Iterable[object],
        *,
        env: Mapping[str, str],
        log: Path,
        stop_signal: signal.Signals = signal.SIGTERM,
        user: int | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name, self.log = name, log
        self._stop_signal = stop_signal
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(map(str, argv)),
                env=dict(env),
                cwd=cwd or log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C reaches the owner, which ends it in order
                preexec_fn=lambda: _end_with_parent(stop_signal),
                user=user,
                group=user,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float, what: str) -> float:
        """Seconds until `ready`; ServerError when the program ends before, or takes longer."""
        started = time.monotonic()
        while not ready():
            waited = time.monotonic() - started
            if not self.is_running():
                raise self.failure(f"ended with status {self._process.returncode} before it was {what}")
            if waited > seconds:
                raise self.failure(f"is not {what} after {seconds:.0f} s")
            time.sleep(0.05)
        return time.monotonic() - started

    def wait(self, seconds: float) -> None:
        """Wait for a task that ends by itself; ServerError when it fails."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise self.failure(f"has not ended after {seconds:.0f} s") from None
        if status:
            raise self.failure(f"ended with status {status}")

    def stop(self, seconds: float = 30) -> None:
        """Ask it to end, then end it and what it left behind; harmless when called again."""
        if self.is_running():
            self._process.send_signal(self._stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End the whole process group at once, as when a node is lost."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def failure(self, why: str) -> ServerError:
        lines = self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return ServerError("\n".join([f"{self.name} {why}; the end of {self.log}:", *(f"  {line}" for line in lines)]))


def answers(url: str, headers: Mapping[str, str] | None = None) -> bool:
    """Whether a GET is answered with a status below 400."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers or {})), timeout=5):
            return True
    except (OSError, urllib.error.HTTPError):
        return False


def accepts(port: int) -> bool:
    """Whether something listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end_with_parent(stop_signal: signal.Signals) -> None:
    """Have the kernel send the signal when the owner is killed; only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, stop_signal)
