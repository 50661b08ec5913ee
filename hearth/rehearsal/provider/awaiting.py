"""Waits until objects are ready or gone, on the store's local copies."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from hearth.rehearsal.provider.properties import JsonObject
from hearth.rehearsal.provider.readiness import AWAITED, Failed, Readiness, Ready, Related, Waiting, readiness
from hearth.rehearsal.provider.store import Store

_POLL_SECONDS = 0.2
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


class NotReadyError(Exception):
    """The object was not ready, or not gone, in time; the text says why."""


@dataclass(frozen=True)
class Limits:
    """How long to wait, in seconds.

    `default` holds for resources without a timeout of their own (ten minutes, as in the official provider), `longest`
    caps every wait, and a cause that does not go away by itself ends the wait after `stuck`.
    """

    default: float = 600.0
    longest: float = 600.0
    stuck: float = 10.0

    def deadline(self, timeout: float) -> float:
        return time.monotonic() + min(timeout or self.default, self.longest)


@dataclass
class Waiter:
    """Waits for objects of one cluster; `cancel` ends the waits in progress."""

    store: Store
    limits: Limits
    _cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        cancelled, self._cancelled = self._cancelled, threading.Event()
        cancelled.set()

    def until_ready(self, item: JsonObject, timeout: float) -> JsonObject:
        """`item` as it is once ready. Raises `NotReadyError`."""
        if item["kind"] not in AWAITED:
            return item
        cancelled, deadline = self._cancelled, self.limits.deadline(timeout)
        verdict: Readiness = Waiting("its change is not visible yet")
        reason, since = verdict.reason, time.monotonic()
        while True:
            current = self._copy(item)
            if current is not None:
                verdict = readiness(current, self._related(current))
            now = time.monotonic()
            match verdict:
                case Ready():
                    return current or item
                case Failed(reason):
                    raise NotReadyError(reason)
                case Waiting(why, stuck):
                    if not stuck or why != reason:
                        reason, since = why, now
                    if now >= deadline or (stuck and now - since >= self.limits.stuck):
                        raise NotReadyError(reason)
            if cancelled.wait(_POLL_SECONDS):
                raise NotReadyError(f"the wait was cancelled; {reason}")

    def until_gone(self, item: JsonObject, timeout: float) -> None:
        """Raises `NotReadyError`."""
        collection = self.store.collection(item["apiVersion"], item["kind"])
        cancelled, deadline = self._cancelled, self.limits.deadline(timeout)
        while (current := collection.get(item["metadata"]["uid"])) is not None:
            if time.monotonic() >= deadline:
                finalizers = ", ".join(current["metadata"].get("finalizers", ())) or "none"
                raise NotReadyError(f"it is still there (finalizers: {finalizers})")
            if cancelled.wait(_POLL_SECONDS):
                raise NotReadyError("the wait was cancelled")

    def _copy(self, written: JsonObject) -> JsonObject | None:
        """The local copy, unless it is older than what was `written`: versions of one object only grow."""
        copy = self.store.collection(written["apiVersion"], written["kind"]).get(written["metadata"]["uid"])
        if copy is None or _version(copy) < _version(written):
            return None
        return {**copy, "apiVersion": written["apiVersion"], "kind": written["kind"]}

    def _related(self, item: JsonObject) -> Related:
        kind, metadata = item["kind"], item["metadata"]
        match kind:
            case "Deployment":
                owners = [owned["metadata"]["uid"] for owned in self._owned("apps/v1", "ReplicaSet", metadata["uid"])]
                return Related(pods=self._pods(*owners))
            case "DaemonSet" | "Job" | "StatefulSet":
                return Related(pods=self._pods(metadata["uid"]), events=self._events(metadata["uid"]))
            case "PersistentVolumeClaim":
                return Related(events=self._events(metadata["uid"]), storage_class=self._storage_class(item))
            case "Service":
                slices = self.store.collection("discovery.k8s.io/v1", "EndpointSlice")
                return Related(
                    endpoint_slices=slices.related(f"{metadata['namespace']}/{metadata['name']}"),
                    events=self._events(metadata["uid"]),
                )
            case _:
                return Related(events=self._events(metadata["uid"]))

    def _owned(self, api_version: str, kind: str, uid: str) -> list[JsonObject]:
        return self.store.collection(api_version, kind).related(uid)

    def _pods(self, *owners: str) -> list[JsonObject]:
        pods = [pod for owner in owners for pod in self._owned("v1", "Pod", owner)]
        return sorted(pods, key=lambda pod: pod["metadata"]["name"])

    def _events(self, uid: str) -> list[JsonObject]:
        return self.store.collection("v1", "Event").related(uid)

    def _storage_class(self, claim: JsonObject) -> JsonObject | None:
        name = claim["spec"].get("storageClassName")
        for candidate in self.store.collection("storage.k8s.io/v1", "StorageClass").all():
            metadata = candidate["metadata"]
            is_default = metadata.get("annotations", {}).get(_DEFAULT_CLASS) == "true"
            if metadata["name"] == name or (name is None and is_default):
                return candidate
        return None


def _version(item: JsonObject) -> int:
    return int(item["metadata"]["resourceVersion"])
