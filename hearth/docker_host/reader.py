"""Reads the facts of a Docker host, changing nothing. Importing this module loads the Docker library."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException
from docker.utils import kwargs_from_env
from requests import RequestException

from hearth.containers.labels import STACK
from hearth.docker_host.facts import Gpu, Gpus, HostFacts, Published
from hearth.planning.host import DockerPlan
from hearth.stacks.ports import is_free

DEFAULT_HOST = "unix:///var/run/docker.sock"
_SECONDS = 10
_MEASURE_SECONDS = 60
"""To add up the files of volumes, which the engine does on its disk."""
_COLUMNS = ("index", "name", "memory.total", "driver_version")
_NVIDIA_HOOK = "nvidia-container-runtime-hook"
"""Of NVIDIA's container toolkit: an engine that finds it gives GPUs (moby, daemon/nvidia_linux.go)."""


class UnusableEngineError(Exception):
    """The engine cannot be asked."""

    def __init__(self, host: str, why: str, remedy: str) -> None:
        super().__init__(f"{host}: {why}; {remedy}")
        self.host = host
        self.why = why
        self.remedy = remedy


def read(plan: DockerPlan) -> HostFacts | None:
    """The facts as far as they matter to the plan; None behind ssh, which the library cannot speak as ssh does.

    Raises UnusableEngineError when the engine cannot be reached, or is none.
    """
    settings: dict[str, Any] = {**kwargs_from_env()}
    host: str = plan.host or settings.get("base_url") or DEFAULT_HOST
    if host.startswith("ssh:"):
        return None
    try:
        client: Any = docker.DockerClient(**{**settings, "base_url": host, "version": "auto", "timeout": _SECONDS})
        try:
            return _facts(client, plan, local=host.startswith(("unix:", "npipe:")))
        finally:
            client.close()
    except (DockerException, RequestException, ValueError, KeyError, TypeError) as error:
        raise _trouble(host, error) from None


def _facts(client: Any, plan: DockerPlan, *, local: bool) -> HostFacts:
    info: Mapping[str, Any] = client.info()
    disk: str = plan.host_path or info["DockerRootDir"]
    return HostFacts(
        version=info["ServerVersion"],
        os=info["OSType"],
        memory_bytes=info["MemTotal"],
        free_disk_bytes=_free(plan, Path(disk)) if local else None,
        disk=disk,
        kept_bytes=dict(_kept(client, plan)),
        published=tuple(_published(client)),
        busy_ports=frozenset(p for p in plan.ports.values() if not is_free(plan.address, p)) if local else frozenset(),
        gpus=read_gpus() if local and plan.gpu_ids else None,
        toolkit=_has_toolkit(info, local),
    )


def _free(plan: DockerPlan, folder: Path) -> int | None:
    """Of the file system that the folder is on; one that the stack names may still have to be made."""
    if plan.nfs:
        return None
    candidates = (folder, *folder.parents) if plan.host_path else (folder,)
    # The folder of an engine in a virtual machine is not on this one.
    there = next((path for path in candidates if path.exists()), None)
    return shutil.disk_usage(there).free if there else None


def _kept(client: Any, plan: DockerPlan) -> Iterator[tuple[str, int | None]]:
    if plan.host_path:
        for name in plan.caches.values():
            folder = Path(plan.host_path, "cache", name)
            if folder.is_dir():
                yield name, sum(_size(Path(parent, file)) for parent, _, files in os.walk(folder) for file in files)
        return
    wanted = set(plan.caches.values())
    there = {volume["Name"] for volume in client.api.volumes()["Volumes"] or ()} & wanted
    if there:
        sizes = _volume_sizes(client)
        yield from ((name, sizes.get(name)) for name in there)


def _size(file: Path) -> int:
    return 0 if file.is_symlink() else file.stat().st_size


def _volume_sizes(client: Any) -> Mapping[str, int]:
    """Without those that the engine does not measure; the library's own call would measure images too."""
    api = client.api
    url = f"{api.base_url}/v{api.api_version}/system/df"
    try:
        answer = api.get(url, params={"type": "volume"}, timeout=_MEASURE_SECONDS)
        volumes: list[dict[str, Any]] = answer.json().get("Volumes") or []
    except (RequestException, ValueError):
        return {}
    return {v["Name"]: v["UsageData"]["Size"] for v in volumes if v["UsageData"] and v["UsageData"]["Size"] >= 0}


def _published(client: Any) -> Iterator[Published]:
    containers: list[dict[str, Any]] = client.api.containers()
    for container in containers:
        labels: Mapping[str, str] = container["Labels"] or {}
        for port in container["Ports"] or ():
            if "PublicPort" in port:
                name = container["Names"][0].removeprefix("/")
                yield Published(name, labels.get(STACK), port["IP"], port["PublicPort"])


def _has_toolkit(info: Mapping[str, Any], local: bool) -> bool:
    """By a runtime of its own, by devices in the container device interface, or by the hook."""
    devices = [device["ID"] for device in info.get("DiscoveredDevices") or ()]
    named = "nvidia" in (info.get("Runtimes") or {}) or any(name.startswith("nvidia.com/gpu") for name in devices)
    return named or (local and shutil.which(_NVIDIA_HOOK) is not None)


def read_gpus() -> Gpus:
    """Those of this machine."""
    query = ["nvidia-smi", f"--query-gpu={','.join(_COLUMNS)}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except FileNotFoundError:
        return Gpus((), None, "nvidia-smi, which comes with the driver, is not on PATH")
    except (OSError, subprocess.TimeoutExpired) as error:
        return Gpus((), None, f"nvidia-smi does not run: {error}")
    if answer.returncode:
        said = " ".join((answer.stdout or answer.stderr).split()) or f"exit code {answer.returncode}"
        return Gpus((), None, f"nvidia-smi says: {said[:200]}")
    rows = [[cell.strip() for cell in line.split(",")] for line in answer.stdout.splitlines() if line.strip()]
    if not rows or any(len(row) != len(_COLUMNS) for row in rows):
        said = " ".join(answer.stdout.split())
        return Gpus((), None, f"nvidia-smi says: {said[:200]}" if said else "nvidia-smi lists none")
    found = tuple(Gpu(int(i), name, int(memory) if memory.isdigit() else None) for i, name, memory, _ in rows)
    return Gpus(found, rows[0][3])


def _trouble(host: str, error: Exception) -> UnusableEngineError:
    chain = list(_chain(error))
    path = host.removeprefix("unix://")
    if any(isinstance(cause, FileNotFoundError) for cause in chain):
        remedy = "install and start Docker (Debian: sudo apt-get install docker.io), or set hearth:docker.host"
        return UnusableEngineError(host, f"no Docker engine runs on this machine: {path} does not exist", remedy)
    if any(isinstance(cause, PermissionError) for cause in chain):
        remedy = "sudo usermod -aG docker $USER, then log in again; members of that group can become root"
        return UnusableEngineError(host, f"this user may not use {path}", remedy)
    if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
        return UnusableEngineError(host, "nothing answers there", "start Docker (sudo systemctl start docker)")
    if any(isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__ for cause in chain):
        remedy = "see whether docker info answers, and restart Docker"
        return UnusableEngineError(host, f"the engine does not answer within {_SECONDS} s", remedy)
    why = f"what answers there is no Docker engine that can be used: {' '.join(str(error).split())[:200]}"
    return UnusableEngineError(host, why, "name the address of a Docker engine, such as unix:///var/run/docker.sock")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, its causes, and errors in their arguments, where libraries wrap them."""
    todo, seen = [error], set[int]()
    while todo:
        current = todo.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        found = [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
        todo += [cause for cause in found if isinstance(cause, BaseException)]
