"""What only the Docker engine of a stack knows: sizes of volumes, and what a run that was killed has half made."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from hearth.containers.labels import STACK
from hearth.errors import UserError

_SECONDS = 60


def volume_sizes(host: str) -> Mapping[str, int]:
    """Bytes of each volume by name; empty where the engine does not answer, for a report does not depend on it."""
    try:
        with _engine(host) as client:
            usage = client.df()
    except UserError:
        return {}
    volumes: list[dict[str, Any]] = usage["Volumes"] or []
    # A driver that cannot tell gives -1.
    return {volume["Name"]: volume["UsageData"]["Size"] for volume in volumes if volume["UsageData"]["Size"] >= 0}


def remove(host: str, stack: str, containers: Collection[str], networks: Collection[str]) -> None:
    """Remove these containers and networks as far as they exist and belong to the stack.

    Raises UserError when the engine refuses or does not answer.
    """
    label = {"label": f"{STACK}={stack}"}
    with _engine(host) as client:
        for container in client.containers.list(all=True, filters=label):
            if container.name in containers:
                container.remove(force=True, v=True)
        for network in client.networks.list(filters=label):
            if network.name in networks:
                network.remove()


@contextmanager
def _engine(host: str) -> Generator[Any]:
    import docker
    from docker import errors
    from requests import exceptions

    try:
        client: Any = docker.DockerClient(base_url=host, timeout=_SECONDS)
        try:
            yield client
        finally:
            client.close()
    except (errors.DockerException, exceptions.RequestException) as error:
        raise UserError(
            f"The Docker engine at {host} cannot be used: {error}. Is it running, and may you use it?"
        ) from None
