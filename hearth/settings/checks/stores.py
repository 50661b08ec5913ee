"""What the web UI needs of its stores. Source: Open WebUI's documentation on scaling and multiple replicas."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from hearth.problems import Path, Problem
from hearth.settings.base import StrictModel
from hearth.settings.stack import Settings

_SEVERAL: tuple[Path, ...] = (("webUi", "replicas"), ("webUi", "workers"))
_REDIS: Path = ("webUi", "redis")
_DATABASE: Path = ("webUi", "database")
_SENTINEL_NODES = 3

_ONE_NODE: Mapping[str, str] = {
    "gp2": "Amazon EBS",
    "gp3": "Amazon EBS",
    "local-path": "a folder of one node",
    "managed-csi": "an Azure disk",
    "managed-csi-premium": "an Azure disk",
    "openebs-hostpath": "a folder of one node",
    "premium-rwo": "a disk of the cloud",
    "rook-ceph-block": "a block device of Ceph",
    "standard-rwo": "a disk of the cloud",
}
"""StorageClasses by the names that Kubernetes distributions and their documentation give them, ReadWriteOnce only."""
_FILE_SHARES = ("azurefile", "cephfs", "efs", "filestore", "nfs", "smb")
"""Parts of the names of StorageClasses on file systems of the network."""
_SERVER = {"engine", "image", "memory_gib", "volume_gib"}
_REDIS_KEYS: Mapping[str, Collection[str]] = {
    "redis": _SERVER | {"mode"},
    "valkey": _SERVER | {"mode"},
    "dragonfly": _SERVER | {"mode"},
    "external": {"engine", "external"},
}
"""What each engine heeds."""
_POSTGRES = _SERVER | {"storage_class", "pool_size"}
_DATABASE_KEYS: Mapping[str, Collection[str]] = {
    "postgres": _POSTGRES,
    "cloudnativePg": _POSTGRES | {"instances"},
    "sqlite": {"engine", "storage_class"},
    "external": {"engine", "external", "pool_size"},
}


def several_need_redis(settings: Settings) -> Iterator[Problem]:
    """Sessions and WebSockets of several processes meet in Redis."""
    several = _several(settings)
    if several and settings.web_ui.redis is None:
        why = f"is required with {several}: sessions and WebSockets are shared through it"
        yield Problem(_REDIS, None, why, "add redis: {engine: valkey}", depends_on=_SEVERAL)


def several_need_postgres(settings: Settings) -> Iterator[Problem]:
    """SQLite has one writer, and the vector store beside it (Chroma) ends a worker when a second one writes."""
    several = _several(settings)
    if several and settings.web_ui.database.engine == "sqlite":
        why = f"cannot serve {several}: SQLite, and the vector store in files beside it, are for one process"
        yield Problem((*_DATABASE, "engine"), "sqlite", why, "write engine: postgres", depends_on=_SEVERAL)


def sqlite_on_block_storage(settings: Settings) -> Iterator[Problem]:
    """SQLite's locks do not work on NFS and other shared file systems, and the database breaks."""
    database, storage = settings.web_ui.database, settings.storage
    storage_class = database.storage_class or storage.database_storage_class
    # With several processes SQLite is refused anyway.
    if database.engine != "sqlite" or _several(settings):
        return
    shared = None
    if storage_class in (None, storage.storage_class):
        shared = "NFS" if storage.nfs else f"{storage.storage_class}, which is shared storage"
    elif any(part in storage_class for part in _FILE_SHARES):
        shared = f"{storage_class}, a file system of the network by its name"
    if shared:
        yield Problem(
            (*_DATABASE, "storageClass"),
            database.storage_class,
            f"SQLite would be on {shared}, where its locks do not hold and the database breaks",
            "add storageClass with a class of block storage here, or write engine: postgres",
            depends_on=(_DATABASE, ("storage",), *_SEVERAL),
        )


def shared_class_is_shared(settings: Settings) -> Iterator[Problem]:
    """Replicas of the web UI share uploads, and those of a model its weights, on whichever nodes they are."""
    name = settings.storage.storage_class or ""
    if kind := _ONE_NODE.get(name):
        why = f"is {kind}, which one node mounts at once: replicas would not see each other's files"
        remedy = "name a class that gives ReadWriteMany volumes, or write nfs: {server: ..., share: ...} instead"
        yield Problem(("storage", "storageClass"), name, why, f"{remedy}; databaseStorageClass: {name} is fine")


def store_keys_heeded(settings: Settings) -> Iterator[Problem]:
    """A key that the chosen engine does not heed is a misunderstanding."""
    redis, database = settings.web_ui.redis, settings.web_ui.database
    if redis:
        yield from _unheeded(_REDIS, redis, redis.engine, _REDIS_KEYS)
    yield from _unheeded(_DATABASE, database, database.engine, _DATABASE_KEYS)


def _unheeded(
    section: Path, given: StrictModel, engine: str, heeded: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    for name in sorted(given.model_fields_set - set(heeded[engine])):
        if getattr(given, name) is None:
            continue
        key = type(given).model_fields[name].alias or name
        others = " or ".join(other for other, names in heeded.items() if name in names)
        why = f"has no effect with engine {engine}"
        rests_on: Path = (*section, "engine")
        yield Problem((*section, key), None, why, f"remove it, or write engine: {others}", depends_on=(rests_on,))


def sentinel_possible(settings: Settings) -> Iterator[Problem]:
    """Three nodes on three machines, of a program that Sentinel knows."""
    redis, nodes = settings.web_ui.redis, settings.cpu_nodes.count
    if redis is None or redis.mode != "sentinel" or redis.engine == "external":
        return
    path: Path = (*_REDIS, "mode")
    if redis.engine == "dragonfly":
        why = "Dragonfly brings no Sentinel, and under one it has not been tried with Open WebUI"
        remedy = "write mode: single, or engine: valkey"
        yield Problem(path, "sentinel", why, remedy, depends_on=((*_REDIS, "engine"),))
    elif nodes < _SENTINEL_NODES:
        why = f"needs {_SENTINEL_NODES} nodes so that two are left to choose a master, and there are {nodes} CPU nodes"
        remedy = "write mode: single, or state more nodes in hearth:cpuNodes.count"
        yield Problem(path, "sentinel", why, remedy, depends_on=(("cpuNodes", "count"),))


def cluster_has_operator(settings: Settings) -> Iterator[Problem]:
    """Nobody else makes the servers of a Cluster."""
    if settings.web_ui.database.engine == "cloudnativePg" and settings.add_ons.cloudnative_pg == "off":
        path: Path = ("addOns", "cloudnativePg")
        why = "the database engine cloudnativePg needs the operator"
        remedy = "write managed or present, or choose database.engine: postgres"
        yield Problem(path, "off", why, remedy, depends_on=((*_DATABASE, "engine"),))


def _several(settings: Settings) -> str:
    """`3 replicas`, `2 workers`, both, or nothing."""
    counts = ((settings.web_ui.replicas, "replicas"), (settings.web_ui.workers, "workers"))
    return " and ".join(f"{count} {name}" for count, name in counts if count > 1)
