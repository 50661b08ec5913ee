"""Open WebUI: wired to every model and to its stores, migrated once, reached from outside.

Variables and their traps: https://docs.openwebui.com/getting-started/env-configuration and the source of 0.12.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hearth.planning.plan import ModelPlan, OllamaPlan, StorePlan, WebUiPlan
from hearth.planning.rollout import http_probes
from hearth.settings.web_ui import WebUi
from hearth.workload import (
    Claim,
    ClaimVolume,
    Container,
    Drain,
    Exposure,
    Mount,
    Peer,
    Port,
    Resources,
    Rollout,
    ScratchVolume,
    Security,
    Tls,
    Workload,
)

NAME = "web-ui"
MIGRATION = "web-ui-migration"
PORT = 8080
_DATA = "/app/backend/data"
_BACKEND = "/app/backend"
_START_SECONDS = 300
_POOL_SIZE = 8
_POOL_OVERFLOW = 4
_RESERVED_CONNECTIONS = 20
"""For the migration, backups and a person with psql."""


def max_connections(web_ui: WebUi) -> int:
    """Connections Postgres must allow: every worker of every replica may open its pool and overflow."""
    wanted = web_ui.replicas * web_ui.workers * (_POOL_SIZE + _POOL_OVERFLOW) + _RESERVED_CONNECTIONS
    return max(100, -(-wanted // 50) * 50)


def plan_web_ui(
    web_ui: WebUi,
    *,
    models: Sequence[ModelPlan],
    ollama: OllamaPlan | None,
    redis: StorePlan | None,
    postgres: StorePlan | None,
    image: str,
    files_class: str,
    time_zone: str,
) -> WebUiPlan:
    """The web tier. `files_class` is the StorageClass of uploads, or with SQLite of its database and uploads."""
    shared = postgres is not None
    files = Claim("web-ui-files", web_ui.files_volume_gib, files_class, shared=shared)
    mounts = (
        Mount(_DATA, ClaimVolume(files.name)),
        Mount("/static", ScratchVolume(size_gib=0.25)),
        Mount("/tmp", ScratchVolume(size_gib=2)),
    )
    base = {
        "TZ": time_zone,
        "HOME": "/tmp",
        "DATA_DIR": _DATA,
        "STATIC_DIR": "/static",
        "VECTOR_DB": "pgvector" if postgres else "chroma",
        **_no_calls_outside(),
    }
    secrets = ["WEBUI_SECRET_KEY"]
    if postgres:
        secrets.append("DATABASE_URL")
    calls = [Peer(store.server.name, store.port) for store in (redis, postgres) if store]
    calls += [Peer(model.server.name, model.server.ports[0].number) for model in models]
    if ollama:
        calls.append(Peer(ollama.server.name, ollama.server.ports[0].number))
    server_secrets = [*secrets, "WEBUI_ADMIN_PASSWORD"]
    if redis:
        server_secrets += ["REDIS_URL", "WEBSOCKET_REDIS_URL"]
    if models:
        server_secrets.append("OPENAI_API_KEYS")
    memory = 0.5 + web_ui.workers * web_ui.memory_gib_per_worker
    server = Workload(
        name=NAME,
        kind="deployment",
        tier="web-ui",
        container=Container(
            name="open-webui",
            image=image,
            resources=Resources(cpus=web_ui.workers * web_ui.cpus_per_worker, memory_gib=memory, scratch_gib=3),
            command=("sh", "-c", f'cd {_BACKEND} && exec python -m uvicorn open_webui.main:app "$@"', "uvicorn"),
            args=(
                "--host=0.0.0.0",
                f"--port={PORT}",
                f"--workers={web_ui.workers}",
                "--forwarded-allow-ips=*",
            ),
            env={
                **base,
                **_access(web_ui),
                **_models(models, ollama),
                **_documents(web_ui, ollama),
                **(_redis() if redis else {}),
                **(_postgres() if postgres else {}),
            },
            secret_env=tuple(server_secrets),
            mounts=mounts,
        ),
        security=Security(user=1000, group=0),
        replicas=web_ui.replicas,
        ports=(Port("http", PORT),),
        claims=(files,),
        probes=http_probes(PORT, alive_path="/health", ready_path="/ready", budget_seconds=_START_SECONDS),
        rollout=Rollout("rolling", max_surge=1, max_unavailable=0) if shared else Rollout("recreate"),
        drain=Drain(endpoint_seconds=10, engine_seconds=30, grace_seconds=60),
        callers=(),
        calls=tuple(calls),
        exposure=_exposure(web_ui),
        min_available=web_ui.replicas - 1 if web_ui.replicas > 1 else None,
        ready_timeout_seconds=_START_SECONDS * 2,
    )
    return WebUiPlan(
        server=server,
        migration=_migration(image, base, secrets, mounts, postgres) if postgres else None,
        files=files,
        url=_url(web_ui),
    )


def _migration(
    image: str, base: Mapping[str, str], secrets: Sequence[str], mounts: tuple[Mount, ...], postgres: StorePlan
) -> Workload:
    """Importing the configuration migrates the schema; importing the vector store makes its extension and table.

    Open WebUI takes no lock for either, so one Job does both before any replica starts.
    """
    steps = "import open_webui.config, open_webui.retrieval.vector.factory"
    scratch = tuple(mount for mount in mounts if not isinstance(mount.volume, ClaimVolume))
    return Workload(
        name=MIGRATION,
        kind="job",
        tier="web-ui",
        container=Container(
            name="migrate",
            image=image,
            resources=Resources(cpus=0.25, memory_gib=1.5, scratch_gib=2),
            command=("sh", "-c", f"cd {_BACKEND} && exec python -c '{steps}'"),
            env={**base, "ENABLE_DB_MIGRATIONS": "True", "PGVECTOR_CREATE_EXTENSION": "true"},
            secret_env=tuple(secrets),
            mounts=(Mount(_DATA, ScratchVolume(size_gib=1)), *scratch),
        ),
        security=Security(user=1000, group=0),
        calls=(Peer(postgres.server.name, postgres.port),),
        ready_timeout_seconds=1800,
    )


def _no_calls_outside() -> dict[str, str]:
    return {
        "OFFLINE_MODE": "true",
        "ENABLE_VERSION_UPDATE_CHECK": "false",
        "ENABLE_COMMUNITY_SHARING": "false",
        "ANONYMIZED_TELEMETRY": "false",
        "DO_NOT_TRACK": "true",
        "SCARF_NO_ANALYTICS": "true",
    }


def _access(web_ui: WebUi) -> dict[str, str]:
    """Who gets in. Settings follow the stack at every start; changes in the admin panel do not outlive a restart."""
    env = {
        "ENABLE_PERSISTENT_CONFIG": "false",
        "WEBUI_AUTH": "true",
        "ENABLE_SIGNUP": str(web_ui.sign_up).lower(),
        "DEFAULT_USER_ROLE": web_ui.default_user_role,
        "WEBUI_ADMIN_EMAIL": web_ui.admin.email,
        "WEBUI_ADMIN_NAME": web_ui.admin.name,
        "THREAD_POOL_SIZE": "2000",
    }
    url = _url(web_ui)
    if url:
        env |= {"WEBUI_URL": url, "CORS_ALLOW_ORIGIN": url}
    if web_ui.exposure.tls:
        env |= {"WEBUI_SESSION_COOKIE_SECURE": "true", "WEBUI_AUTH_COOKIE_SECURE": "true"}
    return env


def _models(models: Sequence[ModelPlan], ollama: OllamaPlan | None) -> dict[str, str]:
    """Both kinds of connection are always stated: left out, they point to public addresses."""
    env = {"ENABLE_OPENAI_API": str(bool(models)).lower(), "ENABLE_OLLAMA_API": str(ollama is not None).lower()}
    if models:
        env["OPENAI_API_BASE_URLS"] = ";".join(model.url for model in models)
    if ollama:
        env["OLLAMA_BASE_URLS"] = ollama.url
    return env


def _documents(web_ui: WebUi, ollama: OllamaPlan | None) -> dict[str, str]:
    """Retrieval by an embedding model of the stack, else whole documents; never a model downloaded at start."""
    env = {"RAG_EMBEDDING_ENGINE": "ollama"}
    if web_ui.embedding_model and ollama:
        return env | {"RAG_OLLAMA_BASE_URL": ollama.url, "RAG_EMBEDDING_MODEL": web_ui.embedding_model}
    return env | {"BYPASS_EMBEDDING_AND_RETRIEVAL": "true"}


def _redis() -> dict[str, str]:
    return {"ENABLE_WEBSOCKET_SUPPORT": "true", "WEBSOCKET_MANAGER": "redis"}


def _postgres() -> dict[str, str]:
    return {
        "ENABLE_DB_MIGRATIONS": "false",
        "PGVECTOR_CREATE_EXTENSION": "false",
        "DATABASE_POOL_SIZE": str(_POOL_SIZE),
        "DATABASE_POOL_MAX_OVERFLOW": str(_POOL_OVERFLOW),
    }


def _exposure(web_ui: WebUi) -> Exposure | None:
    wanted = web_ui.exposure
    if wanted.type == "none":
        return None
    tls = Tls(wanted.tls.secret_name, wanted.tls.cluster_issuer) if wanted.tls else None
    return Exposure(wanted.type, PORT, web_ui.hostname, wanted.class_name, wanted.address, tls)


def _url(web_ui: WebUi) -> str | None:
    host = web_ui.hostname or web_ui.exposure.address
    if web_ui.exposure.type == "none" or host is None:
        return None
    return f"{'https' if web_ui.exposure.tls else 'http'}://{host}"
