"""Examples for the components' tests: one server that uses every feature, one that uses few, one job."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pytest

from components.runtimes import Running
from components.runtimes.kubernetes import KubernetesRuntime
from hearth.evaluation import Evaluation, record
from hearth.workload import (
    Claim,
    ClaimVolume,
    CommandProbe,
    Container,
    Drain,
    FilesVolume,
    HttpProbe,
    Mount,
    Peer,
    Port,
    Probe,
    Probes,
    Resources,
    Rollout,
    Scheduling,
    ScratchVolume,
    SecretFilesVolume,
    Security,
    Taint,
    Workload,
)

LABELS = {"app.kubernetes.io/instance": "prod", "app.kubernetes.io/managed-by": "hearth"}


@pytest.fixture
def server() -> Workload:
    """A GPU server that uses everything a workload can say."""
    return Workload(
        name="qwq",
        kind="deployment",
        tier="inference",
        before=(
            Container(
                name="wait",
                image="engine:1",
                resources=Resources(cpus=0.1, memory_gib=0.25),
                command=("python3", "/opt/wait.py"),
                mounts=(
                    Mount("/weights", ClaimVolume("qwq-weights"), read_only=True),
                    Mount("/opt", FilesVolume({"wait.py": "print()"}), read_only=True),
                ),
            ),
        ),
        container=Container(
            name="engine",
            image="engine:1",
            resources=Resources(cpus=4, memory_gib=24.5, gpus=2, scratch_gib=20),
            args=("/weights", "--port=8000"),
            env={"TZ": "Asia/Seoul", "HOME": "/cache"},
            secret_env=("API_KEY",),
            mounts=(
                Mount("/weights", ClaimVolume("qwq-weights"), read_only=True),
                Mount("/dev/shm", ScratchVolume(size_gib=8, in_memory=True)),
                Mount("/tmp", ScratchVolume(size_gib=0.5)),
                Mount("/run/secrets", SecretFilesVolume(("auth.conf",)), read_only=True),
            ),
        ),
        security=Security(user=2000, group=0),
        replicas=2,
        ports=(Port("http", 8000),),
        claims=(Claim("qwq-cache", 10, "fast", shared=False),),
        probes=Probes(
            startup=Probe(HttpProbe("/ready", 8000), period_seconds=10, failure_threshold=90),
            readiness=Probe(HttpProbe("/ready", 8000)),
            liveness=Probe(CommandProbe(("ping",)), period_seconds=20),
        ),
        rollout=Rollout("rolling", max_surge=0, max_unavailable=1, progress_deadline_seconds=1200),
        drain=Drain(endpoint_seconds=15, engine_seconds=60, grace_seconds=90),
        scheduling=Scheduling(
            node_labels={"hearth.dev/node-pool": "h200"},
            node_names=("gpu-01", "gpu-02"),
            tolerations=(Taint("nvidia.com/gpu", "present"),),
            runtime_class="nvidia",
            spread=True,
        ),
        callers=("web-ui",),
        calls=(Peer("redis", 6379),),
        min_available=1,
        ready_timeout_seconds=1260,
    )


@pytest.fixture
def plain() -> Workload:
    """A server that uses as little as possible."""
    return Workload(
        name="plain",
        kind="deployment",
        tier="web-ui",
        container=Container(name="web", image="web:1", resources=Resources(cpus=1, memory_gib=1)),
        security=Security(user=1000, group=1000),
        ports=(Port("http", 8080),),
    )


@pytest.fixture
def job() -> Workload:
    """A task that fetches something from outside of the cluster."""
    return Workload(
        name="fetch",
        kind="job",
        tier="weights",
        container=Container(
            name="fetch",
            image="tools:1",
            resources=Resources(cpus=1, memory_gib=1),
            secret_env=("HF_TOKEN",),
            mounts=(Mount("/opt", FilesVolume({"fetch.sh": "true"})), Mount("/data", ClaimVolume("data"))),
        ),
        security=Security(user=1000, group=1000),
        claims=(Claim("data", 100, "nfs", shared=True),),
        internet=True,
        ready_timeout_seconds=3600,
    )


class Realise:
    """Declares one workload on Kubernetes and keeps what the runtime answered."""

    running: Running

    def __call__(
        self,
        workload: Workload,
        secrets: Mapping[str, str] | None = None,
        *,
        retain_claims: bool = False,
    ) -> Evaluation:
        def program() -> None:
            parent = pulumi.ComponentResource("test:index:Parent", "parent")
            runtime = KubernetesRuntime("chat", LABELS, retain_claims)
            self.running = runtime.run("stack-part", workload, parent=parent, secrets=secrets or {})

        return record(program)


@pytest.fixture
def realise() -> Realise:
    return Realise()
