"""Target docker: one host, whose engine runs containers and schedules nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from hearth.problems import Path, Problem
from hearth.settings.base import StrictModel
from hearth.settings.checks.names import repeated
from hearth.settings.stack import Settings
from hearth.settings.structure import nearest

_TARGET: Path = ("target",)
_ENGINE = "remove it; hearth:docker says which engine runs the stack"
_ONE = "remove it: Docker runs one of each"
_OF_CLUSTERS: Sequence[tuple[Path, str, str]] = (
    (("cluster",), "is for clusters, and Docker is none", _ENGINE),
    (("addOns",), "are parts of a cluster, and Docker is none", "remove it"),
    (("loadBalancer",), "has no meaning: Docker publishes ports instead", "remove it, and see hearth:docker.publish"),
    (("quota",), "limits the namespace of a cluster", "remove it"),
    (
        ("backup",),
        "needs a scheduler of jobs, which Docker has not",
        "remove it; with database.engine external back up that server, else copy the volumes (docs/docker.md)",
    ),
    (("storage", "storageClass"), "is a class of a cluster", "remove it, or write nfs or hostPath instead"),
    (("storage", "databaseStorageClass"), "is a class of a cluster", "remove it"),
    (("webUi", "database", "storageClass"), "is a class of a cluster", "remove it"),
)
"""Settings that only a cluster heeds: why, and what to do."""


def only_of_clusters(settings: Settings) -> Iterator[Problem]:
    """A setting without effect is a misunderstanding."""
    for path, why, remedy in _OF_CLUSTERS:
        if _given(settings, path):
            yield Problem(path, None, f"{why} (target docker)", remedy, depends_on=(_TARGET,))


def only_of_docker(settings: Settings) -> Iterator[Problem]:
    """The same for clusters."""
    for path in (("docker",), ("storage", "hostPath")):
        if _given(settings, path):
            why = f"is for target docker, and the target is {settings.target}"
            yield Problem(path, None, why, "remove it, or write hearth:target: docker", depends_on=(_TARGET,))
    for index, pool in enumerate(settings.gpu_node_pools):
        if pool.gpu_ids:
            why = f"are for target docker: in a cluster the device plugin chooses (target {settings.target})"
            yield Problem(("gpuNodePools", index, "gpuIds"), pool.gpu_ids, why, "remove it", depends_on=(_TARGET,))


def one_of_each(settings: Settings) -> Iterator[Problem]:
    """One host holds every container, and its engine shares no port between two."""
    counts: list[tuple[Path, int]] = [(("webUi", "replicas"), settings.web_ui.replicas)]
    counts += [(("models", index, "replicas"), model.replicas) for index, model in enumerate(settings.models)]
    for path, count in counts:
        if count > 1:
            why = "Docker spreads requests over no replicas (target docker)"
            yield Problem(path, count, why, _replicas_remedy(path), depends_on=(_TARGET,))
    if "count" in settings.cpu_nodes.model_fields_set and settings.cpu_nodes.count > 1:
        why = "the stack runs on the one host of its engine (target docker)"
        yield Problem(("cpuNodes", "count"), settings.cpu_nodes.count, why, "remove it", depends_on=(_TARGET,))


def _replicas_remedy(path: Path) -> str:
    return f"{_ONE}; webUi.workers adds processes" if path[0] == "webUi" else f"{_ONE}; dataParallel adds copies"


def no_cluster_stores(settings: Settings) -> Iterator[Problem]:
    """What survives the loss of a machine needs several."""
    redis, database = settings.web_ui.redis, settings.web_ui.database
    why = "needs several machines, and Docker is one host (target docker)"
    if redis and redis.mode == "sentinel" and redis.engine != "external":
        yield Problem(("webUi", "redis", "mode"), "sentinel", why, "write mode: single", depends_on=(_TARGET,))
    if database.engine == "cloudnativePg":
        path: Path = ("webUi", "database", "engine")
        yield Problem(path, "cloudnativePg", why, "write engine: postgres", depends_on=(_TARGET,))


def ports_for_exposure(settings: Settings) -> Iterator[Problem]:
    """Load balancers and edges are parts of a cluster."""
    exposure = settings.web_ui.exposure
    given = "exposure" in settings.web_ui.model_fields_set
    if given and (exposure.type != "none" or exposure.model_fields_set > {"type"}):
        why = "is how a cluster lets people in; Docker publishes a port (target docker)"
        remedy = "remove it; hearth:docker.publish: {web-ui: 3000} chooses the port, and type: none publishes none"
        yield Problem(("webUi", "exposure"), None, why, remedy, depends_on=(_TARGET,))


def gpus_of_one_host(settings: Settings) -> Iterator[Problem]:
    """One pool describes the GPUs of the host; their ids say which."""
    for index, pool in enumerate(settings.gpu_node_pools):
        path: Path = ("gpuNodePools", index)
        if index:
            why = "the GPUs of the host are one pool already (target docker)"
            remedy = "describe them in one pool; for a host with GPUs of two kinds, those that the stack is to use"
            yield Problem((*path, "name"), pool.name, why, remedy, depends_on=(_TARGET,))
        for name in sorted({"nodes", "selector", "node_count"} & pool.model_fields_set):
            key = type(pool).model_fields[name].alias or name
            why = "the pool is the host of the engine (target docker)"
            yield Problem((*path, key), None, why, "remove it", depends_on=(_TARGET,))
        ids = pool.gpu_ids
        yield from repeated(((*path, "gpuIds", position), str(gpu)) for position, gpu in enumerate(ids))
        if ids and len(set(ids)) == len(ids) != pool.gpus_per_node:
            why = f"names {len(ids)} GPUs, and gpusPerNode is {pool.gpus_per_node}"
            remedy = f"write gpusPerNode: {len(ids)}, or name {pool.gpus_per_node}"
            yield Problem((*path, "gpuIds"), ids, why, remedy, depends_on=((*path, "gpusPerNode"), _TARGET))


def one_place_for_volumes(settings: Settings) -> Iterator[Problem]:
    """Volumes are on the NFS server, in a folder of the host, or Docker's own."""
    if settings.storage.nfs and settings.storage.host_path:
        path: Path = ("storage", "hostPath")
        why = "storage has nfs already, and a stack has one place for its volumes"
        depends: tuple[Path, ...] = (("storage", "nfs"), _TARGET)
        yield Problem(path, settings.storage.host_path, why, "remove either nfs or hostPath", depends_on=depends)
    if settings.storage.nfs and settings.web_ui.database.engine == "sqlite":
        why = "SQLite would be on NFS, where its locks do not hold and the database breaks"
        remedy = "write engine: postgres, or remove storage.nfs"
        path = ("webUi", "database", "engine")
        yield Problem(path, "sqlite", why, remedy, depends_on=(("storage", "nfs"), _TARGET))


def ports_published_once(settings: Settings) -> Iterator[Problem]:
    """Published are workloads of the stack, each at a port and an address of the host."""
    known = _servers(settings)
    taken: dict[int, str] = {}
    for name, port in settings.published_ports.items():
        path: Path = ("docker", "publish", name)
        if name not in known:
            meant = nearest(name, known)
            remedy = f"{f'write {meant}; ' if meant else ''}the stack has {', '.join(known)}"
            yield Problem(path, port, "is no server of this stack", remedy, depends_on=(("models",), _TARGET))
        elif taken.setdefault(port, name) != name:
            other: Path = ("docker", "publish", taken[port])
            yield Problem(path, port, f"{taken[port]} has this port already", "choose another", depends_on=(other,))
    try:
        ip_address(settings.docker.address)
    except ValueError:
        remedy = "write 127.0.0.1 for this machine alone, or 0.0.0.0 for every address of the host"
        yield Problem(("docker", "address"), settings.docker.address, "is not an IP address", remedy)


def _servers(settings: Settings) -> list[str]:
    """Workloads that listen, by the names that they have in the stack."""
    chat = settings.web_ui
    speech = chat.speech_to_text.server if chat.speech_to_text else None
    parts = {
        "web-ui": True,
        "ollama": settings.ollama,
        "redis": chat.redis and chat.redis.engine != "external",
        "postgres": chat.database.engine == "postgres",
        "speech-to-text": speech,
        "content-extraction": chat.content_extraction,
        "pipelines": chat.pipelines,
    }
    return [*(model.name for model in settings.models), *(name for name, there in parts.items() if there)]


def _given(settings: Settings, path: Path) -> bool:
    """Whether the stack file has this key."""
    place: object = settings
    for key in path:
        if not isinstance(place, StrictModel):
            return False
        names = {info.alias or name: name for name, info in type(place).model_fields.items()}
        name = names[str(key)]
        if name not in place.model_fields_set:
            return False
        place = getattr(place, name)
    return place is not None
