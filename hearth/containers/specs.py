"""Containers, networks and volumes as data. Sizes are in bytes, times in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class NetworkSpec:
    """A bridge of the stack."""

    name: str
    internal: bool
    """Without a way out; containers reach each other by the names of their workloads."""
    labels: Mapping[str, str]


@dataclass(frozen=True)
class VolumeSpec:
    """A named volume."""

    name: str
    labels: Mapping[str, str]
    driver: str = "local"
    driver_opts: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    """Of an NFS volume: type, o and device."""
    retain: bool = True
    """It stays when the stack is destroyed."""


@dataclass(frozen=True)
class VolumeMount:
    """A named volume at a path of the container; what the image has at that path is not copied into it."""

    path: str
    volume: str
    read_only: bool = False


@dataclass(frozen=True)
class BindMount:
    """A folder of the host at a path of the container."""

    path: str
    source: str
    read_only: bool = False


@dataclass(frozen=True)
class TmpfsMount:
    """Memory at a path of the container, which every user may write and run programs from."""

    path: str
    size_bytes: int

    @property
    def options(self) -> str:
        """As mount takes them; Docker's own default forbids programs, which compiled kernels are."""
        return f"rw,exec,nosuid,nodev,mode=1777,size={self.size_bytes}"


@dataclass(frozen=True)
class AnonymousMount:
    """A volume of the container's own at a folder of its files, gone with it.

    Files can be put into a container with a read-only root only where it has a volume.
    """

    path: str


MountSpec: TypeAlias = VolumeMount | BindMount | TmpfsMount | AnonymousMount


@dataclass(frozen=True)
class NetworkAttachment:
    """A network of the stack, and the further names of the container in it."""

    network: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedPort:
    """A port of the container at an address and port of the host."""

    address: str
    host_port: int
    port: int


@dataclass(frozen=True)
class HealthcheckSpec:
    """A command that exits 0 while the container is healthy; failures within the start period do not count."""

    test: tuple[str, ...]
    """Begins with CMD."""
    interval_seconds: int
    timeout_seconds: int
    retries: int
    start_period_seconds: int


@dataclass(frozen=True)
class ContainerSpec:
    """One container. A step runs to its end; a server goes on until the stack is destroyed."""

    name: str
    """Of the container: `<namespace>-<workload>`, and for a step of a workload `<namespace>-<workload>-<step>`."""
    workload: str
    """The workload that it belongs to."""
    image: str
    user: str
    """`uid:gid`."""
    entrypoint: tuple[str, ...] = ()
    """Replaces the image's where given."""
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    secret_env: tuple[str, ...] = ()
    """Variables whose values are secrets of the workload, under the same keys."""
    files: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    """Text files by path; each is below an anonymous mount."""
    secret_files: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    """Files by path, with the key of the secret that each holds; each is below an anonymous mount."""
    mounts: tuple[MountSpec, ...] = ()
    networks: tuple[NetworkAttachment, ...] = ()
    ports: tuple[PublishedPort, ...] = ()
    gpu_ids: tuple[int, ...] = ()
    """GPUs of the host, by their index."""
    shm_bytes: int | None = None
    """Size of /dev/shm; None where it is the host's, or Docker's default will do."""
    ipc: Literal["private", "host"] = "private"
    memory_bytes: int = 0
    healthcheck: HealthcheckSpec | None = None
    restart: Literal["no", "unless-stopped"] = "unless-stopped"
    log_driver: str = "json-file"
    log_options: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    labels: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    read_only: bool = True
    """The root file system."""
    cap_drop: tuple[str, ...] = ("ALL",)
    cap_add: tuple[str, ...] = ()
    no_new_privileges: bool = True
    stop_timeout_seconds: int = 30
    wait_seconds: int = 600
    """How long a deployment waits for it: until healthy, or until its end."""
    runs_to_end: bool = False
    after: Mapping[str, Literal["healthy", "completed"]] = field(
        default_factory=dict[str, Literal["healthy", "completed"]]
    )
    """Names of containers, and what must have become of them before this one starts."""
