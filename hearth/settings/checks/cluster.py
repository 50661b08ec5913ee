"""The cluster: its nodes, storage and add-ons."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo, available_timezones

from hearth.catalog.gpus import gpus
from hearth.problems import Path, Problem
from hearth.settings.cluster import GpuNodePool
from hearth.settings.stack import Settings
from hearth.settings.structure import nearest


def context_given(settings: Settings) -> Iterator[Problem]:
    """Which of many clusters is meant must not depend on what a kubeconfig happens to point at."""
    if settings.target == "kubernetes" and settings.cluster.context is None:
        why = "is required with target kubernetes: the current context of a kubeconfig may be any cluster"
        remedy = "add context: name (kubectl config get-contexts lists the names)"
        yield Problem(("cluster", "context"), None, why, remedy, depends_on=(("target",),))


def nodes_or_selector(settings: Settings) -> Iterator[Problem]:
    """Nodes of a pool are named, or selected by labels and counted."""
    for index, pool in enumerate(settings.gpu_node_pools):
        path: Path = ("gpuNodePools", index)
        found = _nodes_problem(settings.target, pool)
        if found:
            key, why, remedy = found
            value = {"nodes": pool.nodes or None, "nodeCount": pool.node_count}.get(key)
            keys: list[Path] = [(*path, "nodes"), (*path, "selector"), (*path, "nodeCount")]
            yield Problem((*path, key), value, why, remedy, depends_on=(("target",), *keys))


def _nodes_problem(target: str, pool: GpuNodePool) -> tuple[str, str, str] | None:
    """Key, why and remedy."""
    select = "selector: {nvidia.com/gpu.product: NVIDIA-H200} and nodeCount: 2"
    if target == "kubernetes" and pool.nodes:
        return "nodes", "Hearth changes no nodes with target kubernetes", f"select labelled nodes instead: {select}"
    if pool.nodes and pool.selector:
        return "selector", "the pool names its nodes already", "remove selector and nodeCount, or remove nodes"
    if not pool.nodes and not pool.selector:
        if target == "kubernetes":
            return "selector", "is required with target kubernetes", f"add {select}"
        return "nodes", "the pool has no nodes", f"add nodes: [gpu-01, gpu-02], or {select}"
    if pool.selector and pool.node_count is None:
        return "nodeCount", "is required beside selector: a plan asks no cluster for it", "add nodeCount: 2"
    if pool.nodes and pool.node_count is not None:
        return "nodeCount", f"the pool names its {len(pool.nodes)} nodes already", "remove nodeCount"
    return None


def gpus_known(settings: Settings) -> Iterator[Problem]:
    """Labels and memory of a GPU come from the catalog."""
    for index, pool in enumerate(settings.gpu_node_pools):
        if pool.gpu not in gpus():
            meant = nearest(pool.gpu, gpus())
            remedy = f"{f'write {meant}; ' if meant else ''}the catalog has {', '.join(gpus())}"
            yield Problem(("gpuNodePools", index, "gpu"), pool.gpu, "is not a GPU of the catalog", remedy)


def one_storage_source(settings: Settings) -> Iterator[Problem]:
    """Shared volumes come from an NFS server or from an existing class."""
    storage = settings.storage
    depends: tuple[Path, ...] = (("storage", "nfs"), ("storage", "storageClass"))
    if storage.nfs and storage.storage_class:
        why = "storage has nfs already, and a stack has one source of shared volumes"
        yield Problem(
            ("storage", "storageClass"), storage.storage_class, why, "remove either nfs or storageClass", depends
        )
    elif not storage.nfs and not storage.storage_class:
        why = "has neither nfs nor storageClass, so there is nowhere to put weights and chats"
        remedy = "add nfs: {server: 192.168.33.11, share: /export/models}, or storageClass with the name of a class"
        if "storage" not in settings.model_fields_set:
            why = f"is required with target {settings.target}: there is nowhere to put weights and chats"
            remedy = "add hearth:storage: {nfs: {server: 192.168.33.11, share: /export/models}}"
        yield Problem(("storage",), None, why, remedy, (("target",), *depends))


def nfs_has_driver(settings: Settings) -> Iterator[Problem]:
    """Volumes on an NFS server are made by csi-driver-nfs."""
    if settings.storage.nfs and settings.add_ons.csi_driver_nfs == "off":
        why = "storage.nfs needs csi-driver-nfs"
        remedy = "write managed or present, or use storage.storageClass instead of storage.nfs"
        yield Problem(("addOns", "csiDriverNfs"), "off", why, remedy, depends_on=(("storage", "nfs"),))


def one_gpu_add_on(settings: Settings) -> Iterator[Problem]:
    """The GPU operator brings a device plugin of its own."""
    add_ons = settings.add_ons
    if add_ons.gpu_operator == add_ons.nvidia_device_plugin == "managed":
        why = "gpuOperator is managed too, and installs a device plugin of its own"
        path: Path = ("addOns", "nvidiaDevicePlugin")
        yield Problem(path, "managed", why, "make one of the two off", depends_on=(("addOns", "gpuOperator"),))


def time_zone_known(settings: Settings) -> Iterator[Problem]:
    """Names are those of the IANA database."""
    try:
        ZoneInfo(settings.time_zone)
    except (OSError, ValueError, KeyError):
        zones = sorted(available_timezones())
        by_city = {zone.rpartition("/")[2]: zone for zone in zones}
        city = nearest(settings.time_zone.rpartition("/")[2], by_city)
        meant = nearest(settings.time_zone, zones) or (by_city[city] if city else None)
        remedy = f"write timeZone: {meant}" if meant else "write a name such as Asia/Seoul, Europe/Berlin or UTC"
        yield Problem(("timeZone",), settings.time_zone, "is not an IANA time zone", remedy)
