"""Postgres with pgvector: one server, or a cluster that the operator of CloudNativePG runs."""

from __future__ import annotations

from collections.abc import Mapping

from hearth.catalog.versions import charts
from hearth.planning.connections import Connections
from hearth.planning.plan import PostgresCluster, StorePlan
from hearth.planning.scripts import script
from hearth.planning.stores.client import DATABASE_SECRETS
from hearth.planning.stores.probes import START_SECONDS, command_probes
from hearth.settings.stores import Database
from hearth.workload import (
    Claim,
    ClaimVolume,
    CommandProbe,
    Container,
    Drain,
    FilesVolume,
    Mount,
    Peer,
    Port,
    Resources,
    ScratchVolume,
    Security,
    Workload,
)

NAME = "postgres"
PORT = 5432
DATABASE = "hearth"
"""Name of the database and of its owner."""

_CONFIG = "/etc/hearth"
_PGDATA = "/var/lib/postgresql/data/pgdata"
_INSTANCES = 3


def plan_postgres(
    wanted: Database,
    *,
    image: str,
    storage_class: str,
    callers: tuple[str, ...],
    connections: Connections,
    env: Mapping[str, str],
    time_zone: str,
) -> StorePlan:
    """One server.

    A step before the start sets the owner's password, so that a database whose volume outlived its stack, or whose
    password was rotated, accepts the current one.
    """
    parameters = {**_parameters(wanted, connections), "password_encryption": "scram-sha-256"}
    claim = Claim("postgres-data", wanted.volume_gib, storage_class, shared=False)
    variables = {"TZ": time_zone, "POSTGRES_USER": DATABASE, "POSTGRES_DB": DATABASE, "PGDATA": _PGDATA}
    mounts = (
        Mount("/var/lib/postgresql/data", ClaimVolume(claim.name)),
        Mount("/var/run/postgresql", ScratchVolume(size_gib=0.125)),
        Mount("/tmp", ScratchVolume(size_gib=0.125)),
        Mount("/dev/shm", ScratchVolume(size_gib=0.25, in_memory=True)),
    )
    scripts = Mount(_CONFIG, FilesVolume({"set_password.sh": script("set_password.sh")}), read_only=True)
    server = Workload(
        name=NAME,
        kind="statefulset",
        tier="postgres",
        before=(
            Container(
                name="set-password",
                image=image,
                resources=Resources(cpus=0.25, memory_gib=0.5),
                command=("sh", f"{_CONFIG}/set_password.sh"),
                env=variables,
                secret_env=("POSTGRES_PASSWORD",),
                mounts=(*mounts, scripts),
            ),
        ),
        container=Container(
            name="postgres",
            image=image,
            resources=Resources(cpus=0.5, memory_gib=wanted.memory_gib),
            args=tuple(part for key, value in parameters.items() for part in ("-c", f"{key}={value}")),
            env=variables,
            secret_env=("POSTGRES_PASSWORD",),
            mounts=mounts,
        ),
        security=Security(user=999, group=999),
        ports=(Port("postgres", PORT),),
        claims=(claim,),
        probes=command_probes(CommandProbe(("pg_isready", "--username", DATABASE, "--dbname", DATABASE))),
        drain=Drain(endpoint_seconds=0, engine_seconds=60, grace_seconds=90),
        callers=callers,
        ready_timeout_seconds=START_SECONDS + 60,
    )
    return StorePlan(
        "postgres",
        address=f"{NAME}:{PORT}",
        servers=(server,),
        env=env,
        secret_env=DATABASE_SECRETS,
        peers=(Peer(NAME, PORT),),
        connections=connections.with_limit,
    )


def plan_cluster(
    wanted: Database,
    *,
    image: str,
    storage_class: str,
    callers: tuple[str, ...],
    connections: Connections,
    env: Mapping[str, str],
    time_zone: str,
    retain: bool,
) -> StorePlan:
    """A primary and replicas that follow it; the operator promotes one of them when the primary is lost.

    The web tier talks to the primary alone. Its pods carry the operator's labels instead of the stack's.
    """
    cluster = PostgresCluster(
        name=NAME,
        image=image,
        instances=wanted.instances or _INSTANCES,
        resources=Resources(cpus=0.5, memory_gib=wanted.memory_gib),
        volume_gib=wanted.volume_gib,
        storage_class=storage_class,
        database=DATABASE,
        parameters={**_parameters(wanted, connections), "timezone": time_zone},
        pod_labels={"cnpg.io/cluster": NAME},
        callers=callers,
        port=PORT,
        retain=retain,
        operator_namespace=charts()["cloudnativePg"].namespace,
        ready_timeout_seconds=START_SECONDS * (wanted.instances or _INSTANCES),
    )
    return StorePlan(
        "cloudnative-pg",
        address=f"{NAME}-rw:{PORT}",
        cluster=cluster,
        env=env,
        secret_env=DATABASE_SECRETS,
        peers=(Peer(NAME, PORT, cluster.pod_labels),),
        connections=connections.with_limit,
    )


def _parameters(wanted: Database, connections: Connections) -> dict[str, str]:
    return {
        "max_connections": str(connections.allowed),
        "shared_buffers": f"{wanted.memory_gib * 256}MB",
    }
