"""The facts of a rehearsal's report; the renderers beside this file only arrange them.

`as_json` is the document that `rehearse --json` prints: these classes with their fields as keys, and derived totals.
Memory is in GiB, time in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property


@dataclass(frozen=True)
class Pod:
    """A pod as the cluster shows it."""

    name: str
    namespace: str
    workload: str
    """Value of its label app.kubernetes.io/name; the pod's own name where it has none."""
    node: str | None
    state: str
    """Ready, Completed, or the phase in which it is stuck."""
    gpus: int
    cpus: float
    memory_gib: float
    trouble: str | None = None
    """Why it is neither ready nor completed, in the words of scheduler or kubelet."""

    @property
    def fine(self) -> bool:
        """Ready or completed."""
        return self.state in {"Ready", "Completed"}

    @property
    def running(self) -> bool:
        """Whether it occupies its node; completed pods have given back what they requested."""
        return self.node is not None and self.state != "Completed"


@dataclass(frozen=True)
class Node:
    """A node of the cluster, with what it offers to pods."""

    name: str
    pool: str | None
    """The GPU node pool; None for nodes without GPUs."""
    gpu: str | None
    """As the catalog names it, such as H200-141GB."""
    gpus: int
    cpus: int
    memory_gib: int


@dataclass(frozen=True)
class Volume:
    """A claim, and the class that it asks for."""

    claim: str
    storage_class: str
    size_gib: float
    access: str
    bound: bool
    trouble: str | None = None


@dataclass(frozen=True)
class Service:
    """A Service and where it is reached: its cluster address, or that of its load balancer."""

    name: str
    type: str
    address: str | None
    ports: tuple[int, ...]
    trouble: str | None = None


@dataclass(frozen=True)
class Edge:
    """An Ingress, Gateway or HTTPRoute."""

    kind: str
    name: str
    hosts: tuple[str, ...]
    address: str | None
    ready: bool
    trouble: str | None = None


@dataclass(frozen=True)
class Landscape:
    """What stands in the cluster at one moment."""

    nodes: tuple[Node, ...]
    pods: tuple[Pod, ...]
    volumes: tuple[Volume, ...]
    services: tuple[Service, ...]
    edges: tuple[Edge, ...]

    @cached_property
    def _running(self) -> Mapping[str | None, tuple[Pod, ...]]:
        found: dict[str | None, list[Pod]] = {}
        for pod in self.pods:
            if pod.running:
                found.setdefault(pod.node, []).append(pod)
        return {node: tuple(pods) for node, pods in found.items()}

    def on(self, node: Node) -> tuple[Pod, ...]:
        """Pods that occupy the node, those with the most GPUs first."""
        return tuple(sorted(self._running.get(node.name, ()), key=lambda pod: (-pod.gpus, pod.workload, pod.name)))

    def gpus_used(self, node: Node) -> int:
        """GPUs of the node that pods have."""
        return sum(pod.gpus for pod in self.on(node))


@dataclass(frozen=True)
class Model:
    """A workload with GPUs, as planned. Memory figures are of one GPU; None where the plan does not reckon them."""

    workload: str
    engine: str
    version: str
    pool: str
    replicas: int
    gpus_per_replica: int
    context_length: int | None = None
    weights_gib: float | None = None
    kv_cache_gib: float | None = None
    """For one request of the whole context length."""
    budget_gib: float | None = None
    gpu_memory_gib: float | None = None


@dataclass(frozen=True)
class Phase:
    """A step of the course. `changes` counts resources by operation of Pulumi's engine."""

    name: str
    seconds: float
    held: bool
    changes: Mapping[str, int]


@dataclass(frozen=True)
class Failure:
    """What did not hold."""

    phase: str
    resource: str
    message: str
    """In the words of scheduler, controller, API server or engine."""
    settings: tuple[str, ...]
    """The settings that caused it, as far as they can be told; most specific first."""


@dataclass(frozen=True)
class Chart:
    """A Helm release that was recorded and not installed, or an add-on that was taken as present."""

    name: str
    version: str
    namespace: str
    repository: str


@dataclass(frozen=True)
class PoolUse:
    """GPUs of a pool."""

    pool: str
    gpu: str
    nodes: int
    used: int
    total: int


@dataclass(frozen=True)
class Report:
    """A rehearsal from start to end, or to the phase that failed."""

    stack: str
    kubernetes: str
    """Version of the control plane."""
    provider: str
    """Which Kubernetes provider the engine ran."""
    phases: tuple[Phase, ...]
    failures: tuple[Failure, ...]
    landscape: Landscape
    """After the first up."""
    models: tuple[Model, ...]
    kinds: Mapping[str, int]
    """Resources of the stack by type token."""
    charts: tuple[Chart, ...]
    left: tuple[str, ...]
    """Objects that destroy left behind."""
    unproven: Mapping[str, str]
    """What was simulated, and what is therefore not proven."""
    kubeconfig: str | None = None
    """Of the cluster, where it was kept."""

    @property
    def succeeded(self) -> bool:
        """Whether all of it held."""
        return not self.failures and all(phase.held for phase in self.phases)

    @property
    def seconds(self) -> float:
        """Of all phases."""
        return sum(phase.seconds for phase in self.phases)

    @cached_property
    def pools(self) -> tuple[PoolUse, ...]:
        """Pools with GPUs, in the order of the nodes."""
        names = dict.fromkeys(node.pool for node in self.landscape.nodes if node.pool is not None)
        return tuple(self._pool_use(name) for name in names)

    def nodes_of(self, pool: str | None) -> tuple[Node, ...]:
        """Nodes of a pool; of None: those without GPUs."""
        return tuple(node for node in self.landscape.nodes if node.pool == pool)

    def _pool_use(self, name: str) -> PoolUse:
        nodes = self.nodes_of(name)
        return PoolUse(
            pool=name,
            gpu=nodes[0].gpu or "",
            nodes=len(nodes),
            used=sum(self.landscape.gpus_used(node) for node in nodes),
            total=sum(node.gpus for node in nodes),
        )


def as_json(report: Report) -> dict[str, object]:
    """The report as plain values: every field of `Report`, and `succeeded`, `seconds` and `pools`."""
    return {
        "succeeded": report.succeeded,
        "seconds": round(report.seconds, 2),
        **asdict(report),
        "pools": [asdict(pool) for pool in report.pools],
    }
