"""One model on GPUs: its weights and adapters on volumes, and the servers."""

from __future__ import annotations

from hearth.catalog.versions import version_of
from hearth.engines.serving import ADAPTERS, CACHE, TEMPLATES, WEIGHTS, Serving
from hearth.planning.downloads import Source, plan_download, wait_for
from hearth.planning.memory.host import host_memory_gib, shared_memory_gib
from hearth.planning.model_memory import ModelMemory, memory_use
from hearth.planning.model_serving import TEMPLATE_FILE, template_text
from hearth.planning.placement import Placement
from hearth.planning.plan import ModelPlan, NodePool
from hearth.planning.rollout import gpu_rollout, http_probes, startup_seconds
from hearth.settings.models import HuggingFace, Model
from hearth.workload import (
    ClaimVolume,
    Container,
    FilesVolume,
    Mount,
    Port,
    Resources,
    Scheduling,
    ScratchVolume,
    Workload,
)


def plan_model(
    model: Model,
    *,
    memory: ModelMemory,
    serving: Serving,
    pool: NodePool,
    placement: Placement,
    image: str,
    hugging_face: HuggingFace,
    storage_class: str,
    read_mib_per_second: int,
    runtime_class: str | None,
    time_zone: str,
) -> ModelPlan:
    """Everything about one model, given what its memory comes to and how its engine serves it."""
    weights = Source(model.source, model.revision, memory.weights_gib, WEIGHTS)
    adapters = {
        adapter.name: Source(adapter.source, adapter.revision, adapter.size_gib, f"{ADAPTERS}/{adapter.name}")
        for adapter in model.adapters
    }
    downloads = {
        source: plan_download(
            name,
            source,
            image=image,
            pool=pool,
            hugging_face=hugging_face,
            storage_class=storage_class,
            time_zone=time_zone,
        )
        for name, source in ((model.name, weights), *((f"{model.name}-{name}", a) for name, a in adapters.items()))
    }
    volumes = {"weights": weights, **{f"adapter-{name}": source for name, source in adapters.items()}}
    shared_gib = shared_memory_gib(model.gpus)
    template = template_text(model)
    budget = startup_seconds(memory.weights_gib, read_mib_per_second)
    rollout = gpu_rollout(model.replicas, budget, spare=placement.surge)
    server = Workload(
        name=model.name,
        kind="deployment",
        tier="inference",
        before=tuple(
            wait_for(what, source, downloads[source].claim, image=image, time_zone=time_zone)
            for what, source in volumes.items()
        ),
        container=Container(
            name=model.engine,
            image=image,
            resources=Resources(
                cpus=4 * model.gpus,
                memory_gib=host_memory_gib(model.engine, version_of(image), model.gpus),
                gpus=model.gpus,
                scratch_gib=20,
            ),
            command=serving.command,
            args=serving.args,
            env={"TZ": time_zone, **serving.env},
            secret_env=serving.secret_env,
            mounts=(
                *(Mount(s.directory, ClaimVolume(downloads[s].claim.name), read_only=True) for s in volumes.values()),
                Mount(CACHE, ScratchVolume(size_gib=16)),
                Mount("/tmp", ScratchVolume(size_gib=2)),
                Mount("/dev/shm", ScratchVolume(size_gib=shared_gib, in_memory=True)),
                *((Mount(TEMPLATES, FilesVolume({TEMPLATE_FILE: template}), read_only=True),) if template else ()),
                *serving.mounts,
            ),
        ),
        security=serving.security,
        replicas=model.replicas,
        ports=(Port("http", serving.port),),
        probes=http_probes(
            serving.port, alive_path=serving.alive_path, ready_path=serving.ready_path, budget_seconds=budget
        ),
        rollout=rollout,
        drain=serving.drain,
        scheduling=Scheduling(
            node_labels=pool.labels,
            node_names=tuple(dict.fromkeys(placement.nodes)) if placement.pinned and pool.nodes else (),
            tolerations=pool.taints,
            runtime_class=runtime_class,
            spread=model.replicas > 1,
            even=placement.pinned and model.replicas > 1,
        ),
        callers=("web-ui",),
        min_available=model.replicas - 1 if model.replicas > 1 else None,
        ready_timeout_seconds=rollout.progress_deadline_seconds + 60,
    )
    return ModelPlan(
        name=model.name,
        source=model.source,
        served_name=model.served_name or model.name,
        adapters=serving.adapters,
        engine=model.engine,
        engine_version=version_of(image),
        pool=pool.name,
        replicas=model.replicas,
        gpus_per_replica=model.gpus,
        context_length=memory.context_length,
        nodes=placement.nodes,
        pinned=placement.pinned,
        memory=memory_use(model, memory, pool),
        weights_gib=memory.weights_gib,
        downloads=tuple(downloads.values()),
        server=server,
        url=f"http://{model.name}:{serving.port}/v1",
        metrics=serving.metrics,
    )
