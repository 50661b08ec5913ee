"""Services beside the web UI: speech to text, content extraction, Pipelines. Each is one server with a key of its own.

None reaches anything outside of the cluster, unless the stack says so for Pipelines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hearth.planning.downloads import Source, plan_download, wait_for
from hearth.planning.plan import ServicePlan
from hearth.planning.rollout import http_probes
from hearth.settings.models import HuggingFace
from hearth.settings.services import ContentExtraction, Pipelines, SpeechServer
from hearth.settings.web_ui import WebUi
from hearth.workload import (
    Claim,
    ClaimVolume,
    Container,
    Drain,
    FilesVolume,
    Mount,
    Port,
    Resources,
    ScratchVolume,
    Security,
    Workload,
)

SPEECH = "speech-to-text"
EXTRACTION = "content-extraction"
PIPELINES = "pipelines"
_CALLERS = ("web-ui",)
_START_SECONDS = 300
_SPEECH_PORT = 8000
_PIPELINES_PORT = 9099
_HUB = "/models/hub"
_SNAPSHOT = "hearth"
"""Name of the one snapshot in the speech server's Hugging Face cache; any name does."""
_DRAIN = Drain(endpoint_seconds=5, engine_seconds=30, grace_seconds=60)


@dataclass(frozen=True)
class ServiceContext:
    """What services have in common."""

    images: Mapping[str, str]
    hugging_face: HuggingFace
    storage_class: str
    time_zone: str


def plan_services(web_ui: WebUi, context: ServiceContext) -> tuple[ServicePlan, ...]:
    """Every service that the web UI is to have."""
    speech = web_ui.speech_to_text.server if web_ui.speech_to_text else None
    found: list[ServicePlan] = []
    if speech:
        found.append(_speech(speech, context))
    if web_ui.content_extraction:
        found.append(_extraction(web_ui.content_extraction, context))
    if web_ui.pipelines:
        found.append(_pipelines(web_ui.pipelines, context))
    return tuple(found)


def _speech(speech: SpeechServer, context: ServiceContext) -> ServicePlan:
    """speaches finds its model in a Hugging Face cache: the volume is mounted as the one snapshot of such a cache.

    The download runs in the web UI's image, which has huggingface_hub and is on these nodes anyway.
    """
    repository = f"{_HUB}/models--{speech.model.replace('/', '--')}"
    source = Source(speech.model, speech.revision, speech.size_gib, f"{repository}/snapshots/{_SNAPSHOT}")
    download = plan_download(
        SPEECH,
        source,
        image=context.images["openWebUi"],
        pool=None,
        hugging_face=context.hugging_face,
        storage_class=context.storage_class,
        time_zone=context.time_zone,
    )
    waiting = wait_for(
        "weights", source, download.claim, image=context.images["openWebUi"], time_zone=context.time_zone
    )
    server = _server(
        SPEECH,
        Container(
            name="speaches",
            image=speech.image or context.images["speaches"],
            resources=Resources(cpus=speech.cpus, memory_gib=speech.memory_gib),
            env={
                "TZ": context.time_zone,
                "HOME": "/tmp",
                "HF_HUB_CACHE": _HUB,
                "HF_HUB_OFFLINE": "1",
                "ENABLE_UI": "false",
                "STT_MODEL_TTL": "-1",
                "WHISPER__INFERENCE_DEVICE": "cpu",
                "WHISPER__COMPUTE_TYPE": "int8",
                "WHISPER__CPU_THREADS": str(speech.cpus),
            },
            secret_env=("API_KEY",),
            mounts=(
                Mount(source.directory, ClaimVolume(download.claim.name), read_only=True),
                Mount(f"{repository}/refs", FilesVolume({"main": _SNAPSHOT}), read_only=True),
                Mount("/tmp", ScratchVolume(size_gib=2)),
            ),
        ),
        port=_SPEECH_PORT,
        before=(waiting,),
    )
    return ServicePlan(SPEECH, server, f"http://{SPEECH}:{_SPEECH_PORT}/v1", key="API_KEY", download=download)


def _extraction(wanted: ContentExtraction, context: ServiceContext) -> ServicePlan:
    return _docling(wanted, context) if wanted.engine == "docling" else _tika(wanted, context)


def _tika(wanted: ContentExtraction, context: ServiceContext) -> ServicePlan:
    """Half of the memory is Java's heap: OCR runs beside it. It takes no key, but its policy admits the web UI only."""
    memory = wanted.memory_gib or 3
    server = _server(
        EXTRACTION,
        Container(
            name="tika",
            image=wanted.image or context.images["tika"],
            resources=Resources(cpus=wanted.cpus, memory_gib=memory),
            env={
                "TZ": context.time_zone,
                "HOME": "/tmp",
                "JAVA_TOOL_OPTIONS": f"-Xmx{memory * 512}m -XX:+ExitOnOutOfMemoryError",
            },
            mounts=(Mount("/tmp", ScratchVolume(size_gib=4)),),
        ),
        port=9998,
        user=35002,
        alive="/version",
        ready="/version",
    )
    return ServicePlan(EXTRACTION, server, f"http://{EXTRACTION}:9998")


def _docling(wanted: ContentExtraction, context: ServiceContext) -> ServicePlan:
    """One worker, as its tasks are kept in memory; the web UI waits for an answer, so that the limit is raised."""
    server = _server(
        EXTRACTION,
        Container(
            name="docling",
            image=wanted.image or context.images["docling"],
            resources=Resources(cpus=wanted.cpus, memory_gib=wanted.memory_gib or 8),
            env={
                "TZ": context.time_zone,
                "HOME": "/tmp",
                "OMP_NUM_THREADS": str(wanted.cpus),
                "UVICORN_WORKERS": "1",
                "DOCLING_SERVE_MAX_SYNC_WAIT": "600",
                "DOCLING_SERVE_ENABLE_UI": "false",
                "DOCLING_SERVE_ENABLE_REMOTE_SERVICES": "false",
            },
            secret_env=("DOCLING_SERVE_API_KEY",),
            mounts=(Mount("/tmp", ScratchVolume(size_gib=4)),),
        ),
        port=5001,
        user=1001,
        ready="/ready",
    )
    return ServicePlan(EXTRACTION, server, f"http://{EXTRACTION}:5001", key="DOCLING_SERVE_API_KEY")


def _pipelines(wanted: Pipelines, context: ServiceContext) -> ServicePlan:
    """Pipelines keep their valves beside their source, and what they install with pip on the same volume."""
    folder = "/app/pipelines"
    claim = Claim("pipelines", wanted.volume_gib, context.storage_class, shared=True)
    server = _server(
        PIPELINES,
        Container(
            name="pipelines",
            image=wanted.image or context.images["pipelines"],
            resources=Resources(cpus=0.5, memory_gib=wanted.memory_gib),
            command=("python", "-m", "uvicorn", "main:app"),
            args=("--host=0.0.0.0", f"--port={_PIPELINES_PORT}", "--forwarded-allow-ips=*"),
            env={
                "TZ": context.time_zone,
                "HOME": "/tmp",
                "PIPELINES_DIR": folder,
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUSERBASE": f"{folder}/.python",
                "PIP_USER": "1",
            },
            secret_env=("PIPELINES_API_KEY",),
            mounts=(Mount(folder, ClaimVolume(claim.name)), Mount("/tmp", ScratchVolume(size_gib=1))),
        ),
        port=_PIPELINES_PORT,
        alive="/",
        ready="/",
        claims=(claim,),
        internet=wanted.internet,
    )
    return ServicePlan(PIPELINES, server, f"http://{PIPELINES}:{_PIPELINES_PORT}", key="PIPELINES_API_KEY")


def _server(
    name: str,
    container: Container,
    *,
    port: int,
    user: int = 1000,
    alive: str = "/health",
    ready: str = "/health",
    before: tuple[Container, ...] = (),
    claims: tuple[Claim, ...] = (),
    internet: bool = False,
) -> Workload:
    return Workload(
        name=name,
        kind="deployment",
        tier="service",
        before=before,
        container=container,
        security=Security(user=user, group=0),
        ports=(Port("http", port),),
        claims=claims,
        probes=http_probes(port, alive_path=alive, ready_path=ready, budget_seconds=_START_SECONDS),
        drain=_DRAIN,
        callers=_CALLERS,
        internet=internet,
        ready_timeout_seconds=_START_SECONDS * 2,
    )
