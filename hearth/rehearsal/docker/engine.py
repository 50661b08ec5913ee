"""A Docker engine of its own: started on a socket in its directory, ended with its owner, nothing left of it.

It runs in namespaces of its own (`confined`), so that its networks, ports and firewall rules are not the machine's, and
what it runs reaches nothing outside. `Engine.within` calls a function from inside its network.
"""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from hearth.rehearsal.cache import cache_directory
from hearth.rehearsal.docker.confined import CONFIGURATION_FILE
from hearth.rehearsal.errors import RehearsalError
from hearth.rehearsal.processes import Processes

PROGRAMS = ("dockerd", "containerd", "runc", "iptables", "unshare")
_SYSTEM_FOLDERS = "/usr/sbin:/sbin"
_START_SECONDS = 60.0
_POLL_SECONDS = 0.05
_CALL_SECONDS = 600
"""How long one call of the API may take: images are built by one."""
_SOCKET_PATH_BYTES = 107  # sun_path of linux/un.h, without the end
_CLONE_NEWNET = 0x40000000  # linux/sched.h

_Result = TypeVar("_Result")


class DockerEngineError(RehearsalError):
    """The engine cannot run here, or does not start."""


@dataclass(frozen=True)
class Engine:
    """A running engine."""

    directory: Path
    socket: Path

    @property
    def host(self) -> str:
        """As in DOCKER_HOST."""
        return f"unix://{self.socket}"

    def client(self) -> Any:
        """A new docker.APIClient; its types are incomplete."""
        return connect(self.host)

    def within(self, call: Callable[[], _Result]) -> _Result:
        """What `call` returns when its sockets are of the engine's network, where published ports are."""
        with ThreadPoolExecutor(1, initializer=partial(_enter_network, self.socket)) as thread:
            return thread.submit(call).result()


def connect(host: str) -> Any:
    """A docker.APIClient of the engine at `host`. Raises docker.errors.DockerException when it does not answer."""
    import docker

    return docker.APIClient(base_url=host, version="auto", timeout=_CALL_SECONDS)


def obstacle() -> str | None:
    """Why an engine cannot be started here, with the remedy; None where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a Docker stack is rehearsed on an engine of its own, which only root can start on Linux: run it as root"
    if missing := [name for name in PROGRAMS if _program(name) is None]:
        install = "apt-get install docker.io util-linux"
        return f"a Docker stack is rehearsed on an engine of its own; missing: {', '.join(missing)}. Debian: {install}"
    return None


def version() -> str:
    """What dockerd says of itself."""
    return subprocess.run([_required("dockerd"), "--version"], capture_output=True, text=True).stdout.strip()


@contextmanager
def start(images: Path | None = None) -> Generator[Engine]:
    """An engine in a folder of the cache, so that it can link images from there; both are gone afterwards.

    `images` is a copy made with `keep_images`: the engine begins with them. Raises DockerEngineError.
    """
    if found := obstacle():
        raise DockerEngineError(found)
    directory = cache_directory() / f"docker-{secrets.token_hex(4)}"
    engine = Engine(directory, directory / "docker.sock")
    if len(os.fsencode(engine.socket)) > _SOCKET_PATH_BYTES:
        raise DockerEngineError(f"{engine.socket} is too long for a socket: set XDG_CACHE_HOME to a shorter path")
    directory.mkdir(parents=True)
    cgroup = f"hearth-{secrets.token_hex(4)}"
    (directory / CONFIGURATION_FILE).write_text(json.dumps(_configuration(engine, cgroup)))
    data = directory / "data"
    data.mkdir()
    if images is not None:
        link_tree(images, data)
    processes = Processes(directory)
    try:
        module = [sys.executable, "-m", "hearth.rehearsal.docker.confined"]
        processes.at_end([*module, "clear", str(directory), cgroup])
        namespaces = ["--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"]
        unshare, dockerd = _required("unshare"), _required("dockerd")
        processes.run("dockerd", [unshare, *namespaces, *module, str(directory), dockerd])
        _await(engine, processes)
        yield engine
    finally:
        processes.stop()


def keep_images(engine: Engine, target: Path) -> None:
    """Copy the images of a running engine, on which nothing else happens, for `start`."""
    data = engine.directory / "data"
    driver = engine.client().info()["Driver"]
    for part in ("image", driver):
        link_tree(data / part, target / part)


def _configuration(engine: Engine, cgroup: str) -> dict[str, object]:
    """Of dockerd: nothing of it is shared with another engine, nor with systemd."""
    return {
        "hosts": [engine.host],
        "data-root": str(engine.directory / "data"),
        "exec-root": str(engine.directory / "exec"),
        "pidfile": str(engine.directory / "dockerd.pid"),
        "cgroup-parent": f"/{cgroup}",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
    }


def _await(engine: Engine, processes: Processes) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        ended = processes.exited()
        if ended or time.monotonic() > deadline:
            what = "ended at once" if ended else f"does not answer after {_START_SECONDS:.0f} s"
            raise DockerEngineError(f"the rehearsal's Docker engine {what}:\n{processes.log_tail('dockerd')}")
        if engine.socket.exists() and _answers(engine.socket):
            return
        time.sleep(_POLL_SECONDS)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(64)
        except OSError:
            return False


def _enter_network(path: Path) -> None:
    """Move this thread into the network of the process that listens at `path`."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        process, _, _ = struct.unpack("3i", credentials)
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/proc/{process}/ns/net").open() as network:
        if libc.setns(network.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "the engine's network cannot be entered")


def link_tree(source: Path, target: Path) -> None:
    """Copy a folder's content, as hard links where the file system allows; for what is replaced, never overwritten.

    Layers are: a container that changes a file has a copy of it. Raises DockerEngineError.
    """
    target.mkdir(parents=True, exist_ok=True)
    for option in ("--link", "--reflink=auto"):
        if subprocess.run(["cp", "--archive", option, f"{source}/.", target], capture_output=True).returncode == 0:
            return
    raise DockerEngineError(f"{source} cannot be copied to {target}: is the disk full?")


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_FOLDERS}")


def _required(name: str) -> str:
    found = _program(name)
    if found is None:
        raise DockerEngineError(f"{name} is missing")
    return found
