"""A local copy of the cluster's objects, one watch for each kind, shared by all that wait for something."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from hearth.rehearsal.api import Api, Kind, Watch
from hearth.rehearsal.errors import ApiError
from hearth.rehearsal.provider.properties import JsonObject

_WATCH_SECONDS = 300
_RETRY_SECONDS = 0.5

Index = Callable[[JsonObject], Iterable[str]]


def by_owner(item: JsonObject) -> Iterable[str]:
    """Uids of the objects that own `item`."""
    return [owner["uid"] for owner in item["metadata"].get("ownerReferences", ())]


def by_subject(event: JsonObject) -> Iterable[str]:
    """Uid of the object that an event is about."""
    return [event["involvedObject"]["uid"]] if "uid" in event["involvedObject"] else []


def by_service(endpoint_slice: JsonObject) -> Iterable[str]:
    """The Service of an EndpointSlice, as namespace/name."""
    metadata = endpoint_slice["metadata"]
    service = metadata.get("labels", {}).get("kubernetes.io/service-name")
    return [f"{metadata['namespace']}/{service}"] if service else []


_INDEXES: Mapping[str, Index] = {"Event": by_subject, "EndpointSlice": by_service}


class Collection:
    """All objects of one kind, kept up to date by a watch; `related` finds them by owner, subject or service."""

    def __init__(self, api: Api, kind: Kind) -> None:
        self._api = api
        self._path = kind.path()
        self._index = _INDEXES.get(kind.name, by_owner)
        self._lock = threading.Lock()
        self._items: dict[str, JsonObject] = {}
        self._related: dict[str, set[str]] = defaultdict(set)
        self._watch: Watch | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"watch {self._path}", daemon=True)
        self._list()
        self._thread.start()

    def get(self, uid: str) -> JsonObject | None:
        with self._lock:
            return self._items.get(uid)

    def all(self) -> list[JsonObject]:
        with self._lock:
            return list(self._items.values())

    def related(self, key: str) -> list[JsonObject]:
        with self._lock:
            return [self._items[uid] for uid in self._related.get(key, ())]

    def stop(self) -> None:
        self._stopped.set()
        if self._watch is not None:
            self._watch.stop()

    def _follow(self) -> None:
        while not self._stopped.is_set():
            try:
                self._take_changes()
            except ApiError as error:
                if error.gone:
                    self._recover()
                self._stopped.wait(_RETRY_SECONDS)

    def _take_changes(self) -> None:
        self._watch = self._api.watch(self._path, self._version, _WATCH_SECONDS)
        for event, item in self._watch:
            self._version = item["metadata"]["resourceVersion"]
            with self._lock:
                self._remove(item["metadata"]["uid"])
                if event != "DELETED":
                    self._add(item)

    def _recover(self) -> None:
        with suppress(ApiError):
            self._list()

    def _list(self) -> None:
        listed = self._api.get(self._path)
        with self._lock:
            self._items.clear()
            self._related.clear()
            for item in listed["items"]:
                self._add(item)
        self._version: str = listed["metadata"]["resourceVersion"]

    def _add(self, item: JsonObject) -> None:
        uid = item["metadata"]["uid"]
        self._items[uid] = item
        for key in self._index(item):
            self._related[key].add(uid)

    def _remove(self, uid: str) -> None:
        item = self._items.pop(uid, None)
        if item is not None:
            for key in self._index(item):
                self._related[key].discard(uid)


class Store:
    """Collections by kind; a collection's watch starts when it is first asked for."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._collections: dict[Kind, Collection] = {}
        self._lock = threading.Lock()

    def collection(self, api_version: str, kind: str) -> Collection:
        """Raises `ApiError` when the kind cannot be listed."""
        served = self._api.kind(api_version, kind)
        with self._lock:
            if served not in self._collections:
                self._collections[served] = Collection(self._api, served)
            return self._collections[served]

    def stop(self) -> None:
        for collection in list(self._collections.values()):
            collection.stop()
