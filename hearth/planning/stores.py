"""Redis (or Valkey) and Postgres: one server each, with a password and a volume."""

from __future__ import annotations

from hearth.planning.plan import StorePlan
from hearth.planning.scripts import script
from hearth.settings.web_ui import Database, Redis
from hearth.workload import (
    SECRET_FILES,
    Claim,
    ClaimVolume,
    CommandProbe,
    Container,
    Drain,
    FilesVolume,
    Mount,
    Port,
    Probe,
    Probes,
    Resources,
    ScratchVolume,
    SecretFilesVolume,
    Security,
    Workload,
)

REDIS_PORT = 6379
POSTGRES_PORT = 5432
DATABASE = "hearth"
"""Name of the database and of its owner."""

_CONFIG = "/etc/hearth"
_PGDATA = "/var/lib/postgresql/data/pgdata"
_START_SECONDS = 300


def plan_redis(redis: Redis, *, image: str, storage_class: str, callers: tuple[str, ...], time_zone: str) -> StorePlan:
    """A server that keeps its data (append-only file) and never evicts: sessions are not a cache.

    Limits on clients and idle time are those that Open WebUI's documentation advises.
    """
    claim = Claim("redis-data", redis.volume_gib, storage_class, shared=False)
    config = "\n".join(
        [
            f"include {SECRET_FILES}/auth.conf",
            "bind * -::*",
            f"port {REDIS_PORT}",
            "dir /data",
            "appendonly yes",
            f"maxmemory {redis.memory_gib * 768}mb",
            "maxmemory-policy noeviction",
            "maxclients 10000",
            "timeout 1800",
            "",
        ]
    )
    ping = CommandProbe(("sh", "-c", f"{redis.engine}-cli ping | grep -q PONG"))
    server = Workload(
        name="redis",
        kind="statefulset",
        tier="redis",
        container=Container(
            name=redis.engine,
            image=image,
            resources=Resources(cpus=0.25, memory_gib=redis.memory_gib),
            command=(f"{redis.engine}-server", f"{_CONFIG}/server.conf"),
            env={"TZ": time_zone},
            secret_env=("REDISCLI_AUTH",),
            mounts=(
                Mount(_CONFIG, FilesVolume({"server.conf": config}), read_only=True),
                Mount(SECRET_FILES, SecretFilesVolume(("auth.conf",)), read_only=True),
                Mount("/data", ClaimVolume(claim.name)),
                Mount("/tmp", ScratchVolume(size_gib=0.125)),
            ),
        ),
        security=Security(user=999, group=1000),
        ports=(Port("redis", REDIS_PORT),),
        claims=(claim,),
        probes=_command_probes(ping),
        callers=callers,
        ready_timeout_seconds=_START_SECONDS + 60,
    )
    return StorePlan(redis.engine, server, server.name, REDIS_PORT)


def plan_postgres(
    database: Database,
    *,
    image: str,
    storage_class: str,
    callers: tuple[str, ...],
    max_connections: int,
    time_zone: str,
) -> StorePlan:
    """Postgres with pgvector.

    A step before the start sets the owner's password, so that a database whose volume outlived its stack, or whose
    password was rotated, accepts the current one.
    """
    claim = Claim("postgres-data", database.volume_gib, storage_class, shared=False)
    ready = CommandProbe(("pg_isready", "--username", DATABASE, "--dbname", DATABASE))
    env = {"TZ": time_zone, "POSTGRES_USER": DATABASE, "POSTGRES_DB": DATABASE, "PGDATA": _PGDATA}
    mounts = (
        Mount("/var/lib/postgresql/data", ClaimVolume(claim.name)),
        Mount("/var/run/postgresql", ScratchVolume(size_gib=0.125)),
        Mount("/tmp", ScratchVolume(size_gib=0.125)),
        Mount("/dev/shm", ScratchVolume(size_gib=0.25, in_memory=True)),
    )
    scripts = Mount(_CONFIG, FilesVolume({"set_password.sh": script("set_password.sh")}), read_only=True)
    server = Workload(
        name="postgres",
        kind="statefulset",
        tier="postgres",
        before=(
            Container(
                name="set-password",
                image=image,
                resources=Resources(cpus=0.25, memory_gib=0.5),
                command=("sh", f"{_CONFIG}/set_password.sh"),
                env=env,
                secret_env=("POSTGRES_PASSWORD",),
                mounts=(*mounts, scripts),
            ),
        ),
        container=Container(
            name="postgres",
            image=image,
            resources=Resources(cpus=0.5, memory_gib=database.memory_gib),
            args=(
                "-c",
                f"max_connections={max_connections}",
                "-c",
                f"shared_buffers={database.memory_gib * 256}MB",
                "-c",
                "password_encryption=scram-sha-256",
            ),
            env=env,
            secret_env=("POSTGRES_PASSWORD",),
            mounts=mounts,
        ),
        security=Security(user=999, group=999),
        ports=(Port("postgres", POSTGRES_PORT),),
        claims=(claim,),
        probes=_command_probes(ready),
        drain=Drain(endpoint_seconds=0, engine_seconds=60, grace_seconds=90),
        callers=callers,
        ready_timeout_seconds=_START_SECONDS + 60,
    )
    return StorePlan("postgres", server, server.name, POSTGRES_PORT)


def _command_probes(check: CommandProbe) -> Probes:
    return Probes(
        startup=Probe(check, period_seconds=5, failure_threshold=_START_SECONDS // 5),
        readiness=Probe(check),
        liveness=Probe(check, period_seconds=20, timeout_seconds=10, failure_threshold=6),
    )
