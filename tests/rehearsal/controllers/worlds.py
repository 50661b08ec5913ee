"""Objects and worlds for the tests of the controllers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hearth.rehearsal.api import Object
from hearth.rehearsal.controllers.world import Action, Patch, World, key

NOW = "2026-01-02T03:04:05Z"


def world(fallback: tuple[str, ...] = (), **collections: Iterable[Object]) -> World:
    """A world with these objects."""
    return World({name: {key(obj): obj for obj in found} for name, found in collections.items()}, NOW, fallback)


def obj(kind: str, name: str, namespace: str = "chat", **fields: Any) -> Object:
    """An object; `metadata` among the fields is added to its metadata."""
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "generation": 1,
        **fields.pop("metadata", {}),
    }
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "status": {}, **fields}


def cluster_wide(kind: str, name: str, **fields: Any) -> Object:
    """An object without a namespace."""
    return obj(kind, name, "", **fields)


def statuses(actions: Iterable[Action]) -> dict[str, Object]:
    """The status that is written, by the object's name."""
    return {a.target[1]: a.body["status"] for a in actions if isinstance(a, Patch) and "status" in a.body}


def conditions(status: Object) -> dict[str, str]:
    """Status of each condition, or its reason where it does not hold."""
    return {c["type"]: "True" if c["status"] == "True" else c["reason"] for c in status["conditions"]}
