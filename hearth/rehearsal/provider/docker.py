"""The Docker provider: the part of pulumi-docker 5.2 that stacks of containers use, through the engine's API.

Whatever host the program names, only the rehearsal's engine is ever reached.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from typing import Any, ClassVar

from hearth.rehearsal.provider import docker_container, docker_image
from hearth.rehearsal.provider.contract import Checked, Difference, ProviderError, ResourceRef, State
from hearth.rehearsal.provider.diffing import changes
from hearth.rehearsal.provider.docker_answers import api_errors, explanation, found
from hearth.rehearsal.provider.docker_lifecycle import Containers
from hearth.rehearsal.provider.properties import JsonObject

_SUFFIX_LENGTH = 7
_POLL_SECONDS = 0.1
_DEFAULT_SECONDS = 1200.0
_RELEASE_SECONDS = 30.0
"""How long a network or volume that is to be removed may still be in use."""
_IN_USE = (403, 409)
"""HTTP status of that for networks and for volumes."""


class DockerProvider:
    """Serves `docker:*` resources on one engine; see `contract.Provider` for the methods."""

    package = "docker"

    CONTAINER = "docker:index/container:Container"
    IMAGE = "docker:index/image:Image"
    NETWORK = "docker:index/network:Network"
    REMOTE_IMAGE = "docker:index/remoteImage:RemoteImage"
    VOLUME = "docker:index/volume:Volume"

    _IN_PLACE: ClassVar[Mapping[str, frozenset[str]]] = {
        CONTAINER: docker_container.KEPT,
        NETWORK: frozenset(),
        REMOTE_IMAGE: frozenset({"forceRemove", "keepLocally"}),
        VOLUME: frozenset({"cluster"}),
    }
    """Inputs whose change does not replace the resource; an Image is always built anew in place."""

    def __init__(self, client: Any, *, devices: bool = True) -> None:
        """`client` is a docker.APIClient, whose types are incomplete; without `devices` no container gets a GPU."""
        self._client = client
        self._cancelled = threading.Event()
        self._containers = Containers(client, self._cancelled, devices=devices)

    @property
    def version(self) -> str:
        """The SDK's own version, which the engine compares with the provider's."""
        return metadata.version("pulumi_docker")

    def configure(self, settings: JsonObject) -> None:
        """There is one engine, whatever the settings say."""
        self._cancelled.clear()

    def diff_config(self, old: JsonObject, new: JsonObject) -> Difference:
        return Difference(tuple(changes(old, new)))

    def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        self._client.close()

    def check(self, ref: ResourceRef, old_inputs: JsonObject, inputs: JsonObject, seed: bytes) -> Checked:
        if ref.type == self.IMAGE:
            return docker_image.check(inputs)
        if ref.type not in self._IN_PLACE:
            known = ", ".join(sorted((*self._IN_PLACE, self.IMAGE)))
            raise ProviderError(f"the rehearsal's docker provider has no {ref.type}; it has {known}")
        if "name" not in inputs and ref.type != self.REMOTE_IMAGE:
            digest = hashlib.sha256(seed).hexdigest()[:_SUFFIX_LENGTH]
            inputs = {**inputs, "name": old_inputs.get("name", f"{ref.name}-{digest}")}
        return Checked(inputs, docker_container.problems(inputs) if ref.type == self.CONTAINER else ())

    def diff(self, ref: ResourceRef, old: State, inputs: JsonObject) -> Difference:
        in_place = self._IN_PLACE.get(ref.type, inputs.keys() | old.inputs.keys())
        different = tuple(
            replace(change, replaces=change.path[0] not in in_place) for change in changes(old.inputs, inputs)
        )
        # Of a container always, of others where both would have the same name.
        same_name = old.inputs.get("name") == inputs.get("name")
        replaced = any(change.replaces for change in different)
        return Difference(different, delete_before_replace=replaced and (ref.type == self.CONTAINER or same_name))

    def create(self, ref: ResourceRef, inputs: JsonObject, timeout: float, preview: bool) -> State:
        if preview:
            return State("", inputs)
        with _asking(ref, inputs):
            match ref.type:
                case self.CONTAINER:
                    return self._containers.create(inputs, timeout or _DEFAULT_SECONDS)
                case self.IMAGE:
                    return docker_image.make(self._client, inputs)
                case self.NETWORK:
                    return self._create_network(inputs)
                case self.REMOTE_IMAGE:
                    return self._create_remote_image(inputs)
                case _:
                    return self._create_volume(inputs)

    def update(self, ref: ResourceRef, old: State, inputs: JsonObject, timeout: float, preview: bool) -> State:
        if preview:
            return State(old.id, {**old.outputs, **inputs})
        with _asking(ref, inputs):
            match ref.type:
                case self.CONTAINER:
                    return self._containers.update(old, inputs)
                case self.IMAGE:
                    return docker_image.make(self._client, inputs)
                case _:
                    return State(old.id, {**old.outputs, **inputs})

    def read(self, ref: ResourceRef, old: State) -> State | None:
        if not old.inputs:
            raise ProviderError(f"{ref.type} {ref.name}: the rehearsal's docker provider imports nothing")
        with _asking(ref, old.inputs):
            match ref.type:
                case self.CONTAINER:
                    return self._containers.read(old)
                case self.IMAGE:
                    there = found(lambda: self._client.inspect_image(old.id))
                case self.NETWORK:
                    there = found(lambda: self._client.inspect_network(old.id))
                case self.REMOTE_IMAGE:
                    there = found(lambda: self._client.inspect_image(old.inputs["name"]))
                case _:
                    there = found(lambda: self._client.inspect_volume(old.id))
        return old if there else None

    def delete(self, ref: ResourceRef, old: State, timeout: float) -> None:
        with _asking(ref, old.inputs):
            match ref.type:
                case self.CONTAINER:
                    self._containers.delete(old)
                case self.NETWORK:
                    _remove_released(lambda: self._client.remove_network(old.id))
                case self.REMOTE_IMAGE:
                    self._delete_remote_image(old.inputs)
                case self.VOLUME:
                    _remove_released(lambda: self._client.remove_volume(old.id))
                case _:
                    """An image that was built stays."""

    def _create_network(self, inputs: JsonObject) -> State:
        from docker.types import IPAMConfig, IPAMPool

        pools = [
            IPAMPool(item.get("subnet"), item.get("ipRange"), item.get("gateway"), item.get("auxAddress"))
            for item in inputs.get("ipamConfigs", ())
        ]
        made = self._client.create_network(
            inputs["name"],
            driver=inputs.get("driver"),
            options=inputs.get("options"),
            ipam=IPAMConfig(inputs.get("ipamDriver", "default"), pools) if pools else None,
            check_duplicate=True,
            internal=inputs.get("internal", False),
            labels=_labels(inputs),
            enable_ipv6=inputs.get("ipv6", False),
            attachable=inputs.get("attachable"),
        )
        network = self._client.inspect_network(made["Id"])
        return State(made["Id"], {**inputs, "driver": network["Driver"], "scope": network["Scope"]})

    def _create_volume(self, inputs: JsonObject) -> State:
        """A volume that exists under the name is taken over as it is, which is the engine's own way."""
        made = self._client.create_volume(
            inputs["name"], inputs.get("driver"), inputs.get("driverOpts"), _labels(inputs) or None
        )
        return State(made["Name"], {**inputs, "driver": made["Driver"], "mountpoint": made["Mountpoint"]})

    def _create_remote_image(self, inputs: JsonObject) -> State:
        name = inputs["name"]
        image = found(lambda: self._client.inspect_image(name))
        if image is None:
            self._client.pull(name, platform=inputs.get("platform"))
            image = self._client.inspect_image(name)
        digest = next(iter(image["RepoDigests"] or ()), "")
        return State(image["Id"] + name, {**inputs, "imageId": image["Id"], "repoDigest": digest})

    def _delete_remote_image(self, inputs: JsonObject) -> None:
        if not inputs.get("keepLocally"):
            found(lambda: self._client.remove_image(inputs["name"], force=inputs.get("forceRemove", False)))


def _remove_released(remove: Callable[[], object]) -> None:
    """Tries again while containers that are being removed still hold it."""
    from docker.errors import APIError

    deadline = time.monotonic() + _RELEASE_SECONDS
    while True:
        try:
            found(remove)
        except APIError as error:
            if error.status_code not in _IN_USE or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return


def _labels(inputs: JsonObject) -> dict[str, str]:
    return {item["label"]: item["value"] for item in inputs.get("labels", ())}


@contextmanager
def _asking(ref: ResourceRef, inputs: JsonObject) -> Generator[None]:
    """Turns what the engine answers into errors for the user."""
    try:
        yield
    except api_errors() as error:
        kind, name = ref.type.rpartition(":")[2], inputs.get("name") or inputs.get("imageName") or ref.name
        raise ProviderError(f"{kind} {name}: {explanation(error)}") from None
