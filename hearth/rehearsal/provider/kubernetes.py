"""The Kubernetes provider: the part of pulumi-kubernetes 4.34 that stacks of plain objects and Helm releases use.

Objects are written by server-side apply with strict field validation and waited for until they are ready. Helm releases
are recorded, not installed. Whatever kubeconfig the program names, only the rehearsal's cluster is ever reached.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from hearth.rehearsal import crds
from hearth.rehearsal.api import Api, Kind
from hearth.rehearsal.errors import ApiError, ClusterError, UnknownKindError
from hearth.rehearsal.provider import helm, naming
from hearth.rehearsal.provider.awaiting import Limits, NotReadyError, Waiter
from hearth.rehearsal.provider.contract import (
    Checked,
    Difference,
    InitializationError,
    ProviderError,
    ResourceRef,
    State,
)
from hearth.rehearsal.provider.diffing import Mutability, changes, object_changes
from hearth.rehearsal.provider.helm import Release
from hearth.rehearsal.provider.objects import (
    annotation,
    identity,
    live_inputs,
    outputs,
    preview_outputs,
    with_secret_data,
)
from hearth.rehearsal.provider.properties import JsonObject, has_unknowns
from hearth.rehearsal.provider.store import Store

_FIELD_MANAGER = "__fieldManager"
_DISCOVERY_SECONDS = 5.0  # a definition's kind is served a moment after the definition is established
_DISCOVERY_POLL_SECONDS = 0.5

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class _Settings:
    """What the program sets on its provider resource; the engine passes every value as text."""

    context: str | None
    namespace: str
    enable_secret_mutable: bool
    enable_config_map_mutable: bool

    @classmethod
    def parse(cls, settings: JsonObject) -> _Settings:
        def on(key: str) -> bool:
            return str(settings.get(key, "")).lower() == "true"

        return cls(
            context=settings.get("context"),
            namespace=settings.get("namespace", "default"),
            enable_secret_mutable=on("enableSecretMutable"),
            enable_config_map_mutable=on("enableConfigMapMutable"),
        )

    @property
    def mutability(self) -> Mutability:
        return Mutability(secrets=self.enable_secret_mutable, config_maps=self.enable_config_map_mutable)

    def differing(self, other: _Settings) -> str:
        """The settings that are not the same, with both values; empty where there are none."""
        pairs = ((name, value, getattr(other, name)) for name, value in asdict(self).items())
        return ", ".join(f"{name} ({a or 'not set'} and {b or 'not set'})" for name, a, b in pairs if a != b)


@dataclass(frozen=True)
class _Cluster:
    settings: _Settings
    api: Api
    store: Store
    waiter: Waiter


class KubernetesProvider:
    """Serves `kubernetes:*` resources on the cluster of one kubeconfig; see `contract.Provider` for the methods."""

    package = "kubernetes"

    def __init__(
        self, kubeconfig: Path, limits: Limits | None = None, unchecked_groups: Collection[str] = crds.UNCHECKED
    ) -> None:
        """`unchecked_groups`: API groups whose objects are recorded where the cluster does not know their kinds."""
        self._kubeconfig = kubeconfig
        self._limits = limits or Limits()
        self._unchecked_groups = unchecked_groups
        self._unchecked: dict[str, str] = {}
        self._lock = threading.Lock()
        self._configured: _Cluster | None = None
        self._releases = helm.Releases()

    @property
    def version(self) -> str:
        """The SDK's own version, which the engine compares with the provider's."""
        return metadata.version("pulumi_kubernetes")

    @property
    def releases(self) -> Sequence[Release]:
        """Helm releases that are recorded as deployed."""
        return self._releases.all()

    @property
    def unchecked(self) -> Sequence[str]:
        """Objects that were only recorded, as `Kind namespace/name`."""
        return tuple(self._unchecked.values())

    def configure(self, settings: JsonObject) -> None:
        wanted = _Settings.parse(settings)
        with self._lock:
            if self._configured is not None:
                if differing := self._configured.settings.differing(wanted):
                    raise ProviderError(
                        f"two Kubernetes providers differ in {differing}; the rehearsal has one cluster and serves one "
                        "provider: give both the same settings"
                    )
                return
            try:
                api = Api(self._kubeconfig, wanted.context)
            except ClusterError as error:
                raise ProviderError(str(error)) from None
            store = Store(api)
            self._configured = _Cluster(wanted, api, store, Waiter(store, self._limits))

    def diff_config(self, old: JsonObject, new: JsonObject) -> Difference:
        return Difference(tuple(changes(old, new)))

    def cancel(self) -> None:
        if self._configured is not None:
            self._configured.waiter.cancel()

    def close(self) -> None:
        if self._configured is not None:
            self._configured.store.stop()
            self._configured.api.close()

    def check(self, ref: ResourceRef, old_inputs: JsonObject, inputs: JsonObject, seed: bytes) -> Checked:
        default = self._cluster.settings.namespace
        if ref.type == helm.RELEASE:
            return Checked(self._releases.check(ref, old_inputs, inputs, seed, default))
        if _is_patch(ref, inputs) and not inputs.get("metadata", {}).get("name"):
            return Checked(inputs, (("metadata.name", "a patch needs the name of the object it changes"),))
        named = naming.with_name(inputs, old_inputs, ref.name, seed)
        kind = _asking(lambda: self._served(named))
        if kind is not None and kind.namespaced:
            named["metadata"] = {"namespace": default, **named["metadata"]}
        return Checked(with_secret_data(named))

    def diff(self, ref: ResourceRef, old: State, inputs: JsonObject) -> Difference:
        if ref.type == helm.RELEASE:
            return self._releases.diff(old.inputs, inputs)
        mutability = self._cluster.settings.mutability
        found = object_changes(_with_namespace_of(old), inputs, mutability)
        same_object = identity(_with_namespace_of(old)) == identity(inputs)
        replaces = any(change.replaces for change in found)
        return Difference(found, delete_before_replace=replaces and same_object and not naming.is_autonamed(inputs))

    def create(self, ref: ResourceRef, inputs: JsonObject, timeout: float, preview: bool) -> State:
        if ref.type == helm.RELEASE:
            if not preview:
                create = bool(inputs.get("createNamespace"))
                _asking(lambda: self._ensure_namespace(inputs["namespace"], create))
            return self._releases.create(ref, inputs, preview)
        manager = f"pulumi-kubernetes-{secrets.token_hex(4)}"
        if preview:
            stored = _asking(lambda: self._dry_run(ref, inputs, manager, creation=True))
            return State("", preview_outputs(stored or inputs, inputs))
        if self._is_uncheckable(inputs):
            return self._record(ref, inputs)
        return _asking(lambda: self._create(ref, inputs, manager, timeout))

    def update(self, ref: ResourceRef, old: State, inputs: JsonObject, timeout: float, preview: bool) -> State:
        if ref.type == helm.RELEASE:
            return self._releases.update(ref, old, inputs, preview)
        if self._is_uncheckable(inputs):
            return self._record(ref, inputs)
        manager = str(old.outputs[_FIELD_MANAGER])
        if preview:
            stored = _asking(lambda: self._dry_run(ref, inputs, manager, creation=False))
            return State(old.id, _outputs(stored or inputs, manager))
        return _asking(lambda: self._apply(inputs, manager, timeout))

    def read(self, ref: ResourceRef, old: State) -> State | None:
        if ref.type == helm.RELEASE or ref.urn in self._unchecked:
            return old if old.outputs else None
        live = _asking(lambda: self._find(ref, old))
        if live is None:
            return None
        manager = str(old.outputs.get(_FIELD_MANAGER) or f"pulumi-kubernetes-{secrets.token_hex(4)}")
        return State(_object_id(live), _outputs(live, manager), live_inputs(live, old.inputs))

    def delete(self, ref: ResourceRef, old: State, timeout: float) -> None:
        if ref.type == helm.RELEASE:
            self._releases.delete(ref)
        elif self._is_uncheckable(old.outputs):
            self._unchecked.pop(ref.urn, None)
        elif _is_patch(ref, old.outputs):
            _asking(lambda: self._relinquish(old))
        else:
            _asking(lambda: self._delete(old, timeout))

    @property
    def _cluster(self) -> _Cluster:
        if self._configured is None:
            raise ProviderError("the provider's settings depend on resources that do not exist yet")
        return self._configured

    def _served(self, inputs: JsonObject) -> Kind | None:
        try:
            return self._cluster.api.kind(inputs["apiVersion"], inputs["kind"])
        except UnknownKindError:
            return None

    def _is_uncheckable(self, item: JsonObject) -> bool:
        group = item["apiVersion"].rpartition("/")[0]
        return group in self._unchecked_groups and _asking(lambda: self._served(item)) is None

    def _record(self, ref: ResourceRef, inputs: JsonObject) -> State:
        self._unchecked[ref.urn] = _title(inputs)
        return State(_object_id(inputs), inputs)

    def _path(self, inputs: JsonObject) -> str:
        """Where the object lives. Raises `UnknownKindError` when its kind is not served within seconds."""
        deadline = time.monotonic() + _DISCOVERY_SECONDS
        while True:
            try:
                kind = self._cluster.api.kind(inputs["apiVersion"], inputs["kind"])
            except UnknownKindError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_DISCOVERY_POLL_SECONDS)
            else:
                _, namespace, name = identity(inputs)
                return kind.path(namespace or self._cluster.settings.namespace, name)

    def _dry_run(self, ref: ResourceRef, inputs: JsonObject, manager: str, creation: bool) -> JsonObject | None:
        """The object as the server would store it; None where no dry run is possible yet."""
        kind = self._served(inputs)
        if kind is None or has_unknowns(inputs):
            return None
        api, (_, namespace, name) = self._cluster.api, identity(inputs)
        path = kind.path(namespace, name)
        # An object that is there before its creation is about to be replaced; a missing patch target may still come.
        if creation and (api.find(path) is not None) != _is_patch(ref, inputs):
            return None
        try:
            return api.apply(path, inputs, manager=manager, force=_forced(inputs), dry_run=True)
        except ApiError as error:
            if error.not_found:  # its namespace is part of the same program
                return None
            raise

    def _create(self, ref: ResourceRef, inputs: JsonObject, manager: str, timeout: float) -> State:
        exists = self._cluster.api.find(self._path(inputs)) is not None
        if exists and not _is_patch(ref, inputs):
            raise ProviderError(f"{_title(inputs)} already exists: import it, or give the resource another name")
        if not exists and _is_patch(ref, inputs):
            raise ProviderError(f"{_title(inputs)} does not exist: a patch changes an object that is already there")
        return self._apply(inputs, manager, timeout)

    def _apply(self, inputs: JsonObject, manager: str, timeout: float) -> State:
        cluster = self._cluster
        applied = cluster.api.apply(self._path(inputs), inputs, manager=manager, force=_forced(inputs))
        state = State(_object_id(applied), _outputs(applied, manager), inputs)
        if annotation(inputs, "pulumi.com/skipAwait") == "true":
            return state
        limit = timeout or float(annotation(inputs, "pulumi.com/timeoutSeconds") or 0)
        try:
            ready = cluster.waiter.until_ready(applied, limit)
        except NotReadyError as error:
            raise InitializationError(state, f"{_title(applied)} is not ready: {error}") from None
        return replace(state, outputs=_outputs(ready, manager))

    def _find(self, ref: ResourceRef, old: State) -> JsonObject | None:
        source = old.inputs or old.outputs or _imported(ref, old.id)
        kind = self._served(source)
        if kind is None:
            return None
        namespace, _, name = old.id.rpartition("/")
        return self._cluster.api.find(kind.path(namespace or None, name))

    def _relinquish(self, old: State) -> None:
        """Gives up the fields that the patch set; an object that is gone needs no more."""
        path = self._path(old.inputs)
        if self._cluster.api.find(path) is not None:
            kind, namespace, name = identity(old.inputs)
            metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
            bare = {"apiVersion": old.inputs["apiVersion"], "kind": kind, "metadata": metadata}
            self._cluster.api.apply(path, bare, manager=str(old.outputs[_FIELD_MANAGER]))

    def _delete(self, old: State, timeout: float) -> None:
        kind = self._served(old.outputs)
        if kind is None:
            return
        namespace, _, name = old.id.rpartition("/")
        propagation = annotation(old.inputs, "pulumi.com/deletionPropagationPolicy") or "foreground"
        try:
            remains = self._cluster.api.delete(kind.path(namespace or None, name), propagation.capitalize())
        except ApiError as error:
            if error.not_found:
                return
            raise
        if remains["kind"] == "Status" or annotation(old.inputs, "pulumi.com/skipAwait") == "true":
            return
        try:
            self._cluster.waiter.until_gone(remains, timeout)
        except NotReadyError as error:
            raise ProviderError(f"{_title(remains)} was not deleted: {error}") from None

    def _ensure_namespace(self, name: str, create: bool) -> None:
        api = self._cluster.api
        namespaces = api.kind("v1", "Namespace")
        if api.find(namespaces.path(None, name)) is not None:
            return
        if not create:
            raise ProviderError(f'namespaces "{name}" not found: set createNamespace, or depend on the Namespace')
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        try:
            api.create(namespaces.path(), namespace)
        except ApiError as error:
            if not error.conflict:  # another release made it in the meantime
                raise


def _asking(request: Callable[[], _Result]) -> _Result:
    """Turns what the cluster answers into errors for the user."""
    try:
        return request()
    except ApiError as error:
        if error.conflict and "Apply failed" in str(error):
            remedy = 'set the annotation pulumi.com/patchForce to "true" to take the field over'
            raise ProviderError(f"{error}; {remedy}") from None
        raise ProviderError(str(error)) from None


def _is_patch(ref: ResourceRef, item: JsonObject) -> bool:
    """Whether the resource changes an object of others, such as `kubernetes:core/v1:NodePatch` a Node."""
    return ref.type.endswith(f":{item['kind']}Patch")


def _forced(inputs: JsonObject) -> bool:
    return annotation(inputs, "pulumi.com/patchForce") == "true"


def _outputs(live: JsonObject, manager: str) -> JsonObject:
    return {**outputs(live), _FIELD_MANAGER: manager}


def _object_id(item: JsonObject) -> str:
    _, namespace, name = identity(item)
    return f"{namespace}/{name}" if namespace else name


def _title(item: JsonObject) -> str:
    return f"{item['kind']} {_object_id(item)}"


def _with_namespace_of(old: State) -> JsonObject:
    """Old inputs with the namespace that the object got, where its kind was unknown when the inputs were checked."""
    namespace, _, _ = old.id.rpartition("/")
    metadata = old.inputs.get("metadata", {})
    if not namespace or "namespace" in metadata:
        return old.inputs
    return {**old.inputs, "metadata": {**metadata, "namespace": namespace}}


def _imported(ref: ResourceRef, object_id: str) -> JsonObject:
    """Version and kind from a type token such as `kubernetes:apps/v1:Deployment`, for an object without state."""
    _, group_version, kind = ref.type.split(":")
    namespace, _, name = object_id.rpartition("/")
    return {
        "apiVersion": group_version.removeprefix("core/"),
        "kind": kind.removesuffix("Patch"),
        "metadata": {"name": name, "namespace": namespace},
    }
