"""Open WebUI: wired to every model and to its stores, migrated once, reached from outside."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from hearth.planning import web_ui_env
from hearth.planning.plan import ModelPlan, OllamaPlan, ServicePlan, StorePlan, WebUiPlan
from hearth.planning.reach import Reach
from hearth.planning.rollout import http_probes
from hearth.planning.scripts import script
from hearth.planning.web_ui_wiring import wire
from hearth.settings.web_ui import WebUi
from hearth.workload import (
    Claim,
    ClaimVolume,
    Container,
    Drain,
    Mount,
    Outside,
    Port,
    Resources,
    Rollout,
    Scheduling,
    ScratchVolume,
    Security,
    Workload,
)

NAME = "web-ui"
MIGRATION = "web-ui-migration"
PROVISION = "web-ui-provision"
PORT = 8080
_DATA = "/app/backend/data"
_BACKEND = "/app/backend"
_START_SECONDS = 300
_SECURITY = Security(user=1000, group=0)
_SCRATCH = (Mount("/static", ScratchVolume(size_gib=0.25)), Mount("/tmp", ScratchVolume(size_gib=2)))
_FOLDERS = {"HOME": "/tmp", "DATA_DIR": _DATA, "STATIC_DIR": "/static"}
_SCRATCH_GIB = 3
_SHARED_MEMORY_GIB = 0.5
"""What the workers of a replica share: libraries, and uvicorn's supervisor.

Open WebUI 0.12.4 with PyTorch 2.15.0 from PyPI, under the load of bench/web_tier.py: 0.44 GiB of libraries and 0.02 of
the supervisor once, and 0.78 GiB that each worker has to itself. Reading a PDF of 600 pages takes 0.13 GiB more.
"""
_DRAIN = Drain(endpoint_seconds=60, engine_seconds=30, grace_seconds=100)
"""Open WebUI writes the answers of its pages in background tasks, which SIGTERM ends at once: they have the time
before it, while new requests go to other replicas."""
_WORKER_SILENCE_SECONDS = 60
"""After which uvicorn replaces a worker; its default of 5 is too short for a busy worker on a small CPU."""


def plan_web_ui(
    web_ui: WebUi,
    *,
    models: Sequence[ModelPlan],
    ollama: OllamaPlan | None,
    redis: StorePlan | None,
    postgres: StorePlan | None,
    services: Sequence[ServicePlan],
    image: str,
    reach: Reach,
    files_class: str,
    time_zone: str,
) -> WebUiPlan:
    """The web tier. `files_class` is the StorageClass of uploads, or with SQLite of its database and uploads."""
    wiring = wire(web_ui, models, ollama, services)
    stores = [store for store in (redis, postgres) if store]
    files = _files(web_ui, files_class, shared=postgres is not None)
    data = ClaimVolume(files.name) if files else ScratchVolume(size_gib=web_ui.uploads.volume_gib)
    secrets = ["WEBUI_SECRET_KEY", *wiring.keys, *web_ui_env.given_secrets(web_ui)]
    secrets += [name for store in stores for name in store.secret_env]
    server = Workload(
        name=NAME,
        kind="deployment",
        tier="web-ui",
        before=() if postgres else (_migrate(image, web_ui, data, None),),
        container=Container(
            name="open-webui",
            image=image,
            resources=Resources(
                cpus=web_ui.workers * web_ui.cpus_per_worker,
                memory_gib=_SHARED_MEMORY_GIB + web_ui.workers * web_ui.memory_gib_per_worker,
                scratch_gib=_SCRATCH_GIB + (0 if files else web_ui.uploads.volume_gib),
            ),
            command=("sh", "-c", f'cd {_BACKEND} && exec python -m uvicorn open_webui.main:app "$@"', "uvicorn"),
            args=(
                "--host=0.0.0.0",
                f"--port={PORT}",
                f"--workers={web_ui.workers}",
                "--forwarded-allow-ips=*",
                f"--timeout-graceful-shutdown={_DRAIN.engine_seconds}",
                f"--timeout-worker-healthcheck={_WORKER_SILENCE_SECONDS}",
                # Deltas of an answer are too short to gain from compression.
                "--ws-per-message-deflate=false",
            ),
            env={
                "TZ": time_zone,
                **_FOLDERS,
                **web_ui_env.environment(web_ui, wiring, reach),
                **(web_ui_env.postgres(web_ui) if postgres else web_ui_env.sqlite()),
                **{name: value for store in stores for name, value in store.env.items()},
            },
            secret_env=tuple(secrets),
            mounts=(Mount(_DATA, data), *_SCRATCH),
        ),
        security=_SECURITY,
        replicas=web_ui.replicas,
        ports=(Port("http", PORT),),
        claims=(files,) if files else (),
        probes=http_probes(PORT, alive_path="/health", ready_path="/ready", budget_seconds=_START_SECONDS),
        # Another version never rolls: the migration replaces the whole Deployment (components/web_ui.py).
        rollout=Rollout("rolling", max_surge=1, max_unavailable=0) if postgres else Rollout("recreate"),
        drain=_DRAIN,
        scheduling=Scheduling(spread=web_ui.replicas > 1),
        callers=(PROVISION,) if web_ui.provision else (),
        calls=(*(peer for store in stores for peer in store.peers), *wiring.peers),
        calls_outside=(*(server for store in stores for server in store.calls_outside), *_outside(web_ui)),
        exposure=reach.exposure,
        min_available=web_ui.replicas - 1 if web_ui.replicas > 1 else None,
        ready_timeout_seconds=_START_SECONDS * 2,
    )
    return WebUiPlan(
        server=server,
        migration=_migration(image, web_ui, postgres) if postgres else None,
        files=files,
        url=reach.url,
        keys=wiring.keys,
        memory=_memory_arithmetic(web_ui, server.memory_gib),
    )


def _memory_arithmetic(web_ui: WebUi, total_gib: float) -> str:
    return (
        f"{_SHARED_MEMORY_GIB:g} GiB and {web_ui.workers} x {web_ui.memory_gib_per_worker:g} GiB for workers are "
        f"{total_gib:g} GiB in each of {web_ui.replicas} replicas: {web_ui.replicas * total_gib:g} GiB"
    )


def _files(web_ui: WebUi, storage_class: str, *, shared: bool) -> Claim | None:
    """The volume of uploads, which every replica mounts, or of SQLite; none where uploads are in a bucket."""
    if shared and web_ui.uploads.s3:
        return None
    return Claim("web-ui-files", web_ui.uploads.volume_gib, storage_class, shared=shared)


def _migration(image: str, web_ui: WebUi, postgres: StorePlan) -> Workload:
    """One Job before any replica starts.

    Whenever something of it changes, the replicas are stopped first. So it says nothing that may change while the
    version and the shape of the database stay the same.
    """
    return Workload(
        name=MIGRATION,
        kind="job",
        tier="web-ui",
        container=_migrate(image, web_ui, ScratchVolume(size_gib=1), postgres),
        security=_SECURITY,
        calls=postgres.peers,
        calls_outside=postgres.calls_outside,
        ready_timeout_seconds=1800,
    )


def _migrate(image: str, web_ui: WebUi, data: ClaimVolume | ScratchVolume, postgres: StorePlan | None) -> Container:
    return Container(
        name="migrate",
        image=image,
        resources=Resources(cpus=0.25, memory_gib=1.5, scratch_gib=2),
        command=("sh", "-c", f'cd {_BACKEND} && exec python -c "$1"', "migrate", script("migrate_web_ui.py")),
        env={**_FOLDERS, **web_ui_env.migration(web_ui, postgres=postgres is not None)},
        secret_env=("WEBUI_SECRET_KEY", "WEBUI_ADMIN_PASSWORD", *(postgres.secret_env if postgres else ())),
        mounts=(Mount(_DATA, data), *_SCRATCH),
    )


def _outside(web_ui: WebUi) -> tuple[Outside, ...]:
    """The identity provider and the bucket, by port and networks."""
    provider, bucket = web_ui.open_id_connect, web_ui.uploads.s3
    found: list[Outside] = []
    if provider:
        found.append(_server_of(provider.provider_url, provider.networks))
    if bucket:
        found.append(_server_of(bucket.endpoint, bucket.networks))
    return tuple(found)


def _server_of(url: str, networks: Sequence[str]) -> Outside:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Outside(port, tuple(networks)) if networks else Outside(port)
