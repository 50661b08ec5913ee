"""How a container is made, awaited, changed and removed, step by step as the official provider does it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from hearth.rehearsal.provider import docker_container
from hearth.rehearsal.provider.contract import InitializationError, ProviderError, State
from hearth.rehearsal.provider.docker_answers import api_errors, explanation, found
from hearth.rehearsal.provider.properties import JsonObject

_POLL_SECONDS = 0.1
_REMOVAL_SECONDS = 30.0
_DEFAULT_WAIT_SECONDS = 60
_LOG_LINES = 20


class Containers:
    """Containers of one engine; waits end when `cancelled` is set."""

    def __init__(self, client: Any, cancelled: threading.Event, *, devices: bool) -> None:
        self._client = client
        self._cancelled = cancelled
        self._devices = devices

    def create(self, inputs: JsonObject, timeout: float) -> State:
        """A container that is started, healthy or at its end, as the inputs ask.

        Raises InitializationError with the end of its log when it exists and does not come that far.
        """
        client, name = self._client, inputs["name"]
        body = docker_container.configuration(inputs, devices=self._devices)
        identity: str = client.create_container_from_config(body, name)["Id"]
        logs: str | None = None
        try:
            self._connect(identity, inputs)
            if uploads := inputs.get("uploads"):
                client.put_archive(identity, "/", docker_container.archive(uploads))
            if inputs.get("start", True):
                client.start(identity)
                if inputs.get("wait"):
                    self._await_health(identity, inputs)
            if inputs.get("attach"):
                self._await_end(identity, timeout)
                logs = self._log(identity) if inputs.get("logs") else None
        except (ProviderError, *api_errors()) as error:
            reason = f"container {name}: {explanation(error)}{self._log_end(identity)}"
            raise InitializationError(self._state(identity, inputs, logs), reason) from None
        return self._state(identity, inputs, logs)

    def update(self, old: State, inputs: JsonObject) -> State:
        """Start one that had stopped, and change what can be changed in place."""
        if not old.inputs.get("mustRun", True) and inputs.get("mustRun", True) and inputs.get("start", True):
            self._client.start(old.id)
        if any(old.inputs.get(key) != inputs.get(key) for key in docker_container.CHANGED_IN_PLACE):
            self._client.update_container(old.id, **docker_container.changes_in_place(inputs))
        return self._state(old.id, inputs, old.outputs.get("containerLogs"))

    def read(self, old: State) -> State | None:
        """One that should run and does not is marked, so that the next update starts it."""
        container = found(lambda: self._client.inspect_container(old.id))
        if container is None or container["State"]["Running"] or not old.inputs.get("mustRun", True):
            return container and old
        stopped = {"mustRun": False, "exitCode": container["State"]["ExitCode"]}
        return State(old.id, {**old.outputs, **stopped}, {**old.inputs, "mustRun": False})

    def delete(self, old: State) -> None:
        """Without `destroyGraceSeconds` it is killed at once."""
        if not old.inputs.get("attach"):
            found(lambda: self._client.stop(old.id, timeout=old.inputs.get("destroyGraceSeconds", 0)))
        volumes = old.inputs.get("removeVolumes", True)
        found(lambda: self._client.remove_container(old.id, v=volumes, force=True))
        self._poll(
            lambda: found(lambda: self._client.inspect_container(old.id)) is None, _REMOVAL_SECONDS, "it does not go"
        )

    def _connect(self, identity: str, inputs: JsonObject) -> None:
        networks = inputs.get("networksAdvanced", ())
        if networks:
            self._client.disconnect_container_from_network(identity, "bridge")
        for network in networks:
            self._client.connect_container_to_network(
                identity,
                network["name"],
                ipv4_address=network.get("ipv4Address"),
                ipv6_address=network.get("ipv6Address"),
                aliases=network.get("aliases"),
                link_local_ips=network.get("linkLocalIps"),
                mac_address=network.get("macAddress"),
            )

    def _await_health(self, identity: str, inputs: JsonObject) -> None:
        seconds = inputs.get("waitTimeout", _DEFAULT_WAIT_SECONDS)

        def healthy() -> bool:
            health = self._client.inspect_container(identity)["State"].get("Health")
            if health is None:
                raise ProviderError("it has `wait` but no healthcheck")
            return health["Status"] == "healthy"

        self._poll(healthy, seconds, f"not healthy within {seconds} s (waitTimeout)")

    def _await_end(self, identity: str, seconds: float) -> None:
        def ended() -> bool:
            return not self._client.inspect_container(identity)["State"]["Running"]

        self._poll(ended, seconds, f"it did not end within {seconds:.0f} s")

    def _poll(self, reached: Callable[[], bool], seconds: float, otherwise: str) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > deadline:
                raise ProviderError(otherwise)
            if self._cancelled.wait(_POLL_SECONDS):
                raise ProviderError("the wait was cancelled")

    def _state(self, identity: str, inputs: JsonObject, logs: str | None) -> State:
        container = self._client.inspect_container(identity)
        outputs: JsonObject = {
            **inputs,
            "hostname": container["Config"]["Hostname"],
            "networkDatas": [*_network_data(container["NetworkSettings"]["Networks"])],
        }
        if not container["State"]["Running"]:
            outputs["exitCode"] = container["State"]["ExitCode"]
        if logs is not None:
            outputs["containerLogs"] = logs
        return State(identity, outputs, inputs)

    def _log(self, identity: str, lines: int | Literal["all"] = "all") -> str:
        return self._client.logs(identity, tail=lines).decode(errors="replace")

    def _log_end(self, identity: str) -> str:
        tail = self._log(identity, _LOG_LINES).strip()
        return f"; its log ends with:\n{tail}" if tail else "; it wrote no log"


def _network_data(networks: Mapping[str, Any]) -> Iterator[JsonObject]:
    for name, endpoint in networks.items():
        yield {"networkName": name, "ipAddress": endpoint["IPAddress"], "gateway": endpoint["Gateway"]}
