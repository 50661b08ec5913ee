"""What `hearth plan` tells about a stack; docs/plan.md explains it key by key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import cast

from hearth.containers import volumes
from hearth.engines.serving import Metrics
from hearth.evaluation import Evaluation
from hearth.planning.host import DockerPlan
from hearth.planning.plan import AddOn, ModelPlan, NodePool, Plan
from hearth.workload import Workload


@dataclass(frozen=True)
class ModelSummary:
    """A large model; memory in GiB of each GPU."""

    name: str
    served_name: str
    source: str
    engine: str
    engine_version: str
    replicas: int
    gpus_per_replica: int
    pool: str
    nodes: tuple[str, ...]
    pinned: bool
    context_length: int
    weights_gib: float
    kv_cache_gib: float
    """For as many requests of the whole context as the stack asks for."""
    overhead_gib: float
    budget_gib: float
    kv_cache_tokens: int
    max_concurrency: float
    """Requests of the whole context that one replica holds at once."""
    metrics: Metrics
    """Names of the engine's Prometheus metrics, at /metrics."""


@dataclass(frozen=True)
class PoolSummary:
    """GPUs of a node pool."""

    name: str
    gpu: str
    nodes: int
    gpus: int
    used: int
    free: int


@dataclass(frozen=True)
class TierSummary:
    """A workload; CPU and memory of each replica."""

    name: str
    tier: str
    kind: str
    image: str
    replicas: int
    cpus: float
    memory_gib: float
    gpus: int


@dataclass(frozen=True)
class StoreSummary:
    """What the web tier keeps its sessions or its chats in."""

    name: str
    engine: str
    connections: str
    """To a database, in the worst case, with the arithmetic; else empty."""


@dataclass(frozen=True)
class AddOnSummary:
    """A third-party part of the cluster."""

    name: str
    mode: str
    version: str
    namespace: str
    why: str


@dataclass(frozen=True)
class PublishedPortSummary:
    """A port of the Docker host."""

    workload: str
    address: str
    port: int


@dataclass(frozen=True)
class VolumeSummary:
    """A volume of the Docker engine."""

    name: str
    kept: bool
    """It stays when the stack is destroyed."""
    shared: bool
    """It belongs to no stack: all of them find the same weights on it."""


@dataclass(frozen=True)
class DockerSummary:
    """The one host of target docker."""

    host: str | None
    """Address of the engine; None: what DOCKER_HOST says, or its socket."""
    ports: tuple[PublishedPortSummary, ...]
    volumes: tuple[VolumeSummary, ...]
    folder: str | None
    """Of the host, with what is on volumes otherwise."""
    gpus: Mapping[str, tuple[int, ...]]
    """GPUs of the host by workload."""


@dataclass(frozen=True)
class PodSecurityException:
    """A workload or namespace that does not meet the `restricted` Pod Security level."""

    subject: str
    reason: str


@dataclass(frozen=True)
class Summary:
    """A stack as planned."""

    stack: str
    target: str
    namespace: str
    url: str | None
    """Where people reach the chat; None while only the load balancer knows."""
    docker: DockerSummary | None
    """None for clusters."""
    models: tuple[ModelSummary, ...]
    light_models: tuple[str, ...]
    pools: tuple[PoolSummary, ...]
    tiers: tuple[TierSummary, ...]
    web_ui_memory: str
    """Of each replica and of all, in GiB, with the arithmetic."""
    stores: tuple[StoreSummary, ...]
    endpoints: Mapping[str, str]
    """Base URL of each model's API within the stack, by every name that requests choose it by."""
    add_ons: tuple[AddOnSummary, ...]
    pod_security_exceptions: tuple[PodSecurityException, ...]
    resources: Mapping[str, int]
    """Number of resources of each type."""
    warnings: tuple[str, ...]

    def as_json(self) -> object:
        """Plain data for a JSON document: field names in camelCase, names that are data as they are."""
        return _plain(self)


def summarise(plan: Plan, evaluation: Evaluation) -> Summary:
    """What a plan says about a stack, and what the program made of it."""
    return Summary(
        stack=plan.stack,
        target=plan.target,
        namespace=plan.namespace,
        url=plan.web_ui.url,
        docker=_docker(plan, plan.docker) if plan.docker else None,
        models=tuple(_model(model) for model in plan.models),
        light_models=plan.ollama.models if plan.ollama else (),
        pools=_pools(plan),
        tiers=tuple(_tier(workload) for workload in plan.workloads),
        web_ui_memory=plan.web_ui.memory,
        stores=tuple(
            StoreSummary(name, store.engine, store.connections)
            for name, store in (("redis", plan.redis), ("database", plan.postgres))
            if store
        ),
        endpoints=plan.endpoints,
        add_ons=tuple(AddOnSummary(a.name, a.mode, a.version, a.namespace, a.why) for a in plan.add_ons),
        pod_security_exceptions=_exceptions(plan),
        resources=dict(sorted(Counter(resource.type for resource in evaluation.resources).items())),
        warnings=plan.warnings,
    )


def _docker(plan: Plan, docker: DockerPlan) -> DockerSummary:
    caches = set(docker.caches.values())
    return DockerSummary(
        host=docker.host,
        ports=tuple(PublishedPortSummary(name, docker.address, port) for name, port in docker.ports.items()),
        volumes=tuple(VolumeSummary(spec.name, spec.retain, spec.name in caches) for spec in volumes(plan)),
        folder=docker.host_path,
        gpus=docker.gpu_ids,
    )


def _model(model: ModelPlan) -> ModelSummary:
    return ModelSummary(
        name=model.name,
        served_name=model.served_name,
        source=model.source,
        engine=model.engine,
        engine_version=model.engine_version,
        replicas=model.replicas,
        gpus_per_replica=model.gpus_per_replica,
        pool=model.pool,
        nodes=model.nodes,
        pinned=model.pinned,
        context_length=model.context_length,
        weights_gib=round(model.memory.weights_gib, 2),
        kv_cache_gib=round(model.memory.kv_cache_gib, 2),
        overhead_gib=round(model.memory.overhead_gib, 2),
        budget_gib=round(model.memory.budget_gib, 2),
        kv_cache_tokens=model.memory.kv_cache_tokens,
        max_concurrency=round(model.memory.max_concurrency, 2),
        metrics=model.metrics,
    )


def _pools(plan: Plan) -> tuple[PoolSummary, ...]:
    used = Counter[str]()
    for model in plan.models:
        used[model.pool] += model.server.gpus
    if plan.ollama and plan.ollama.pool:
        used[plan.ollama.pool] += plan.ollama.server.gpus
    return tuple(_pool(pool, used[pool.name]) for pool in plan.node_pools)


def _pool(pool: NodePool, used: int) -> PoolSummary:
    return PoolSummary(pool.name, pool.gpu, pool.node_count, pool.gpus, used, pool.gpus - used)


def _tier(workload: Workload) -> TierSummary:
    return TierSummary(
        name=workload.name,
        tier=workload.tier,
        kind=workload.kind,
        image=workload.container.image,
        replicas=workload.replicas,
        cpus=workload.cpus,
        memory_gib=workload.memory_gib,
        gpus=workload.container.resources.gpus,
    )


def _exceptions(plan: Plan) -> tuple[PodSecurityException, ...]:
    workloads = [
        PodSecurityException(workload.name, workload.security.root_reason)
        for workload in plan.workloads
        if workload.security.root_reason
    ]
    return (*workloads, *(_exception(add_on) for add_on in plan.add_ons if add_on.pod_security != "restricted"))


def _exception(add_on: AddOn) -> PodSecurityException:
    reason = f"{add_on.name} works on the nodes themselves (level {add_on.pod_security})"
    return PodSecurityException(f"namespace {add_on.namespace}", reason)


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in cast("tuple[object, ...]", value)]
    if is_dataclass(value):
        return {_camel_case(item.name): _plain(getattr(value, item.name)) for item in fields(value)}
    return value


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
