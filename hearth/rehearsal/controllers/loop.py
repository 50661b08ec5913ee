"""Watches the cluster and carries out what the controllers decide."""

from __future__ import annotations

import datetime
import hashlib
import logging
import threading
import time
from collections.abc import Iterator

from hearth.rehearsal.api import Api, Object
from hearth.rehearsal.controllers import edges, gateways, ingresses, load_balancers, volumes
from hearth.rehearsal.controllers.world import ROOTS, Action, Create, Delete, Key, Patch, Report, World, key, path
from hearth.rehearsal.errors import ApiError

RESYNC_SECONDS = 10.0
"""How often everything is looked at again although nothing has changed."""

_WATCH_SECONDS = 300
_RETRY_SECONDS = 0.5
_BATCH_SECONDS = 0.02
"""Changes come in bursts; those within this time are looked at together."""

_log = logging.getLogger("site-controllers")


class Store:
    """The newest known version of every watched object. Safe for use by several threads."""

    def __init__(self) -> None:
        self.changed = threading.Event()
        self._lock = threading.Lock()
        self._objects: dict[str, dict[Key, Object]] = {collection: {} for collection in ROOTS}

    def snapshot(self) -> dict[str, dict[Key, Object]]:
        """The objects by collection; later changes do not show in it."""
        with self._lock:
            return {collection: dict(objects) for collection, objects in self._objects.items()}

    def replace(self, collection: str, objects: list[Object]) -> None:
        """Take the content of a collection as it has been listed."""
        with self._lock:
            self._objects[collection] = {key(obj): obj for obj in objects}
        self.changed.set()

    def put(self, collection: str, obj: Object, is_new: bool = True) -> None:
        """Take an object, unless a newer version of it is known, or unless it is not new and has gone meanwhile."""
        with self._lock:
            known = self._objects[collection].get(key(obj))
            if is_new if known is None else _version(known) < _version(obj):
                self._objects[collection][key(obj)] = obj
        self.changed.set()

    def remove(self, collection: str, obj: Object) -> None:
        """Forget an object."""
        with self._lock:
            self._objects[collection].pop(key(obj), None)
        self.changed.set()


def run(api: Api, fallback_pools: tuple[str, ...]) -> None:
    """Watch and act until the process is ended."""
    store = Store()
    for collection in ROOTS:
        threading.Thread(target=_follow, args=(api, store, collection), daemon=True, name=collection).start()
    reported: set[tuple[str, Report]] = set()
    while True:
        store.changed.wait(RESYNC_SECONDS)
        time.sleep(_BATCH_SECONDS)
        store.changed.clear()
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for action in decide(World(store.snapshot(), now, fallback_pools)):
            _carry_out(api, store, action, reported, now)


def decide(world: World) -> Iterator[Action]:
    """What all controllers together want done."""
    yield from volumes.reconcile(world)
    yield from edges.reconcile(world, ingresses.wanted_edges(world) + gateways.wanted_edges(world))
    yield from load_balancers.reconcile(world)
    yield from ingresses.reconcile(world)
    yield from gateways.reconcile(world)


def _follow(api: Api, store: Store, collection: str) -> None:
    """Keep `store` in step with one collection; starts anew whenever the connection or the version is lost."""
    while True:
        try:
            listed = api.get(path(collection))
            # The items of a list name neither their kind nor its version; the list does.
            kind = {"apiVersion": listed["apiVersion"], "kind": listed["kind"].removesuffix("List")}
            store.replace(collection, [{**kind, **item} for item in listed["items"]])
            version = listed["metadata"]["resourceVersion"]
            while True:
                for event, obj in api.watch(path(collection), version, _WATCH_SECONDS):
                    version = obj["metadata"]["resourceVersion"]
                    if event == "DELETED":
                        store.remove(collection, obj)
                    else:
                        store.put(collection, obj)
        except ApiError as error:
            _log.info("watching %s: %s", collection, error)
            time.sleep(_RETRY_SECONDS)


def _carry_out(api: Api, store: Store, action: Action, reported: set[tuple[str, Report]], now: str) -> None:
    """Do it, and remember the outcome at once: the next decision must not wait for the watch to tell."""
    try:
        match action:
            case Create(collection, body):
                namespace, _ = key(body)
                store.put(collection, api.create(path(collection, namespace), body))
            case Patch(collection, target, body, subresource):
                store.put(collection, api.patch(path(collection, *target) + subresource, body), is_new=False)
            case Delete(collection, target):
                api.delete(path(collection, *target))
            case Report(about):
                if (about["metadata"]["uid"], action) not in reported:
                    _create_event(api, action, now)
                    reported.add((about["metadata"]["uid"], action))
    except ApiError as error:
        # Objects come and go while we look at them; what is still wanted is decided again.
        _log.info("%s: %s", action, error)


def _create_event(api: Api, report: Report, now: str) -> None:
    about = report.about
    namespace, name = key(about)
    namespace = namespace or "default"
    words = f"{about['metadata']['uid']} {report.reason} {report.message}"
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{hashlib.sha256(words.encode()).hexdigest()[:16]}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": name,
            "uid": about["metadata"]["uid"],
            **({"namespace": key(about)[0]} if key(about)[0] else {}),
        },
        "type": report.type,
        "reason": report.reason,
        "message": report.message,
        "source": {"component": "site-controllers"},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    api.create(f"/api/v1/namespaces/{namespace}/events", event)


def _version(obj: Object) -> int:
    """Resource versions of one collection grow, so that they can be compared."""
    return int(obj["metadata"]["resourceVersion"])
