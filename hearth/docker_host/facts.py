"""What is known of a Docker host. None: this machine cannot tell, as with the ports of another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """A GPU as nvidia-smi shows it."""

    index: int
    name: str
    memory_mib: int | None
    """None for one that shares the memory of its host."""


@dataclass(frozen=True)
class Gpus:
    """What nvidia-smi says."""

    found: tuple[Gpu, ...]
    driver: str | None
    """Version of the driver, such as 570.86.15."""
    trouble: str = ""
    """Why there is none, in nvidia-smi's words."""


@dataclass(frozen=True)
class Published:
    """A port that a container listens at."""

    container: str
    stack: str | None
    """Stack of Hearth that the container belongs to."""
    address: str
    port: int


@dataclass(frozen=True)
class HostFacts:
    """An engine and its machine."""

    version: str
    """Of the engine."""
    os: str
    """Of its containers: linux or windows."""
    memory_bytes: int
    free_disk_bytes: int | None
    """Where the stack's volumes are."""
    disk: str
    """The folder that this is about."""
    kept_bytes: Mapping[str, int | None]
    """By cache that is there already, what it holds; None where the engine does not tell."""
    published: tuple[Published, ...]
    busy_ports: frozenset[int]
    """Ports of the stack that some program listens at; containers are among them."""
    gpus: Gpus | None
    toolkit: bool
    """Whether the engine can give GPUs to containers."""
