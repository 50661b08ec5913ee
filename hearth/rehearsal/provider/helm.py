"""Helm releases, recorded instead of installed: a chart's content comes from the network and is not the stack's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hearth.rehearsal.provider.contract import Difference, ProviderError, ResourceRef, State
from hearth.rehearsal.provider.diffing import changes
from hearth.rehearsal.provider.naming import suffixed
from hearth.rehearsal.provider.properties import JsonObject

RELEASE = "kubernetes:helm.sh/v3:Release"


@dataclass(frozen=True)
class Release:
    """A release that the program declared."""

    name: str
    namespace: str
    chart: str
    version: str
    repository: str
    installed: bool = False


class Releases:
    """The releases of one stack. As with Helm, their namespaces have to exist and stay when they go."""

    def __init__(self) -> None:
        self._releases: dict[str, Release] = {}

    def all(self) -> Sequence[Release]:
        return tuple(self._releases.values())

    def check(self, ref: ResourceRef, old: JsonObject, inputs: JsonObject, seed: bytes, namespace: str) -> JsonObject:
        """`inputs` with the release's name (the old one, else a new one) and namespace filled in."""
        name = inputs.get("name") or old.get("name") or suffixed(ref.name, seed)
        return {**inputs, "name": name, "namespace": inputs.get("namespace", namespace)}

    def diff(self, old: JsonObject, new: JsonObject) -> Difference:
        """Another name or namespace is another release."""
        return Difference(
            tuple(replace(change, replaces=change.path[0] in ("name", "namespace")) for change in changes(old, new))
        )

    def create(self, ref: ResourceRef, inputs: JsonObject, preview: bool) -> State:
        release = _release(inputs)
        if not preview:
            if any((other.namespace, other.name) == (release.namespace, release.name) for other in self.all()):
                raise ProviderError(f"release {release.namespace}/{release.name}: the name is still in use")
            self._releases[ref.urn] = release
        return State(f"{release.namespace}/{release.name}", _outputs(inputs, release, revision=1))

    def update(self, ref: ResourceRef, old: State, inputs: JsonObject, preview: bool) -> State:
        release = _release(inputs)
        if not preview:
            self._releases[ref.urn] = release
        return State(old.id, _outputs(inputs, release, int(old.outputs["status"]["revision"]) + 1))

    def delete(self, ref: ResourceRef) -> None:
        self._releases.pop(ref.urn, None)


def _release(inputs: JsonObject) -> Release:
    return Release(
        name=str(inputs["name"]),
        namespace=str(inputs["namespace"]),
        chart=str(inputs["chart"]),
        version=str(inputs.get("version", "")),
        repository=str(inputs.get("repositoryOpts", {}).get("repo", "")),
    )


def _outputs(inputs: JsonObject, release: Release, revision: int) -> JsonObject:
    """What a program reads of an installed release."""
    status = {
        "appVersion": "",
        "chart": release.chart,
        "name": release.name,
        "namespace": release.namespace,
        "revision": revision,
        "status": "deployed",
        "version": release.version,
    }
    return {**inputs, "resourceNames": {}, "status": status}
