"""One model on GPUs: its weights on a volume, the Job that fetches them, and the servers."""

from __future__ import annotations

import math
import re

from hearth.catalog.models import CatalogModel
from hearth.engines import sglang, vllm
from hearth.engines.serving import CACHE, WEIGHTS, Request
from hearth.planning.memory import GIB, memory_use
from hearth.planning.placement import Placement
from hearth.planning.plan import ModelPlan, NodePool
from hearth.planning.rollout import download_seconds, gpu_rollout, http_probes, startup_seconds
from hearth.planning.scripts import SCRIPTS, script
from hearth.settings.models import HuggingFace, Model
from hearth.workload import (
    Claim,
    ClaimVolume,
    Container,
    FilesVolume,
    Mount,
    Port,
    Resources,
    Scheduling,
    ScratchVolume,
    Security,
    Workload,
)

_ENGINES = {"vllm": vllm, "sglang": sglang}
_WAIT = {name: script(name) for name in ("wait_for_weights.py", "weights_volume.py")}
_DOWNLOAD = {name: script(name) for name in ("download_weights.py", "weights_selection.py", "weights_volume.py")}
_DOWNLOADER = Security(user=2000, group=0)
"""Any user that is not root; the files it leaves are readable by all."""
_NO_RETRY = (2, 3, 4)
"""Exit codes of download_weights.py: wrong settings, no access to the model, no such model or revision."""
_CLAIM_MARGIN = 1.1
"""Room for tokenizer, configuration and a file that is being replaced."""


def engine_version(image: str) -> str:
    """The version in an image's tag: 0.33.0 of vllm/vllm-openai:v0.33.0; empty if the tag does not begin with one."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = re.match(r"v?(\d+(\.\d+)*)", tag)
    return found.group(1) if found else ""


def engine_is_too_old(engine: str, version: str) -> tuple[int, ...] | None:
    """The minimum version, where `version` is known and below it."""
    minimum = _ENGINES[engine].MINIMUM
    numbers = tuple(int(part) for part in version.split(".")) if version else minimum
    return minimum if numbers < minimum else None


def memory_share(model: Model) -> float:
    """Share of a GPU's memory that the engine takes."""
    return model.gpu_memory_utilization or _ENGINES[model.engine].DEFAULT_SHARE


def plan_model(
    model: Model,
    *,
    shape: CatalogModel | None,
    weights_gib: float,
    pool: NodePool,
    placement: Placement,
    image: str,
    hugging_face: HuggingFace,
    storage_class: str,
    read_mib_per_second: int,
    runtime_class: str | None,
    time_zone: str,
) -> ModelPlan:
    """Everything about one model. `weights_gib` is the catalog's size or the stack's own figure."""
    parsers = shape.parsers[model.engine] if shape and model.engine in shape.parsers else None
    engine = _ENGINES[model.engine]
    served_name = model.served_name or model.name
    serving = engine.serve(
        Request(
            source=model.source,
            served_name=served_name,
            tensor_parallel=model.tensor_parallel,
            context_length=model.context_length,
            gpu_memory_utilization=model.gpu_memory_utilization,
            reasoning_parser=model.reasoning_parser or (parsers.reasoning if parsers else None),
            tool_call_parser=model.tool_call_parser or (parsers.tool_call if parsers else None),
            extra=tuple(model.engine_args),
        )
    )
    claim = Claim(f"{model.name}-weights", math.ceil(weights_gib * _CLAIM_MARGIN), storage_class, shared=True)
    budget = startup_seconds(weights_gib, read_mib_per_second)
    scheduling = Scheduling(
        node_labels=pool.labels,
        node_names=tuple(dict.fromkeys(placement.nodes)) if placement.pinned and pool.nodes else (),
        tolerations=pool.taints,
        runtime_class=runtime_class,
        spread=model.replicas > 1,
        even=placement.pinned and model.replicas > 1,
    )
    weights_env = {"MODEL_SOURCE": model.source, "MODEL_REVISION": model.revision, "MODEL_DIRECTORY": WEIGHTS}
    base_env = {"TZ": time_zone}
    gpus = model.tensor_parallel
    shared_memory_gib = max(4, 4 * gpus)
    rollout = gpu_rollout(model.replicas, budget, spare=placement.surge)
    server = Workload(
        name=model.name,
        kind="deployment",
        tier="inference",
        before=(
            Container(
                name="wait-for-weights",
                image=image,
                resources=Resources(cpus=0.1, memory_gib=0.25),
                command=("python3", f"{SCRIPTS}/wait_for_weights.py"),
                env={**base_env, **weights_env},
                mounts=(
                    Mount(WEIGHTS, ClaimVolume(claim.name), read_only=True),
                    Mount(SCRIPTS, FilesVolume(_WAIT), read_only=True),
                ),
            ),
        ),
        container=Container(
            name=model.engine,
            image=image,
            resources=Resources(
                cpus=4 * gpus,
                memory_gib=16 + 8 * gpus + shared_memory_gib,
                gpus=gpus,
                scratch_gib=20,
            ),
            command=serving.command,
            args=serving.args,
            env={**base_env, **serving.env},
            secret_env=serving.secret_env,
            mounts=(
                Mount(WEIGHTS, ClaimVolume(claim.name), read_only=True),
                Mount(CACHE, ScratchVolume(size_gib=16)),
                Mount("/tmp", ScratchVolume(size_gib=2)),
                Mount("/dev/shm", ScratchVolume(size_gib=shared_memory_gib, in_memory=True)),
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
        scheduling=scheduling,
        callers=("web-ui",),
        min_available=model.replicas - 1 if model.replicas > 1 else None,
        ready_timeout_seconds=rollout.progress_deadline_seconds + 60,
    )
    token_env = ("HF_TOKEN",) if hugging_face.token else ()
    download = Workload(
        name=f"{model.name}-download",
        kind="job",
        tier="weights",
        container=Container(
            name="download",
            image=image,
            resources=Resources(cpus=1, memory_gib=4, scratch_gib=2),
            command=("python3", f"{SCRIPTS}/download_weights.py"),
            env={
                **base_env,
                **weights_env,
                "HF_ENDPOINT": hugging_face.endpoint,
                "EXPECTED_BYTES": str(round(weights_gib * GIB)),
                "HOME": "/tmp",
            },
            secret_env=token_env,
            mounts=(
                Mount(WEIGHTS, ClaimVolume(claim.name)),
                Mount("/tmp", ScratchVolume(size_gib=1)),
                Mount(SCRIPTS, FilesVolume(_DOWNLOAD), read_only=True),
            ),
        ),
        security=_DOWNLOADER,
        claims=(claim,),
        scheduling=Scheduling(node_labels=pool.labels, tolerations=pool.taints),
        internet=True,
        final_exit_codes=_NO_RETRY,
        ready_timeout_seconds=download_seconds(weights_gib),
    )
    return ModelPlan(
        name=model.name,
        source=model.source,
        served_name=served_name,
        engine=model.engine,
        engine_version=engine_version(image),
        pool=pool.name,
        replicas=model.replicas,
        gpus_per_replica=gpus,
        context_length=model.context_length,
        nodes=placement.nodes,
        pinned=placement.pinned,
        memory=memory_use(weights_gib, shape, gpus, model.context_length, memory_share(model) * pool.gpu_usable_gib),
        weights_gib=weights_gib,
        claim=claim,
        download=download,
        server=server,
        url=f"http://{model.name}:{serving.port}/v1",
    )
