"""Containers that failed, so that the next deployment makes them anew.

An engine keeps a container that failed, and Pulumi, whose declaration of it has not changed, would leave it as it is. A
label that counts the attempts changes the declaration, and is kept as long as the container is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from hearth.containers.labels import ATTEMPT, STACK

_SECONDS = 30
"""How long the engine may take to answer."""


@dataclass(frozen=True)
class ContainerState:
    """A container as the engine has it."""

    name: str
    labels: Mapping[str, str]
    status: str
    """created, running, restarting, exited, dead and so on."""
    exit_code: int
    health: str | None
    """starting, healthy or unhealthy; None without a health check."""

    @property
    def failed(self) -> bool:
        """It never started, ended badly, ends again and again, or does not answer."""
        ended_badly = self.status == "exited" and self.exit_code != 0
        return ended_badly or self.status in {"created", "dead", "restarting"} or self.health == "unhealthy"


def next_attempts(found: Iterable[ContainerState]) -> dict[str, str]:
    """Which attempt the next one is, by the name of the container; left out for those that never failed."""
    attempts: dict[str, str] = {}
    for state in found:
        last = state.labels.get(ATTEMPT)
        if state.failed:
            attempts[state.name] = str(int(last or 1) + 1)
        elif last:
            attempts[state.name] = last
    return attempts


def read_states(client: Any, stack: str) -> list[ContainerState]:
    """Every container of a stack, through a client of the docker SDK; what it raises is passed on."""
    found: list[ContainerState] = []
    for container in client.containers.list(all=True, filters={"label": f"{STACK}={stack}"}, ignore_removed=True):
        details = cast(Mapping[str, Any], container.attrs)
        state = details["State"]
        found.append(
            ContainerState(
                name=details["Name"].removeprefix("/"),
                labels=details["Config"]["Labels"] or {},
                status=state["Status"],
                exit_code=state["ExitCode"],
                health=state["Health"]["Status"] if state.get("Health") else None,
            )
        )
    return found


def failed_before(host: str | None, stack: str) -> dict[str, str]:
    """`next_attempts` of a stack's containers on the engine at `host`; None as in DockerPlan.

    Empty where the engine does not answer, which other checks tell.
    """
    import docker
    from docker.errors import DockerException

    try:
        sdk: Any = docker
        client = sdk.DockerClient(base_url=host, timeout=_SECONDS) if host else sdk.from_env(timeout=_SECONDS)
        try:
            return next_attempts(read_states(client, stack))
        finally:
            client.close()
    except (DockerException, OSError):
        return {}
