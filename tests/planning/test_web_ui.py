"""The web tier as planned: environment, scaling, what it calls, how another version replaces it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hearth.planning.plan import Plan
from hearth.workload import Claim, Outside, Peer, ScratchVolume
from tests.planning.stacks import chat, model, plan

OLLAMA = {"models": ["gemma3:4b", "nomic-embed-text"]}
BGE = model(name="bge", source="BAAI/bge-m3", pool="ada", contextLength=8192)
WHISPER = model(name="whisper", source="openai/whisper-large-v3-turbo", pool="ada", contextLength=448)
WHISPER |= {"weightsGib": 1.6, "attentionHeads": 20}
S3 = {
    "endpoint": "http://minio.example.org:9000",
    "bucket": "uploads",
    "accessKey": "planted-value",
    "secretKey": "planted-value",
}
OPEN_ID: dict[str, Any] = {
    "providerUrl": "https://id.example.org/.well-known/openid-configuration",
    "clientId": "chat",
    "clientSecret": "planted-value",
}
TLS = {"type": "gateway", "className": "envoy", "tls": {"secretName": "chat-tls"}}


def env(stack: Plan) -> dict[str, str]:
    return dict(stack.web_ui.server.container.env)


def web_ui(**settings: Any) -> dict[str, str]:
    return env(plan(webUi=chat(**settings)))


# Isolation


def test_nothing_is_fetched_at_start() -> None:
    found = web_ui()
    assert (found["OFFLINE_MODE"], found["ENABLE_PIP_INSTALL_FRONTMATTER_REQUIREMENTS"]) == ("true", "false")


def test_the_migration_seeds_no_settings_either() -> None:
    migration = plan().web_ui.migration
    assert migration and migration.container.env["ENABLE_PERSISTENT_CONFIG"] == "false"


def test_api_documentation_is_off() -> None:
    assert web_ui()["ENV"] == "prod"


def test_without_speech_to_text_the_microphone_is_hidden() -> None:
    assert web_ui()["USER_PERMISSIONS_CHAT_STT"] == "false"


# Scaling


def test_replicas_spread_over_nodes_and_survive_a_disruption() -> None:
    server = plan(webUi=chat(replicas=3, redis={})).web_ui.server
    assert (server.scheduling.spread, server.min_available) == (True, 2)


def test_one_replica_is_free_to_be_moved() -> None:
    server = plan().web_ui.server
    assert (server.scheduling.spread, server.min_available) == (False, None)


def test_replicas_of_one_version_never_lack_one() -> None:
    rollout = plan(webUi=chat(replicas=3, redis={})).web_ui.server.rollout
    assert (rollout.strategy, rollout.max_unavailable) == ("rolling", 0)


def test_uvicorn_stops_before_it_is_killed() -> None:
    server = plan().web_ui.server
    limit = next(a for a in server.container.args if a.startswith("--timeout-graceful-shutdown="))
    drain = server.drain
    assert int(limit.partition("=")[2]) + drain.endpoint_seconds < drain.grace_seconds


def test_workers_are_told_to_uvicorn() -> None:
    assert "--workers=4" in plan(webUi=chat(workers=4, redis={})).web_ui.server.container.args


# Another version


@pytest.mark.parametrize(
    "change",
    [
        {"timeZone": "Asia/Seoul"},
        {"webUi": chat(replicas=2, redis={})},
        {"webUi": chat(signUp=True, banners=[{"content": "x"}])},
        {"webUi": chat(uploads={"s3": S3})},
        {"models": [model(), model(name="other")]},
        {"webUi": chat(memoryGibPerWorker=3)},
    ],
)
def test_the_migration_changes_with_nothing_but_the_version(change: dict[str, Any]) -> None:
    one, other = plan().web_ui.migration, plan(**change).web_ui.migration
    assert one and other
    assert (one.container.env, one.container.args, one.container.resources) == (
        other.container.env,
        other.container.args,
        other.container.resources,
    )
    assert (one.container.secret_env, one.container.command) == (other.container.secret_env, other.container.command)


def test_the_migration_runs_the_version_of_the_servers() -> None:
    tier = plan(webUi=chat(image="registry.local/open-webui:v0.13.0")).web_ui
    assert tier.migration and tier.migration.container.image == tier.server.container.image


def test_the_first_account_is_made_by_the_migration_alone() -> None:
    tier = plan().web_ui
    assert tier.migration and tier.migration.container.env["WEBUI_ADMIN_EMAIL"] == "admin@example.org"
    assert "WEBUI_ADMIN_PASSWORD" in tier.migration.container.secret_env
    assert not [name for name in (*env(plan()), *tier.server.container.secret_env) if "ADMIN" in name]


def test_with_sqlite_a_step_before_the_server_makes_the_first_account() -> None:
    server = plan(webUi=chat(database={"engine": "sqlite", "storageClass": "local-ssd"})).web_ui.server
    [step] = server.before
    assert step.env["WEBUI_ADMIN_EMAIL"] == "admin@example.org" and "WEBUI_ADMIN_PASSWORD" in step.secret_env
    assert "WEBUI_ADMIN_PASSWORD" not in server.container.secret_env
    assert {mount.path: mount.volume for mount in step.mounts}["/app/backend/data"] in [
        mount.volume for mount in server.container.mounts
    ]


# Models and services


def test_embeddings_of_ollama() -> None:
    found = env(plan(ollama=OLLAMA, webUi=chat(embeddingModel="nomic-embed-text")))
    assert (found["RAG_EMBEDDING_ENGINE"], found["RAG_OLLAMA_BASE_URL"]) == ("ollama", "http://ollama:11434")


def test_embeddings_of_a_served_model() -> None:
    stack = plan(models=[model(), BGE], webUi=chat(embeddingModel="bge"))
    found = env(stack)
    assert (found["RAG_EMBEDDING_ENGINE"], found["RAG_OPENAI_API_BASE_URL"]) == ("openai", "http://bge:8000/v1")
    assert stack.web_ui.keys["RAG_OPENAI_API_KEY"] == ("bge",)


def test_speech_by_a_served_model() -> None:
    stack = plan(models=[model(), WHISPER], webUi=chat(speechToText={"model": "whisper"}))
    found = env(stack)
    assert (found["AUDIO_STT_ENGINE"], found["AUDIO_STT_MODEL"]) == ("openai", "whisper")
    assert found["AUDIO_STT_OPENAI_API_BASE_URL"] == "http://whisper:8000/v1"
    assert stack.web_ui.keys["AUDIO_STT_OPENAI_API_KEY"] == ("whisper",)
    assert stack.services == ()


def test_models_that_only_help_are_not_chatted_with() -> None:
    settings = chat(embeddingModel="bge", speechToText={"model": "whisper"})
    stack = plan(models=[model(), BGE, WHISPER], webUi=settings)
    assert env(stack)["OPENAI_API_BASE_URLS"] == "http://qwq:8000/v1"
    assert stack.web_ui.keys["OPENAI_API_KEYS"] == ("qwq",)
    assert all(Peer(name, 8000) in stack.web_ui.server.calls for name in ("bge", "whisper"))


@pytest.mark.parametrize("named", ["nomic-embed-text", "nomic-embed-text:latest"])
def test_a_light_model_that_only_embeds_is_not_chatted_with(named: str) -> None:
    found = env(plan(ollama=OLLAMA, webUi=chat(embeddingModel=named)))
    assert found["ENABLE_OLLAMA_API"] == "true"
    assert json.loads(found["OLLAMA_API_CONFIGS"]) == {"0": {"model_ids": ["gemma3:4b"]}}


def test_a_server_that_only_embeds_is_no_connection() -> None:
    found = env(plan(ollama={"models": ["nomic-embed-text"]}, webUi=chat(embeddingModel="nomic-embed-text")))
    assert (found["ENABLE_OLLAMA_API"], found["RAG_OLLAMA_BASE_URL"]) == ("false", "http://ollama:11434")


def test_without_an_embedding_model_every_light_one_is_offered() -> None:
    found = env(plan(ollama=OLLAMA))
    assert found["ENABLE_OLLAMA_API"] == "true" and "OLLAMA_API_CONFIGS" not in found


@pytest.mark.parametrize(("dimensions", "half"), [(1536, None), (2000, None), (2560, "true")])
def test_long_vectors_are_kept_at_half_precision(dimensions: int, half: str | None) -> None:
    tier = plan(webUi=chat(embeddingDimensions=dimensions)).web_ui
    for workload in (tier.server, tier.migration):
        assert workload and workload.container.env["PGVECTOR_INITIALIZE_MAX_VECTOR_LENGTH"] == str(dimensions)
        assert workload.container.env.get("PGVECTOR_USE_HALFVEC") == half


def test_an_arena_knows_its_models_as_the_chat_does() -> None:
    arena = {"name": "Arena", "models": ["qwq", "nomic-embed-text"]}
    found = env(plan(ollama=OLLAMA, webUi=chat(evaluation={"arenaModels": [arena]})))
    [entry] = json.loads(found["EVALUATION_ARENA_MODELS"])
    assert entry["meta"]["model_ids"] == ["qwq", "nomic-embed-text:latest"]
    assert found["ENABLE_EVALUATION_ARENA_MODELS"] == "true"


def test_an_arena_is_for_everyone() -> None:
    found = web_ui(evaluation={"arenaModels": [{"name": "Arena"}]})
    [entry] = json.loads(found["EVALUATION_ARENA_MODELS"])
    assert entry["meta"]["access_grants"] == [{"principal_type": "user", "principal_id": "*", "permission": "read"}]


def test_an_arena_over_all_models_is_left_to_open_webui() -> None:
    found = web_ui(evaluation={})
    assert found["ENABLE_EVALUATION_ARENA_MODELS"] == "true" and "EVALUATION_ARENA_MODELS" not in found


# People


def test_people_reach_it_under_every_name_they_use() -> None:
    found = web_ui(hostname="chat.example.org", exposure=TLS, otherOrigins=["https://chat.internal"])
    assert found["CORS_ALLOW_ORIGIN"] == "https://chat.example.org;https://chat.internal"


def test_banners_have_every_field() -> None:
    [banner] = json.loads(web_ui(banners=[{"content": "Closed on Monday"}])["WEBUI_BANNERS"])
    assert banner.keys() >= {"id", "type", "title", "content", "dismissible", "timestamp"}


def test_the_provider_sends_people_back() -> None:
    stack = plan(webUi=chat(hostname="chat.example.org", exposure=TLS, openIdConnect=OPEN_ID))
    assert env(stack)["OPENID_REDIRECT_URI"] == "https://chat.example.org/oauth/oidc/callback"
    assert "OAUTH_CLIENT_SECRET" in stack.web_ui.server.container.secret_env
    assert stack.web_ui.server.calls_outside == (Outside(443),)


def test_roles_follow_the_provider_only_where_wanted() -> None:
    base = {"hostname": "chat.example.org", "exposure": TLS}
    without = web_ui(**base, openIdConnect=OPEN_ID)
    given = web_ui(**base, openIdConnect={**OPEN_ID, "rolesClaim": "roles", "adminRoles": ["it"]})
    assert "ENABLE_OAUTH_ROLE_MANAGEMENT" not in without
    assert (given["OAUTH_ALLOWED_ROLES"], given["OAUTH_ADMIN_ROLES"]) == ("user,it", "it")


def test_secrets_are_never_plain_variables() -> None:
    settings = chat(hostname="chat.example.org", exposure=TLS, openIdConnect=OPEN_ID, uploads={"s3": S3})
    stack = plan(webUi=settings)
    assert "planted-value" not in repr(stack)


# Uploads


def test_uploads_are_on_a_volume_that_every_replica_mounts() -> None:
    files = plan(webUi=chat(replicas=2, redis={}, uploads={"volumeGib": 200})).web_ui.files
    assert isinstance(files, Claim) and (files.size_gib, files.shared) == (200, True)


def test_a_bucket_replaces_the_volume() -> None:
    stack = plan(webUi=chat(uploads={"volumeGib": 10, "s3": {**S3, "networks": ["10.1.2.3/32"]}}))
    server = stack.web_ui.server
    assert stack.web_ui.files is None and server.claims == ()
    data = next(m.volume for m in server.container.mounts if m.path == "/app/backend/data")
    assert isinstance(data, ScratchVolume) and data.size_gib == 10 < server.container.resources.scratch_gib
    assert server.calls_outside == (Outside(9000, ("10.1.2.3/32",)),)
    assert {"S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"} <= set(server.container.secret_env)
    assert server.container.env["S3_ADDRESSING_STYLE"] == "path"


def test_sqlite_keeps_its_volume_beside_a_bucket() -> None:
    stack = plan(webUi=chat(database={"engine": "sqlite", "storageClass": "local-ssd"}, uploads={"s3": S3}))
    assert stack.web_ui.files
