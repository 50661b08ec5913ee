"""What stands on a Docker engine: containers as they are, whether published ports answer, what is left."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping, Sequence
from typing import Any

from hearth.containers import ContainerSpec, PublishedPort
from hearth.rehearsal.docker.report import ContainerState, PortState

_LOG_LINES = 20
_ANSWER_SECONDS = 10.0
_POLL_SECONDS = 0.2
_MIB = 2**20

Inventory = frozenset[str]
"""Containers, networks and volumes of an engine as `kind name`."""


def containers(client: Any, specs: Sequence[ContainerSpec]) -> tuple[ContainerState, ...]:
    """The containers that a plan has, in their order; `client` is a docker.APIClient."""
    there: Mapping[str, str] = {item["Names"][0].lstrip("/"): item["Id"] for item in client.containers(all=True)}
    return tuple(_state(client, spec, there.get(spec.name)) for spec in specs)


def ports(specs: Sequence[ContainerSpec]) -> tuple[PortState, ...]:
    """Whether HTTP answers at each published port; to be called from within the engine's network."""
    return tuple(_port(spec, port) for spec in specs for port in spec.ports)


def inventory(client: Any) -> Inventory:
    """Everything but images."""
    return frozenset(
        {f"container {item['Names'][0].lstrip('/')}" for item in client.containers(all=True)}
        | {f"network {item['Name']}" for item in client.networks()}
        | {f"volume {item['Name']}" for item in client.volumes()["Volumes"] or ()}
    )


def _state(client: Any, spec: ContainerSpec, identity: str | None) -> ContainerState:
    if identity is None:
        return ContainerState(spec.name, spec.workload, spec.image, "missing", 0, "it does not exist")
    found = client.inspect_container(identity)
    state, memory = found["State"], found["HostConfig"]["Memory"] // _MIB
    if state["Running"]:
        word = state.get("Health", {}).get("Status", "running")
    else:
        word = "completed" if spec.runs_to_end and state["ExitCode"] == 0 else f"ended with {state['ExitCode']}"
    fine = word == "completed" if spec.runs_to_end else word in ("healthy", "running")
    trouble = None if fine else f"it is {word}{_log_end(client, identity)}"
    return ContainerState(spec.name, spec.workload, spec.image, word, memory, trouble)


def _log_end(client: Any, identity: str) -> str:
    tail = client.logs(identity, tail=_LOG_LINES).decode(errors="replace").strip()
    return f"; its log ends with:\n{tail}" if tail else "; it wrote no log"


def _port(spec: ContainerSpec, port: PublishedPort) -> PortState:
    deadline = time.monotonic() + _ANSWER_SECONDS
    while True:
        connection = http.client.HTTPConnection(port.address, port.host_port, timeout=_ANSWER_SECONDS)
        try:
            connection.request("GET", "/")
            answer = f"HTTP {connection.getresponse().status}"
        except OSError as error:
            if time.monotonic() > deadline:
                return PortState(spec.name, port.address, port.host_port, None, str(error))
            time.sleep(_POLL_SECONDS)
        except http.client.HTTPException as error:  # it speaks something else
            return PortState(spec.name, port.address, port.host_port, f"no HTTP ({error})", None)
        else:
            return PortState(spec.name, port.address, port.host_port, answer, None)
        finally:
            connection.close()
