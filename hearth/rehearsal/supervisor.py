"""Runs a cluster's programs and ends them when their owner is gone: `python -m hearth.rehearsal.supervisor DIRECTORY`.

A process of its own, because only so is nothing left behind when the owner is killed. It reads one JSON request a line
from standard input: `{"run": NAME, "argv": [...]}` starts a program, `{"detach": true}` lets it live on without its
owner, `{"atEnd": [...]}` names a program to run once all have ended. It writes `{"exited": NAME, "code": N}` when a
program ends. At the end of its input (the owner stopped, died or was killed), on SIGTERM, or without an owner when a
program ends, it kills every program, removes DIRECTORY and exits.
It holds a lock on DIRECTORY/supervisor.pid while it lives.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

PID_FILE = "supervisor.pid"

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_CANNOT_START = 127  # as shells report it


def main(directory: Path) -> None:
    """Serve requests until the owner is gone."""
    # Never closed: the kernel does it, and so frees the lock, when nothing is left of this process.
    pid_file = os.open(directory / PID_FILE, os.O_WRONLY | os.O_CREAT, 0o600)
    fcntl.flock(pid_file, fcntl.LOCK_EX)
    os.write(pid_file, str(os.getpid()).encode())
    programs: dict[str, subprocess.Popen[bytes]] = {}
    at_end: list[list[str]] = []
    try:
        _serve(directory, programs, at_end)
    finally:
        # The cluster's state is thrown away, so no program needs time to end well.
        for program in programs.values():
            program.kill()
        for program in programs.values():
            program.wait()
        for argv in at_end:
            subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        shutil.rmtree(directory, ignore_errors=True)


def _serve(directory: Path, programs: dict[str, subprocess.Popen[bytes]], at_end: list[list[str]]) -> None:
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _ignore)
    detached = False
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        selector.register(wake_read, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if wake_read in ready:
                if {signal.SIGTERM, signal.SIGINT, signal.SIGHUP} & set(os.read(wake_read, 512)):
                    return
                exits = _collect_exits(programs)
                if exits and detached:
                    return
                for name, code in exits.items():
                    _tell(name, code)
            if sys.stdin.fileno() in ready:
                received = os.read(sys.stdin.fileno(), 65536)
                *lines, pending = (pending + received).split(b"\n")
                for request in map(json.loads, lines):
                    detached = detached or "detach" in request
                    if "atEnd" in request:
                        at_end.append(request["atEnd"])
                    if "run" in request:
                        _start(directory, request["run"], request["argv"], programs)
                if not received:
                    if not detached:
                        return
                    selector.unregister(sys.stdin.fileno())


def _ignore(number: int, frame: FrameType | None) -> None:
    """A handler that does nothing: without one the signal would not reach the wake-up pipe."""


def _start(directory: Path, name: str, argv: list[str], programs: dict[str, subprocess.Popen[bytes]]) -> None:
    with (directory / f"{name}.log").open("ab") as log:
        try:
            programs[name] = subprocess.Popen(
                argv,
                cwd=directory,
                # Temporary files of a program that is killed disappear with the directory.
                env={**os.environ, "TMPDIR": str(directory)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
            )
        except OSError as error:
            log.write(f"{argv[0]} cannot be started: {error.strerror}\n".encode())
            _tell(name, _CANNOT_START)


def _tell(name: str, code: int) -> None:
    sys.stdout.write(json.dumps({"exited": name, "code": code}) + "\n")
    sys.stdout.flush()


def _die_with_parent() -> None:
    """Have the kernel end this process when its parent ends; only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _collect_exits(programs: dict[str, subprocess.Popen[bytes]]) -> dict[str, int]:
    """Forget the programs that have ended; their exit codes by name."""
    codes = {name: program.poll() for name, program in programs.items()}
    exits = {name: code for name, code in codes.items() if code is not None}
    for name in exits:
        del programs[name]
    return exits


if __name__ == "__main__":
    main(Path(sys.argv[1]))
