"""The Plan: everything that is decided about a stack, with no Pulumi type in it. Components only transcribe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hearth.engines.serving import Metrics
from hearth.planning.host import DockerPlan, ImageBuild
from hearth.workload import Claim, Outside, Peer, Resources, Taint, Workload


@dataclass(frozen=True)
class ClusterAccess:
    """The kubeconfig and context to use; None: what kubectl would use."""

    kubeconfig: str | None
    context: str | None


@dataclass(frozen=True)
class AddOn:
    """A third-party chart of the cluster."""

    name: str
    mode: Literal["managed", "present"]
    chart: str
    repository: str
    version: str
    namespace: str
    pod_security: Literal["privileged", "baseline", "restricted"]
    """Pod Security level that the add-on's namespace needs."""
    values: Mapping[str, Any]
    why: str
    """Which setting asks for it."""


@dataclass(frozen=True)
class RuntimeClass:
    """Runs a pod's containers with the NVIDIA runtime."""

    name: str
    handler: str


@dataclass(frozen=True)
class NodePool:
    """Nodes with the same GPUs. `nodes` are names that Hearth labels and taints; empty where a selector is used."""

    name: str
    gpu: str
    gpu_product: str
    gpu_memory_mib: int
    gpu_usable_gib: float
    gpus_per_node: int
    nodes: tuple[str, ...]
    node_count: int
    labels: Mapping[str, str]
    """Labels that the pool's nodes have, and its pods select."""
    taints: tuple[Taint, ...]
    cpus_per_node: int
    memory_gib_per_node: int

    @property
    def gpus(self) -> int:
        return self.gpus_per_node * self.node_count


@dataclass(frozen=True)
class NfsClass:
    """A StorageClass of csi-driver-nfs."""

    name: str
    server: str
    share: str
    mount_options: tuple[str, ...]
    retain_data: bool


@dataclass(frozen=True)
class AddressPool:
    """Addresses that MetalLB may hand out."""

    name: str
    namespace: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class MemoryUse:
    """GPU memory of the fullest GPU of a replica, in GiB; the KV cache is not reckoned for a model of unknown shape."""

    weights_gib: float
    kv_cache_gib: float
    """For as many requests of the whole context length as the stack asks for."""
    budget_gib: float
    """What the engine may use of what CUDA reports."""
    overhead_gib: float = 0.0
    """Activations, CUDA graphs, communication buffers."""
    kv_cache_tokens: int = 0
    """Tokens that the whole KV cache holds."""
    max_concurrency: float = 0.0
    """Requests of the whole context length that find room at once, in one replica."""


@dataclass(frozen=True)
class DownloadPlan:
    """What is fetched to a volume of its own."""

    name: str
    repository: str
    revision: str
    claim: Claim
    job: Workload


@dataclass(frozen=True)
class ModelPlan:
    """One served model: its weights on volumes, and its servers."""

    name: str
    source: str
    served_name: str
    adapters: tuple[str, ...]
    """Names by which requests choose its LoRA adapters."""
    engine: Literal["vllm", "sglang"]
    engine_version: str
    pool: str
    replicas: int
    gpus_per_replica: int
    context_length: int
    nodes: tuple[str, ...]
    """Node of each replica as planned; with pinned False the scheduler may choose others of the pool."""
    pinned: bool
    memory: MemoryUse
    weights_gib: float
    downloads: tuple[DownloadPlan, ...]
    """The weights, then each adapter."""
    server: Workload
    url: str
    """Base URL of the OpenAI API inside the cluster."""
    metrics: Metrics


@dataclass(frozen=True)
class OllamaPlan:
    """The light models and their server."""

    models: tuple[str, ...]
    pool: str | None
    nodes: tuple[str, ...]
    pinned: bool
    claim: Claim
    pull: Workload
    server: Workload
    url: str


@dataclass(frozen=True)
class PostgresCluster:
    """A cluster of Postgres servers that the operator of CloudNativePG makes."""

    name: str
    image: str
    instances: int
    resources: Resources
    """Of each instance."""
    volume_gib: int
    storage_class: str
    database: str
    """Name of the database and of its owner."""
    parameters: Mapping[str, str]
    """As in postgresql.conf."""
    pod_labels: Mapping[str, str]
    """What the operator calls the pods."""
    callers: tuple[str, ...]
    """Workloads of the stack that may connect."""
    port: int
    operator_namespace: str
    retain: bool
    """Keep it when the stack is destroyed."""
    ready_timeout_seconds: int


@dataclass(frozen=True)
class StorePlan:
    """Redis or Postgres, and what the web tier is told about it."""

    engine: Literal["redis", "valkey", "dragonfly", "postgres", "cloudnative-pg", "external"]
    address: str = ""
    """`host:port` as it stands in URLs; empty for an external server, whose URL is a secret of the stack file."""
    servers: tuple[Workload, ...] = ()
    """Empty for an external server, and where an operator makes them."""
    cluster: PostgresCluster | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables of the web tier beside the URL."""
    secret_env: tuple[str, ...] = ()
    """Variables of the web tier that hold the URL with its password."""
    peers: tuple[Peer, ...] = ()
    """What the web tier connects to within the cluster."""
    calls_outside: tuple[Outside, ...] = ()
    """What it connects to outside of it."""
    connections: str = ""
    """How many connections the web tier may open to a database, with the arithmetic."""


@dataclass(frozen=True)
class ServicePlan:
    """A server beside the web UI that only the web UI calls."""

    name: str
    server: Workload
    url: str
    """Base URL inside the cluster."""
    key: str | None = None
    """Variable of the server that holds its API key; None where it takes none."""
    download: DownloadPlan | None = None
    """The model that it serves."""


@dataclass(frozen=True)
class WebUiPlan:
    """Open WebUI, its one migration Job and how people reach it."""

    server: Workload
    migration: Workload | None
    """None with SQLite, which a step before the one server migrates."""
    files: Claim | None
    """None where uploads are in a bucket."""
    url: str | None
    """Where people reach it; None while only the load balancer knows."""
    keys: Mapping[str, tuple[str, ...]]
    """Variables that hold API keys, each with the models and services whose keys it joins by semicolons."""
    memory: str
    """Of each replica and of all, in GiB, with the arithmetic."""


@dataclass(frozen=True)
class BackupPlan:
    """Copies of the web tier's database and files."""

    create: Workload
    """Makes a backup at its times."""
    restore: Workload
    """Lists backups or brings one back, when it is told to."""


@dataclass(frozen=True)
class Plan:
    """A stack, decided."""

    stack: str
    target: Literal["onprem", "kubernetes", "docker"]
    namespace: str
    labels: Mapping[str, str]
    """On every object of the stack."""
    docker: DockerPlan | None
    """Of target docker; what is said of clusters below is then empty."""
    builds: tuple[ImageBuild, ...]
    """Images that are built before anything runs in them."""
    cluster: ClusterAccess
    add_ons: tuple[AddOn, ...]
    runtime_class: RuntimeClass | None
    node_pools: tuple[NodePool, ...]
    cpu_node_count: int
    cpus_per_cpu_node: int
    memory_gib_per_cpu_node: int
    storage_class: str
    nfs_class: NfsClass | None
    retain_claims: bool
    """Keep claims and namespace on destroy, where the data does not outlive them by itself."""
    address_pool: AddressPool | None
    quota: Mapping[str, str]
    """Hard limits of the namespace's ResourceQuota, as Kubernetes writes them; empty: none."""
    models: tuple[ModelPlan, ...]
    ollama: OllamaPlan | None
    redis: StorePlan | None
    postgres: StorePlan | None
    services: tuple[ServicePlan, ...]
    web_ui: WebUiPlan
    provision: Workload | None
    """The Job that gives the web UI its functions, groups and model entries; None where it has none."""
    backup: BackupPlan | None
    warnings: tuple[str, ...]

    @property
    def endpoints(self) -> Mapping[str, str]:
        """Base URL of each model's API inside the cluster, by every name that requests choose it by."""
        found = {name: model.url for model in self.models for name in (model.served_name, *model.adapters)}
        return found | (dict.fromkeys(self.ollama.models, self.ollama.url) if self.ollama else {})

    @property
    def workloads(self) -> tuple[Workload, ...]:
        """Every workload, in the order in which they can be started."""
        found: list[Workload] = []
        for store in (self.redis, self.postgres):
            if store:
                found += store.servers
        for model in self.models:
            found += [*(download.job for download in model.downloads), model.server]
        if self.ollama:
            found += [self.ollama.pull, self.ollama.server]
        for service in self.services:
            found += [*((service.download.job,) if service.download else ()), service.server]
        if self.web_ui.migration:
            found.append(self.web_ui.migration)
        found.append(self.web_ui.server)
        if self.provision:
            found.append(self.provision)
        if self.backup:
            found += [self.backup.create, self.backup.restore]
        return tuple(found)
