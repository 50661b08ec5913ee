"""The Docker engine of a stack with target docker."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hearth.settings.base import Means, Name, StrictModel
from hearth.settings.stores import PortNumber

WEB_UI_PORT = 3000


class Docker(StrictModel):
    """The engine that runs the containers, and how its host is reached (target docker)."""

    host: (
        Annotated[
            str,
            Field(pattern=r"^(unix|tcp|ssh|npipe)://\S+$"),
            Means("the address of a Docker engine", "unix:///var/run/docker.sock"),
        ]
        | None
    ) = None
    """Address of the engine; `DOCKER_HOST` or unix:///var/run/docker.sock when left out."""
    address: Annotated[str, Means("an IP address of the host, or 0.0.0.0 for all", "127.0.0.1")] = "127.0.0.1"
    """Where published ports listen; others on the network reach them only at an address that is not loopback."""
    publish: Annotated[
        dict[Name, PortNumber], Means("a mapping of workloads to ports of the host", {"web-ui": 3000})
    ] = Field(default={})
    """Port of the host for each workload to reach from there, such as qwen3-8b: 8000; web-ui: 3000 when left out."""
    ipc: Literal["private", "host"] = "private"
    """How the processes of a model's server share memory: in a /dev/shm of their own, or in the host's."""
