"""The light models: one Ollama server, and the Job that pulls them onto its volume."""

from __future__ import annotations

import math

from hearth.planning.placement import Placement
from hearth.planning.plan import NodePool, OllamaPlan
from hearth.planning.rollout import download_seconds, gpu_rollout, http_probes
from hearth.planning.scripts import SCRIPTS, script
from hearth.settings.models import Ollama
from hearth.workload import (
    Claim,
    ClaimVolume,
    Container,
    Drain,
    FilesVolume,
    Mount,
    Port,
    Resources,
    Scheduling,
    ScratchVolume,
    Security,
    Workload,
)

NAME = "ollama"
PORT = 11434
_MODELS = "/models"
_HOME = "/home/ollama"
_START_SECONDS = 300
_HOST_MEMORY_FACTOR = 1.3
"""Weights, KV cache and the server itself, over the size of the largest model, on a CPU node."""


def host_memory_gib(sizes_gib: list[float], *, on_gpu: bool) -> int:
    """Host memory in GiB for the largest model, of which one is loaded at a time on CPUs."""
    return 8 if on_gpu else math.ceil(max(sizes_gib) * _HOST_MEMORY_FACTOR + 0.5)


def plan_ollama(
    ollama: Ollama,
    *,
    sizes_gib: list[float],
    image: str,
    pool: NodePool | None,
    placement: Placement | None,
    storage_class: str,
    runtime_class: str | None,
    time_zone: str,
) -> OllamaPlan:
    """The server stays within the cluster: a Job with a server of its own pulls, and both share the volume.

    OLLAMA_NOPRUNE keeps one from deleting what the other is fetching. The context length is set because Ollama's
    default depends on the GPU that it finds.
    """
    total = sum(sizes_gib)
    claim = Claim("ollama-models", ollama.volume_gib or math.ceil(total * 1.2 + 5), storage_class, shared=True)
    env = {
        "TZ": time_zone,
        "HOME": _HOME,
        "OLLAMA_MODELS": _MODELS,
        "OLLAMA_NOPRUNE": "1",
        "OLLAMA_NO_CLOUD": "1",
    }
    on_cpu = {} if pool else {"NVIDIA_VISIBLE_DEVICES": "void", "OLLAMA_MAX_LOADED_MODELS": "1"}
    mounts = (
        Mount(_MODELS, ClaimVolume(claim.name)),
        Mount(_HOME, ScratchVolume(size_gib=0.5)),
        Mount("/tmp", ScratchVolume(size_gib=1)),
    )
    security = Security(user=1000, group=1000)
    scheduling = Scheduling(
        node_labels=pool.labels if pool else {},
        node_names=placement.nodes if pool and placement and placement.pinned and pool.nodes else (),
        tolerations=pool.taints if pool else (),
        runtime_class=runtime_class if pool else None,
    )
    spare = placement.surge if placement else False
    memory = ollama.memory_gib or host_memory_gib(sizes_gib, on_gpu=pool is not None)
    server = Workload(
        name=NAME,
        kind="deployment",
        tier="ollama",
        container=Container(
            name="ollama",
            image=image,
            resources=Resources(cpus=ollama.cpus, memory_gib=memory, gpus=ollama.gpus if pool else 0),
            args=("serve",),
            env={
                **env,
                **on_cpu,
                "OLLAMA_HOST": f"0.0.0.0:{PORT}",
                "OLLAMA_CONTEXT_LENGTH": str(ollama.context_length),
                "OLLAMA_KEEP_ALIVE": ollama.keep_alive,
            },
            mounts=mounts,
        ),
        security=security,
        ports=(Port("http", PORT),),
        probes=http_probes(PORT, alive_path="/api/version", ready_path="/api/version", budget_seconds=_START_SECONDS),
        rollout=gpu_rollout(1, _START_SECONDS, spare=spare),
        drain=Drain(endpoint_seconds=5, engine_seconds=30, grace_seconds=60),
        scheduling=scheduling,
        callers=("web-ui",),
        ready_timeout_seconds=_START_SECONDS + 360,
    )
    pull = Workload(
        name="ollama-pull",
        kind="job",
        tier="ollama",
        container=Container(
            name="pull",
            image=image,
            resources=Resources(cpus=0.5, memory_gib=1),
            command=("sh", f"{SCRIPTS}/pull_models.sh"),
            args=tuple(ollama.models),
            env={**env, "NVIDIA_VISIBLE_DEVICES": "void", "OLLAMA_HOST": "127.0.0.1:11434"},
            mounts=(
                *mounts,
                Mount(SCRIPTS, FilesVolume({"pull_models.sh": script("pull_models.sh")}), read_only=True),
            ),
        ),
        security=security,
        claims=(claim,),
        scheduling=Scheduling(node_labels=scheduling.node_labels, tolerations=scheduling.tolerations),
        internet=True,
        ready_timeout_seconds=download_seconds(total),
    )
    return OllamaPlan(
        models=tuple(ollama.models),
        pool=pool.name if pool else None,
        nodes=placement.nodes if placement else (),
        pinned=placement.pinned if placement else False,
        claim=claim,
        pull=pull,
        server=server,
        url=f"http://{NAME}:{PORT}",
    )
