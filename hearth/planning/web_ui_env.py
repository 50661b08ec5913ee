"""Environment of Open WebUI by topic: pure functions from settings and plans to variables.

Variables and their traps: https://docs.openwebui.com/getting-started/env-configuration and the source of 0.12.4.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from hearth.catalog.versions import version_of
from hearth.planning.plan import ServicePlan
from hearth.planning.reach import Reach
from hearth.planning.web_ui_wiring import Endpoint, Wiring
from hearth.settings.checks.names import full_tag
from hearth.settings.services import ArenaModel, Banner, OpenIdConnect, Uploads
from hearth.settings.web_ui import WebUi

_LONGEST_VECTOR = 2000
"""Dimensions that pgvector indexes at full precision; it takes 4000 at half."""


def environment(web_ui: WebUi, wiring: Wiring, reach: Reach) -> dict[str, str]:
    """Of every replica, whatever its database."""
    return {
        **_isolation(),
        **_access(web_ui, reach),
        **_look(web_ui),
        **_connections(wiring),
        **_embeddings(web_ui, wiring),
        **_content_extraction(wiring.extraction),
        **_speech_to_text(wiring.speech),
        **_evaluation(web_ui, wiring.ollama.models if wiring.ollama else ()),
        **_uploads(web_ui.uploads),
    }


def postgres(web_ui: WebUi) -> dict[str, str]:
    """Of replicas, which find Postgres ready."""
    return {**_vectors(web_ui), "ENABLE_DB_MIGRATIONS": "false", "PGVECTOR_CREATE_EXTENSION": "false"}


def sqlite() -> dict[str, str]:
    """Of the one process that keeps everything in files."""
    return {"VECTOR_DB": "chroma"}


def migration(web_ui: WebUi, *, postgres: bool) -> dict[str, str]:
    """Of what makes the database ready, with the first account while there are no users; its password is a secret."""
    return {
        **_isolation(),
        **({**_vectors(web_ui), "PGVECTOR_CREATE_EXTENSION": "true"} if postgres else sqlite()),
        "ENABLE_DB_MIGRATIONS": "true",
        "WEBUI_ADMIN_EMAIL": web_ui.admin.email,
        "WEBUI_ADMIN_NAME": web_ui.admin.name,
    }


def given_secrets(web_ui: WebUi) -> Mapping[str, str]:
    """Values of the secrets that a stack gives the web UI, by variable."""
    found: dict[str, str] = {}
    if web_ui.open_id_connect:
        found["OAUTH_CLIENT_SECRET"] = web_ui.open_id_connect.client_secret.get_secret_value()
    if web_ui.uploads.s3:
        found["S3_ACCESS_KEY_ID"] = web_ui.uploads.s3.access_key.get_secret_value()
        found["S3_SECRET_ACCESS_KEY"] = web_ui.uploads.s3.secret_key.get_secret_value()
    return found


def _isolation() -> dict[str, str]:
    """No calls outside, and settings that follow the stack: changes in the admin panel do not outlive a restart.

    Functions install nothing with pip: several workers would do so at once, and the package index is outside.
    """
    return {
        "ENV": "prod",
        "ENABLE_PERSISTENT_CONFIG": "false",
        "OFFLINE_MODE": "true",
        "ENABLE_COMMUNITY_SHARING": "false",
        "ENABLE_PIP_INSTALL_FRONTMATTER_REQUIREMENTS": "false",
    }


def _vectors(web_ui: WebUi) -> dict[str, str]:
    env = {"VECTOR_DB": "pgvector", "PGVECTOR_INITIALIZE_MAX_VECTOR_LENGTH": str(web_ui.embedding_dimensions)}
    return env | ({"PGVECTOR_USE_HALFVEC": "true"} if web_ui.embedding_dimensions > _LONGEST_VECTOR else {})


def _access(web_ui: WebUi, reach: Reach) -> dict[str, str]:
    """Who gets in, and from which addresses."""
    env = {
        "ENABLE_SIGNUP": _switch(web_ui.sign_up),
        "DEFAULT_USER_ROLE": web_ui.default_user_role,
        "THREAD_POOL_SIZE": "2000",
        # People see only models that have an entry with access for them; without entries everybody sees all.
        "BYPASS_MODEL_ACCESS_CONTROL": _switch(not (web_ui.provision and web_ui.provision.models)),
    }
    if reach.url:
        origins = [reach.url, *reach.origins, *web_ui.other_origins]
        env |= {"WEBUI_URL": reach.url, "CORS_ALLOW_ORIGIN": ";".join(origins)}
    if web_ui.exposure.tls:
        env |= {"WEBUI_SESSION_COOKIE_SECURE": "true", "WEBUI_AUTH_COOKIE_SECURE": "true"}
    return env | (_open_id_connect(web_ui.open_id_connect, reach.url) if web_ui.open_id_connect else {})


def _look(web_ui: WebUi) -> dict[str, str]:
    """What people see around the chat."""
    env: dict[str, str] = {}
    if web_ui.name:
        env["WEBUI_NAME"] = web_ui.name
    if web_ui.locale:
        env["DEFAULT_LOCALE"] = web_ui.locale
    if web_ui.banners:
        env["WEBUI_BANNERS"] = _json([_banner(index, banner) for index, banner in enumerate(web_ui.banners)])
    return env


def _connections(wiring: Wiring) -> dict[str, str]:
    """To models that people chat with. Both kinds are always stated: left out, they point to public addresses.

    Documents are embedded without the connection to Ollama, which would offer the embedding model as well.
    """
    urls = [model.url for model in wiring.chat] + ([wiring.pipelines.url] if wiring.pipelines else [])
    env = {"ENABLE_OPENAI_API": _switch(bool(urls)), "ENABLE_OLLAMA_API": _switch(bool(wiring.chat_tags))}
    if urls:
        env["OPENAI_API_BASE_URLS"] = ";".join(urls)
    if wiring.ollama:
        env["OLLAMA_BASE_URLS"] = wiring.ollama.url
        if 0 < len(wiring.chat_tags) < len(wiring.ollama.models):
            env["OLLAMA_API_CONFIGS"] = _json({"0": {"model_ids": wiring.chat_tags}})
    return env


def _embeddings(web_ui: WebUi, wiring: Wiring) -> dict[str, str]:
    """Retrieval by an embedding model of the stack, else whole documents; never a model downloaded at start."""
    if wiring.embeddings:
        return {
            "RAG_EMBEDDING_ENGINE": "openai",
            "RAG_OPENAI_API_BASE_URL": wiring.embeddings.url,
            "RAG_EMBEDDING_MODEL": wiring.embeddings.model,
        }
    env = {"RAG_EMBEDDING_ENGINE": "ollama"}
    if web_ui.embedding_model and wiring.ollama:
        return env | {"RAG_OLLAMA_BASE_URL": wiring.ollama.url, "RAG_EMBEDDING_MODEL": web_ui.embedding_model}
    return env | {"BYPASS_EMBEDDING_AND_RETRIEVAL": "true"}


def _content_extraction(service: ServicePlan | None) -> dict[str, str]:
    """Who reads documents; docling is the one that takes a key."""
    if service is None:
        return {}
    if service.key:
        return {"CONTENT_EXTRACTION_ENGINE": "docling", "DOCLING_SERVER_URL": service.url}
    version = version_of(service.server.container.image)
    return {
        "CONTENT_EXTRACTION_ENGINE": "tika",
        "TIKA_SERVER_URL": service.url,
        "TIKA_SERVER_VERSION": version.partition(".")[0],
    }


def _speech_to_text(endpoint: Endpoint | None) -> dict[str, str]:
    """Who transcribes. Without anyone the microphone is hidden: the built-in engine would download a model."""
    if endpoint is None:
        return {"USER_PERMISSIONS_CHAT_STT": "false", "USER_PERMISSIONS_CHAT_CALL": "false"}
    return {
        "AUDIO_STT_ENGINE": "openai",
        "AUDIO_STT_OPENAI_API_BASE_URL": endpoint.url,
        "AUDIO_STT_MODEL": endpoint.model,
    }


def _evaluation(web_ui: WebUi, tags: Sequence[str]) -> dict[str, str]:
    """Arena models; Open WebUI makes one over all models where none is named. It knows Ollama's models by full tags."""
    if web_ui.evaluation is None:
        return {"ENABLE_EVALUATION_ARENA_MODELS": "false"}
    env = {"ENABLE_EVALUATION_ARENA_MODELS": "true"}
    arenas = web_ui.evaluation.arena_models
    if arenas:
        env["EVALUATION_ARENA_MODELS"] = _json([_arena(index, arena, tags) for index, arena in enumerate(arenas)])
    return env


def _uploads(uploads: Uploads) -> dict[str, str]:
    """A bucket, where one is given. Amazon alone has a host name for every bucket."""
    bucket = uploads.s3
    if bucket is None:
        return {}
    env = {
        "STORAGE_PROVIDER": "s3",
        "STORAGE_LOCAL_CACHE": "false",
        "S3_ENDPOINT_URL": bucket.endpoint,
        "S3_BUCKET_NAME": bucket.bucket,
        "S3_REGION_NAME": bucket.region,
        "S3_ADDRESSING_STYLE": "auto" if bucket.endpoint.endswith(".amazonaws.com") else "path",
    }
    return env | ({"S3_KEY_PREFIX": bucket.prefix} if bucket.prefix else {})


def _open_id_connect(provider: OpenIdConnect, url: str | None) -> dict[str, str]:
    env = {
        "OPENID_PROVIDER_URL": provider.provider_url,
        "OAUTH_CLIENT_ID": provider.client_id,
        "OAUTH_PROVIDER_NAME": provider.name,
        "OAUTH_SCOPES": provider.scopes,
        "OAUTH_CODE_CHALLENGE_METHOD": "S256",
        "ENABLE_OAUTH_ID_TOKEN_COOKIE": "false",
        "ENABLE_OAUTH_SIGNUP": _switch(provider.sign_up),
        "OAUTH_MERGE_ACCOUNTS_BY_EMAIL": _switch(provider.merge_accounts_by_email),
        "OAUTH_ALLOWED_DOMAINS": ",".join(provider.allowed_domains) or "*",
        "ENABLE_LOGIN_FORM": _switch(provider.password_sign_in),
    }
    if url:
        env["OPENID_REDIRECT_URI"] = f"{url}/oauth/oidc/callback"
    if provider.roles_claim:
        env |= {
            "ENABLE_OAUTH_ROLE_MANAGEMENT": "true",
            "OAUTH_ROLES_CLAIM": provider.roles_claim,
            "OAUTH_ALLOWED_ROLES": ",".join([*provider.user_roles, *provider.admin_roles]),
            "OAUTH_ADMIN_ROLES": ",".join(provider.admin_roles),
        }
    if provider.groups_claim:
        env |= {
            "ENABLE_OAUTH_GROUP_MANAGEMENT": "true",
            "OAUTH_GROUPS_CLAIM": provider.groups_claim,
            "ENABLE_OAUTH_GROUP_CREATION": _switch(provider.create_groups),
        }
    return env


def _banner(index: int, banner: Banner) -> dict[str, object]:
    """Every field is needed: Open WebUI drops all banners over one that lacks something."""
    return {
        "id": f"banner-{index}",
        "type": banner.type,
        "title": banner.title or "",
        "content": banner.content,
        "dismissible": banner.dismissible,
        "timestamp": 0,
    }


def _arena(index: int, arena: ArenaModel, tags: Sequence[str]) -> dict[str, object]:
    models = [full_tag(model) if model in tags else model for model in arena.models]
    return {
        "id": f"arena-{index}",
        "name": arena.name,
        "meta": {
            "profile_image_url": "/favicon.png",
            "description": arena.description,
            "model_ids": models or None,
            "filter_mode": "include",
            # Without a grant, administrators alone see it as soon as access to models is controlled.
            "access_grants": [{"principal_type": "user", "principal_id": "*", "permission": "read"}],
        },
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _switch(on: bool) -> str:
    return str(on).lower()
