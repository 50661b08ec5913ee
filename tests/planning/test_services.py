"""Services beside the web UI: closed, limited, watched, and wired to it alone."""

from __future__ import annotations

from typing import Any

import pytest

from hearth.planning.plan import Plan, ServicePlan
from hearth.workload import ClaimVolume, FilesVolume
from tests.planning.stacks import chat, plan

EVERY: dict[str, Any] = {
    "speechToText": {"server": {}},
    "contentExtraction": {"engine": "docling"},
    "pipelines": {},
}


@pytest.fixture(scope="module")
def stack() -> Plan:
    return plan(webUi=chat(**EVERY))


def one(**settings: Any) -> ServicePlan:
    [found] = plan(webUi=chat(**settings)).services
    return found


def test_none_is_there_unless_asked_for() -> None:
    assert plan().services == ()


def test_only_the_web_ui_calls_them(stack: Plan) -> None:
    assert {service.server.callers for service in stack.services} == {("web-ui",)}
    called = {peer.workload for peer in stack.web_ui.server.calls}
    assert {service.name for service in stack.services} <= called


def test_none_runs_as_root_or_writes_to_its_image(stack: Plan) -> None:
    assert all(s.server.security.user and s.server.security.read_only_root for s in stack.services)


def test_each_is_watched_and_limited(stack: Plan) -> None:
    assert all(s.server.probes and s.server.container.resources.memory_gib for s in stack.services)


def test_none_reaches_the_internet(stack: Plan) -> None:
    assert not [s.name for s in stack.services if s.server.internet]


def test_pipelines_may_when_told() -> None:
    assert one(pipelines={"internet": True}).server.internet


def test_pipelines_never_have_the_public_key(stack: Plan) -> None:
    pipelines = next(s for s in stack.services if s.name == "pipelines")
    assert pipelines.key in pipelines.server.container.secret_env
    assert pipelines.key not in pipelines.server.container.env


def test_pipelines_are_one_more_connection(stack: Plan) -> None:
    env = stack.web_ui.server.container.env
    assert env["OPENAI_API_BASE_URLS"] == "http://qwq:8000/v1;http://pipelines:9099"
    assert stack.web_ui.keys["OPENAI_API_KEYS"] == ("qwq", "pipelines")


def test_the_speech_server_transcribes(stack: Plan) -> None:
    env = stack.web_ui.server.container.env
    assert env["AUDIO_STT_OPENAI_API_BASE_URL"] == "http://speech-to-text:8000/v1"
    assert env["AUDIO_STT_MODEL"] == "Systran/faster-whisper-small"
    assert stack.web_ui.keys["AUDIO_STT_OPENAI_API_KEY"] == ("speech-to-text",)
    assert "USER_PERMISSIONS_CHAT_STT" not in env


def test_the_speech_model_is_fetched_once_and_then_read_offline() -> None:
    service = one(speechToText={"server": {"model": "Systran/faster-whisper-medium", "revision": "v1", "sizeGib": 1.6}})
    assert service.download
    job, server = service.download.job, service.server.container
    assert (job.container.env["MODEL_SOURCE"], job.container.env["MODEL_REVISION"]) == (
        "Systran/faster-whisper-medium",
        "v1",
    )
    assert job.internet and server.env["HF_HUB_OFFLINE"] == "1"
    assert service.download.claim.size_gib == 2


def test_the_speech_model_lies_where_a_hugging_face_cache_has_it() -> None:
    server = one(speechToText={"server": {}}).server.container
    hub = f"{server.env['HF_HUB_CACHE']}/models--Systran--faster-whisper-small"
    [refs] = [m for m in server.mounts if m.path == f"{hub}/refs"]
    [snapshot] = [m for m in server.mounts if isinstance(m.volume, ClaimVolume)]
    assert isinstance(refs.volume, FilesVolume)
    assert snapshot.path == f"{hub}/snapshots/{refs.volume.files['main']}" and snapshot.read_only


def test_the_mirror_serves_speech_models_too() -> None:
    stack = plan(huggingFace={"endpoint": "https://hf-mirror.com"}, webUi=chat(speechToText={"server": {}}))
    assert stack.services[0].download
    assert stack.services[0].download.job.container.env["HF_ENDPOINT"] == "https://hf-mirror.com"


@pytest.mark.parametrize(("image", "version"), [("apache/tika:3.2.3.0-full", "3"), ("apache/tika:4.1.0-1-full", "4")])
def test_the_web_ui_speaks_to_tika_as_its_version_wants(image: str, version: str) -> None:
    stack = plan(webUi=chat(contentExtraction={"engine": "tika", "image": image}))
    assert stack.web_ui.server.container.env["TIKA_SERVER_VERSION"] == version


def test_docling_reads_documents(stack: Plan) -> None:
    env = stack.web_ui.server.container.env
    assert (env["CONTENT_EXTRACTION_ENGINE"], env["DOCLING_SERVER_URL"]) == (
        "docling",
        "http://content-extraction:5001",
    )
    assert stack.web_ui.keys["DOCLING_API_KEY"] == ("content-extraction",)


def test_they_are_among_the_workloads_of_the_stack(stack: Plan) -> None:
    names = {workload.name for workload in stack.workloads}
    assert {"speech-to-text", "speech-to-text-download", "content-extraction", "pipelines"} <= names
