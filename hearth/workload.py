"""Workload: what a tier wants to run, in words that every target understands.

A tier never writes a Deployment or a container. It describes a `Workload`; a runtime (`components/runtimes`) turns it
into Kubernetes objects or Docker containers. Nothing here knows Pulumi. Memory is in GiB, time in seconds, CPU in
cores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Resources:
    """What a container is promised; memory is limited to the request, CPUs are not (throttling hurts latency)."""

    cpus: float
    memory_gib: float
    gpus: int = 0
    scratch_gib: float = 1.0
    """Writable space outside of volumes (ephemeral storage)."""


@dataclass(frozen=True)
class Claim:
    """A volume that outlives its workload."""

    name: str
    size_gib: int
    storage_class: str
    shared: bool
    """Whether several nodes mount it at once (ReadWriteMany)."""
    for_each_replica: bool = False
    """Every replica of a statefulset has one of its own."""


@dataclass(frozen=True)
class ClaimVolume:
    """Mounts a claim."""

    claim: str


@dataclass(frozen=True, eq=False)
class ScratchVolume:
    """Empty at start, gone with the pod; in memory for /dev/shm. Each instance is a volume of its own."""

    size_gib: float
    in_memory: bool = False


@dataclass(frozen=True)
class FilesVolume:
    """Read-only text files, by name."""

    files: Mapping[str, str]


@dataclass(frozen=True)
class SecretFilesVolume:
    """Keys of the workload's own Secret as read-only files."""

    keys: tuple[str, ...]


SECRET_FILES = "/run/secrets/hearth"  # noqa: S105 - a folder
"""Where workloads mount them."""

Volume: TypeAlias = ClaimVolume | ScratchVolume | FilesVolume | SecretFilesVolume


@dataclass(frozen=True)
class Mount:
    """A volume at a path of the container; mounts of the same `volume` share it."""

    path: str
    volume: Volume
    read_only: bool = False


@dataclass(frozen=True)
class Port:
    """A named TCP port."""

    name: str
    number: int


@dataclass(frozen=True)
class HttpProbe:
    """Healthy while a GET of this path answers 2xx or 3xx."""

    path: str
    port: int


@dataclass(frozen=True)
class CommandProbe:
    """Healthy while this command exits 0."""

    command: tuple[str, ...]


Check: TypeAlias = HttpProbe | CommandProbe


@dataclass(frozen=True)
class Probe:
    """How often, and how many failures in a row count."""

    check: Check
    period_seconds: int = 10
    timeout_seconds: int = 5
    failure_threshold: int = 3


@dataclass(frozen=True)
class Probes:
    """startup gates the other two and carries the start-up budget; readiness gates traffic; liveness restarts."""

    startup: Probe
    readiness: Probe
    liveness: Probe


@dataclass(frozen=True)
class Rollout:
    """How a new version replaces the old one."""

    strategy: Literal["rolling", "recreate"]
    max_surge: int = 0
    max_unavailable: int = 1
    progress_deadline_seconds: int = 600


@dataclass(frozen=True)
class Drain:
    """How a pod ends: leave the endpoints, finish requests, stop. `grace_seconds` exceeds the sum of the other two."""

    endpoint_seconds: int
    """Sleep before SIGTERM, so that load balancers notice."""
    engine_seconds: int
    """What the process itself takes to finish requests after SIGTERM."""
    grace_seconds: int


@dataclass(frozen=True)
class Security:
    """The user of a container. A root user needs a reason, which the plan lists."""

    user: int
    group: int
    root_reason: str | None = None
    read_only_root: bool = True


@dataclass(frozen=True)
class Taint:
    """A taint that pods of the pool tolerate."""

    key: str
    value: str
    effect: Literal["NoSchedule", "NoExecute", "PreferNoSchedule"] = "NoSchedule"


@dataclass(frozen=True)
class Scheduling:
    """Where a pod may run."""

    node_labels: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    """Labels that a node must have."""
    node_names: tuple[str, ...] = ()
    """The only nodes allowed; empty: every node with the labels."""
    tolerations: tuple[Taint, ...] = ()
    runtime_class: str | None = None
    spread: bool = False
    """Prefer one replica a node."""
    near: str | None = None
    """A workload of the stack beside whose pods it should run, to mount a volume that only one node can."""
    even: bool = False
    """Insist on replicas spread evenly over `node_names`, so that none takes room planned for another workload."""


@dataclass(frozen=True)
class Schedule:
    """When a cronjob starts; never while it still runs."""

    cron: str
    """Minute, hour, day, month, weekday."""
    time_zone: str
    suspended: bool = False
    """Never starts by itself: Jobs are made from it when they are wanted."""


@dataclass(frozen=True)
class Peer:
    """Another workload and its port."""

    workload: str
    port: int
    labels: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    """Labels of its pods, where an operator makes them; else they are those of the workload."""


@dataclass(frozen=True)
class Outside:
    """A server outside of the cluster: its port, and the networks that it may be in."""

    port: int
    networks: tuple[str, ...] = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True)
class Tls:
    """The certificate of an edge."""

    secret_name: str
    cluster_issuer: str | None = None


@dataclass(frozen=True)
class Exposure:
    """How people outside of the cluster reach a workload."""

    type: Literal["loadBalancer", "ingress", "gateway"]
    port: int
    hostname: str | None = None
    class_name: str | None = None
    address: str | None = None
    tls: Tls | None = None


@dataclass(frozen=True)
class Container:
    """One process: the main one of a workload, one beside it, or a step before it."""

    name: str
    image: str
    resources: Resources
    command: tuple[str, ...] = ()
    """Replaces the image's entrypoint where given."""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    secret_env: tuple[str, ...] = ()
    """Variables that come from the workload's own Secret, under the same keys."""
    mounts: tuple[Mount, ...] = ()
    probes: Probes | None = None
    """Of a container beside the main one, whose own are those of the workload."""


@dataclass(frozen=True)
class Workload:
    """A server (deployment, statefulset) or a task that ends, now (job) or again and again (cronjob)."""

    name: str
    kind: Literal["deployment", "statefulset", "job", "cronjob"]
    tier: str
    """inference, weights, ollama, redis, postgres, service, web-ui."""
    container: Container
    security: Security
    before: tuple[Container, ...] = ()
    """Containers that run to their end, in order, before the main one."""
    beside: tuple[Container, ...] = ()
    """Containers that run as long as the main one, in the same pod."""
    schedule: Schedule | None = None
    """Of a cronjob."""
    replicas: int = 1
    ports: tuple[Port, ...] = ()
    claims: tuple[Claim, ...] = ()
    """Volumes that belong to this workload and are made with it."""
    probes: Probes | None = None
    rollout: Rollout = Rollout(strategy="recreate")
    drain: Drain = Drain(endpoint_seconds=0, engine_seconds=25, grace_seconds=30)
    scheduling: Scheduling = Scheduling()
    callers: tuple[str, ...] = ()
    """Workloads of the same stack that may connect to its ports."""
    replicas_connect: bool = False
    """Replicas of a statefulset reach each other's ports under NAME-0.NAME and so on, before they are ready too."""
    calls: tuple[Peer, ...] = ()
    """Workloads of the same stack that it connects to."""
    calls_outside: tuple[Outside, ...] = ()
    """Servers outside of the cluster that it connects to."""
    internet: bool = False
    """May connect to every address, within the cluster and outside."""
    exposure: Exposure | None = None
    min_available: int | None = None
    """Replicas that a voluntary disruption must leave."""
    follows_secrets: bool = False
    """A job that runs anew when the value of a secret changes."""
    final_exit_codes: tuple[int, ...] = ()
    """Exit codes of a job's main container that another try cannot mend."""
    ready_timeout_seconds: int = 600
    """How long a deployment tool should wait for it."""

    @property
    def cpus(self) -> float:
        """CPUs of one replica."""
        return sum(container.resources.cpus for container in (self.container, *self.beside))

    @property
    def memory_gib(self) -> float:
        """Memory of one replica."""
        return sum(container.resources.memory_gib for container in (self.container, *self.beside))

    @property
    def gpus(self) -> int:
        """GPUs of all replicas together."""
        return self.container.resources.gpus * self.replicas
