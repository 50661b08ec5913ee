"""From what a cluster says to the setting that caused it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hearth.planning.plan import NodePool, Plan
from hearth.pulumi_engine import Diagnostic
from hearth.rehearsal.report.model import Failure, Landscape
from hearth.rehearsal.simulate import claims
from hearth.settings.stack import Settings
from hearth.workload import Claim, ClaimVolume, Workload

_TITLE = re.compile(r"^\w+ (?:[\w.-]+/)?([\w.-]+) (?:is not ready|was not deleted|already exists|does not exist|of )")
"""How an error about one object begins."""

_ENGINE_LIST = re.compile(r"^\d+ errors? occurred:\s*\* ")
"""How the engine introduces what a provider says."""

_QUOTA = {"nvidia.com/gpu": "gpus", "cpu": "cpus", "memory": "memoryGib"}
_SHORT = {"cpu": ("cpusPerNode", "cpus"), "memory": ("memoryGibPerNode", "memoryGib")}
"""Setting of a GPU node pool, and of the nodes without GPUs."""

_KINDS = {
    "StorageClass": "hearth:storage",
    "IPAddressPool": "hearth:loadBalancer.addressPool",
    "L2Advertisement": "hearth:loadBalancer.addressPool",
    "Gateway": "hearth:webUi.exposure",
    "HTTPRoute": "hearth:webUi.exposure",
    "Ingress": "hearth:webUi.exposure",
    "ResourceQuota": "hearth:quota",
    "Release": "hearth:addOns",
    "RuntimeClass": "hearth:gpuNodePools",
    "Namespace": "hearth:namespace",
}


def engine_failures(phase: str, errors: Sequence[Diagnostic], plan: Plan, settings: Settings) -> tuple[Failure, ...]:
    """The engine's errors; those about no resource only where they are all there is."""
    about_resources = [error for error in errors if error.urn and error.type != "pulumi:pulumi:Stack"]
    return tuple(
        Failure(
            phase=phase,
            resource=f"{_kind(error.type)} {error.name}".strip() if error.urn else "stack",
            message=message,
            settings=settings_behind(_kind(error.type), error.name, message, plan, settings),
        )
        for error in about_resources or errors
        for message in [_ENGINE_LIST.sub("", error.message).strip()]
    )


def unready(phase: str, landscape: Landscape, plan: Plan, settings: Settings) -> tuple[Failure, ...]:
    """Everything in the cluster that is not as it should be."""
    found: list[tuple[str, str, str]] = [
        *(("Pod", pod.name, pod.trouble or f"it is {pod.state}") for pod in landscape.pods if not pod.fine),
        *(("PersistentVolumeClaim", v.claim, v.trouble or "it is not bound") for v in landscape.volumes if not v.bound),
        *(("Service", service.name, service.trouble) for service in landscape.services if service.trouble),
        *((edge.kind, edge.name, edge.trouble) for edge in landscape.edges if edge.trouble),
    ]
    return tuple(
        Failure(phase, f"{kind} {name}", message, settings_behind(kind, name, message, plan, settings))
        for kind, name, message in found
    )


def settings_behind(kind: str, name: str, message: str, plan: Plan, settings: Settings) -> tuple[str, ...]:
    """Settings to look at, most specific first; `name` is that of the object or of the resource."""
    titled = _TITLE.match(message)
    workload = _workload(titled[1] if titled else name, plan)
    found = [
        *_by_message(message, workload, plan, settings),
        *_by_kind(kind, name, plan),
        *([_setting_of(workload, plan)] if workload else []),
    ]
    return tuple(dict.fromkeys(found))


def _by_message(message: str, workload: Workload | None, plan: Plan, settings: Settings) -> Iterator[str]:
    if "exceeded quota" in message:
        requested = message.partition("requested: ")[2].partition(", used")[0]
        yield next((f"hearth:quota.{key}" for name, key in _QUOTA.items() if name in requested), "hearth:quota")
    if missing := re.search(r'storageclass(?:\.storage\.k8s\.io)? "([^"]+)" not found', message, re.IGNORECASE):
        yield _class_setting(missing[1], settings)
    elif "unbound immediate PersistentVolumeClaims" in message and workload:
        yield from dict.fromkeys(_class_setting(claim.storage_class, settings) for claim in _claims_of(workload, plan))
    if "no available IPs" in message or "No address is available" in message:
        yield "hearth:loadBalancer.addressPool"
    if "port is already allocated" in message or "address already in use" in message:
        yield f"hearth:docker.publish.{workload.name}" if workload else "hearth:docker.publish"
    pool = _pool_of(workload, plan)
    if "Insufficient nvidia.com/gpu" in message and pool:
        yield f"{_pool_setting(pool, plan)}.gpusPerNode"
    for resource, (of_pool, of_cpu_nodes) in _SHORT.items():
        if f"Insufficient {resource}" in message:
            yield f"{_pool_setting(pool, plan)}.{of_pool}" if pool else f"hearth:cpuNodes.{of_cpu_nodes}"


def _by_kind(kind: str, name: str, plan: Plan) -> Iterator[str]:
    if kind == "NodePatch":
        for pool in plan.node_pools:
            for position, node in enumerate(pool.nodes):
                if name.endswith(node):
                    yield f"{_pool_setting(pool, plan)}.nodes[{position}]"
    elif kind in _KINDS:
        yield _KINDS[kind]


def _workload(name: str, plan: Plan) -> Workload | None:
    """The workload whose name is part of this one; the longest, because web-ui-migration is no web-ui."""
    return max((w for w in plan.workloads if w.name in name), key=lambda w: len(w.name), default=None)


def _setting_of(workload: Workload, plan: Plan) -> str:
    for position, model in enumerate(plan.models):
        if workload == model.server or any(workload == download.job for download in model.downloads):
            return f"hearth:models[{position}]"
    tiers = {"ollama": "hearth:ollama", "redis": "hearth:webUi.redis", "postgres": "hearth:webUi.database"}
    return tiers.get(workload.tier, "hearth:webUi")


def _claims_of(workload: Workload, plan: Plan) -> Iterator[Claim]:
    mounted = {
        mount.volume.claim
        for container in (workload.container, *workload.before)
        for mount in container.mounts
        if isinstance(mount.volume, ClaimVolume)
    }
    return (claim for claim in claims(plan) if claim.name in mounted)


def _class_setting(storage_class: str, settings: Settings) -> str:
    """The setting that names a StorageClass; else the one that makes the stack's own."""
    if settings.web_ui.database.storage_class == storage_class:
        return "hearth:webUi.database.storageClass"
    if settings.storage.database_storage_class == storage_class:
        return "hearth:storage.databaseStorageClass"
    return "hearth:storage.storageClass" if settings.storage.storage_class == storage_class else "hearth:storage.nfs"


def _pool_of(workload: Workload | None, plan: Plan) -> NodePool | None:
    if workload is None or not workload.gpus:
        return None
    pools = {model.server.name: model.pool for model in plan.models}
    if plan.ollama and plan.ollama.pool:
        pools[plan.ollama.server.name] = plan.ollama.pool
    return next((pool for pool in plan.node_pools if pool.name == pools.get(workload.name)), None)


def _pool_setting(pool: NodePool, plan: Plan) -> str:
    return f"hearth:gpuNodePools[{plan.node_pools.index(pool)}]"


def _kind(token: str) -> str:
    """`Deployment` of `kubernetes:apps/v1:Deployment`."""
    return token.rpartition(":")[2]
