"""Redis and Postgres: servers of the stack's own, a cluster of an operator, or servers that are there already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hearth.planning.connections import count_connections, pool_variables
from hearth.planning.plan import StorePlan
from hearth.planning.stores.external import plan_external_postgres, plan_external_redis
from hearth.planning.stores.postgres import plan_cluster, plan_postgres
from hearth.planning.stores.redis import plan_sentinel, plan_server
from hearth.settings.web_ui import WebUi


@dataclass(frozen=True)
class StoreContext:
    """What stores have in common."""

    images: Mapping[str, str]
    storage_class: str
    time_zone: str
    retain: bool
    """Keep data when the stack is destroyed."""


def plan_redis(web_ui: WebUi, context: StoreContext, *, callers: tuple[str, ...]) -> StorePlan | None:
    """Sessions and WebSockets; None where the stack has one process."""
    wanted = web_ui.redis
    if wanted is None:
        return None
    if wanted.external:
        return plan_external_redis(wanted.external)
    plan = plan_sentinel if wanted.mode == "sentinel" else plan_server
    return plan(
        wanted,
        image=wanted.image or context.images[wanted.engine],
        storage_class=context.storage_class,
        callers=callers,
        time_zone=context.time_zone,
    )


def plan_database(web_ui: WebUi, context: StoreContext, *, callers: tuple[str, ...]) -> StorePlan | None:
    """Chats and vectors; None with SQLite."""
    wanted = web_ui.database
    connections = count_connections(web_ui)
    env = pool_variables(web_ui)
    if wanted.engine == "sqlite":
        return None
    if wanted.external:
        return plan_external_postgres(wanted.external, connections, env)
    image = wanted.image or context.images[wanted.engine]
    if wanted.engine == "cloudnativePg":
        return plan_cluster(
            wanted,
            image=image,
            storage_class=context.storage_class,
            callers=callers,
            connections=connections,
            env=env,
            time_zone=context.time_zone,
            retain=context.retain,
        )
    return plan_postgres(
        wanted,
        image=image,
        storage_class=context.storage_class,
        callers=callers,
        connections=connections,
        env=env,
        time_zone=context.time_zone,
    )
