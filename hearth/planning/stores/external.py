"""Servers that are there already: the stack only needs to reach them."""

from __future__ import annotations

from collections.abc import Mapping

from hearth.planning.connections import Connections
from hearth.planning.plan import StorePlan
from hearth.planning.stores.client import DATABASE_SECRETS, REDIS_SECRETS, redis_variables, sentinel_variables
from hearth.settings.stores import ExternalPostgres, ExternalRedis, ExternalServer
from hearth.workload import Outside


def plan_external_redis(wanted: ExternalRedis) -> StorePlan:
    """Redis or Valkey, alone or behind Sentinels."""
    ports = (wanted.port, wanted.sentinel_port) if wanted.sentinels else (wanted.port,)
    env = dict(redis_variables())
    if wanted.sentinels:
        env |= sentinel_variables(wanted.sentinels, wanted.sentinel_port)
    return StorePlan(
        "external",
        env=env,
        secret_env=REDIS_SECRETS,
        calls_outside=tuple(_outside(wanted, port) for port in ports),
    )


def plan_external_postgres(wanted: ExternalPostgres, connections: Connections, env: Mapping[str, str]) -> StorePlan:
    """Postgres with the extension vector."""
    return StorePlan(
        "external",
        env=env,
        secret_env=DATABASE_SECRETS,
        calls_outside=(_outside(wanted, wanted.port),),
        connections=connections.arithmetic,
    )


def _outside(server: ExternalServer, port: int) -> Outside:
    return Outside(port, tuple(server.networks)) if server.networks else Outside(port)
