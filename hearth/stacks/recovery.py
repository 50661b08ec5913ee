"""The way on from a run that was killed: its lock, and what it was creating when it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hearth.pulumi_engine import StackEngine
from hearth.rehearsal.cache import Progress
from hearth.stacks import docker_engine
from hearth.stacks.folder import StackFolder
from hearth.stacks.lock import wait_for_engine
from hearth.stacks.state import read_state

_CONTAINER = "docker:index/container:Container"
_NETWORK = "docker:index/network:Network"


def recover(folder: StackFolder, engine: StackEngine, docker_host: str | None, on_progress: Progress) -> None:
    """Make the stack as if its last run had been stopped in order; does nothing where it was. Raises UserError.

    Objects of a cluster that may or may not exist are looked for and taken into the state. Containers are removed, for
    one that was half made has no files yet and never becomes right; volumes and images are made again without harm.
    """
    if wait_for_engine(folder, on_progress):
        on_progress(f"taking over from a run on {folder.name} that was killed")
        engine.cancel()
    half_made = read_state(folder).half_made
    if not half_made:
        return
    on_progress(f"looking for {len(half_made)} resources that a run was creating when it was killed")
    if docker_host:
        docker_engine.remove(docker_host, folder.name, _names(half_made, _CONTAINER), _names(half_made, _NETWORK))
    engine.adopt({resource["urn"]: identity for resource in half_made if (identity := _object_id(resource))})


def _names(resources: Iterable[Mapping[str, Any]], kind: str) -> set[str]:
    return {resource["inputs"]["name"] for resource in resources if resource["type"] == kind}


def _object_id(resource: Mapping[str, Any]) -> str | None:
    """The id that the Kubernetes provider gives an object; None for resources of other providers."""
    if not resource["type"].startswith("kubernetes:"):
        return None
    metadata: Mapping[str, Any] = resource["inputs"].get("metadata") or resource["inputs"]
    name, namespace = metadata.get("name"), metadata.get("namespace")
    return f"{namespace}/{name}" if namespace else name
