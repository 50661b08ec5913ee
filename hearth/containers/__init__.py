"""A plan in Docker's words: the containers, networks and volumes of a stack, as data.

Pulumi's Docker provider and Compose files are both written from this. Nothing here asks an engine.
"""

from __future__ import annotations

from hearth.containers.order import containers, images, networks, workload_containers
from hearth.containers.specs import (
    AnonymousMount,
    BindMount,
    ContainerSpec,
    HealthcheckSpec,
    MountSpec,
    NetworkAttachment,
    NetworkSpec,
    PublishedPort,
    TmpfsMount,
    VolumeMount,
    VolumeSpec,
)
from hearth.containers.storage import volumes

__all__ = [
    "AnonymousMount",
    "BindMount",
    "ContainerSpec",
    "HealthcheckSpec",
    "MountSpec",
    "NetworkAttachment",
    "NetworkSpec",
    "PublishedPort",
    "TmpfsMount",
    "VolumeMount",
    "VolumeSpec",
    "containers",
    "images",
    "networks",
    "volumes",
    "workload_containers",
]
