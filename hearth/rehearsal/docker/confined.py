"""First process of an engine's own namespaces: `python -m hearth.rehearsal.docker.confined DIRECTORY DOCKERD`.

Processes, mounts and the network in namespaces of their own are why the engine disturbs no other one and leaves nothing
behind: with this process the kernel ends every process, mount, bridge, port and firewall rule in them. Only control
groups are the machine's; `clear` removes the engine's once it has ended.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

ALIVE_FILE = "alive"
"""In the engine's directory, locked as long as one of its processes lives."""
CONFIGURATION_FILE = "daemon.json"

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1  # linux/sockios.h, linux/if.h
_CGROUPS = Path("/sys/fs/cgroup")
_CLEAR_SECONDS = 5.0


def main(directory: Path, dockerd: str) -> int:
    """Run dockerd with a loopback device and a /run of its own; its exit code."""
    # Held by this process alone, which ends after all others of its namespace.
    alive = os.open(directory / ALIVE_FILE, os.O_WRONLY | os.O_CREAT, 0o600)
    fcntl.flock(alive, fcntl.LOCK_EX)
    _raise_loopback()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)  # containerd's sockets are there
    argv = [dockerd, "--config-file", str(directory / CONFIGURATION_FILE)]
    program = os.posix_spawn(dockerd, argv, os.environ)

    def stop(number: int, frame: FrameType | None) -> None:
        os.kill(program, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    while True:
        ended, status = os.wait()  # orphans become children of the first process
        if ended == program:
            return os.waitstatus_to_exitcode(status)


def clear(directory: Path, cgroup: str) -> None:
    """Remove the engine's control groups after the end of its last process."""
    with (directory / ALIVE_FILE).open("w") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
    deadline = time.monotonic() + _CLEAR_SECONDS
    # Version 1 has a tree for each controller, version 2 one for all.
    for top in (*_CGROUPS.glob(cgroup), *_CGROUPS.glob(f"*/{cgroup}")):
        for folder, _, _ in os.walk(top, topdown=False):
            while time.monotonic() < deadline:
                try:
                    Path(folder).rmdir()
                except FileNotFoundError:
                    break
                except OSError:  # a process that has ended still counts for a moment
                    time.sleep(0.02)
                else:
                    break


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        answer = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16s24x", b"lo"))
        (flags,) = struct.unpack_from("16xH", answer)
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | _IFF_UP))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["clear", folder, cgroup]:
            clear(Path(folder), cgroup)
        case [folder, dockerd]:
            sys.exit(main(Path(folder), dockerd))
        case _:
            sys.exit(__doc__)
