"""What the Plan says about the one host of target docker, and about images that are built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class NfsShare:
    """Where volumes are folders of an NFS server."""

    server: str
    share: str
    mount_options: tuple[str, ...]


@dataclass(frozen=True)
class DockerPlan:
    """The engine, its ports and GPUs, and where volumes are."""

    host: str | None
    """Address of the engine; None: what DOCKER_HOST says, or its socket."""
    address: str
    """Where published ports listen."""
    ports: Mapping[str, int]
    """Port of the host, by workload."""
    ipc: Literal["private", "host"]
    """Of servers of models."""
    gpu_ids: Mapping[str, tuple[int, ...]]
    """GPUs of the host, by workload: Docker schedules nothing."""
    caches: Mapping[str, str]
    """Names of volumes by claim, for what every stack on the host shares: they are named after what is in them."""
    nfs: NfsShare | None
    host_path: str | None
    """A folder in which volumes are folders; Docker's own volumes without it and `nfs`."""
    retain_data: bool
    """Keep volumes other than caches, which are kept in any case."""


@dataclass(frozen=True)
class ImageBuild:
    """An image that is built on another one."""

    name: str
    """With a tag that follows from everything that goes into it, so that it is built once."""
    folder: str
    """Of its Dockerfile, within the project."""
    args: Mapping[str, str]
    """Of the Dockerfile."""
    registry: str | None
    """Server that it is pushed to; None: it stays with the engine that builds it."""
