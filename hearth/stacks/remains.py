"""What stays where it is when a stack is destroyed, and how much of it there is. Sizes are in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hearth.stacks import docker_engine
from hearth.stacks.state import DOCKER_VOLUME, StackState

_CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


@dataclass(frozen=True)
class Remaining:
    """A volume, or an object of a cluster."""

    kind: str
    name: str
    size: int | None
    """Of a volume what is used, of a claim what it asks for; None where that is not known."""


def remaining(state: StackState, docker_host: str | None) -> tuple[Remaining, ...]:
    """What a destroy of the stack would leave: data that its settings keep, and caches of weights."""
    sizes: Mapping[str, int] = docker_engine.volume_sizes(docker_host) if docker_host and state.kept else {}
    found = (
        Remaining(resource["type"].rpartition(":")[2], resource["id"], _size(resource, sizes))
        for resource in state.kept
    )
    return tuple(sorted(found, key=lambda one: (one.kind, one.name)))


def storage(state: StackState, sizes: Mapping[str, int]) -> int | None:
    """What a stack takes, kept or not: `sizes` are those of Docker's volumes; None where nothing is known."""
    known = [size for resource in state.deployed if (size := _size(resource, sizes)) is not None]
    return sum(known) if known else None


def _size(resource: Mapping[str, Any], sizes: Mapping[str, int]) -> int | None:
    if resource["type"] == DOCKER_VOLUME:
        return sizes.get(resource["id"])
    if resource["type"] == _CLAIM:
        return _bytes(resource["inputs"]["spec"]["resources"]["requests"]["storage"])
    return None


def _bytes(quantity: str) -> int | None:
    number, unit = quantity[:-2], quantity[-2:]
    return int(number) * _UNITS[unit] if unit in _UNITS and number.isdecimal() else None
