"""How many connections to Postgres the web tier may open.

Every worker of Open WebUI has three pools on the same database: that of requests, that of its start, and that of
vectors. Source: open-webui 0.12.4, internal/db.py and retrieval/vector/dbs/pgvector.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hearth.problems import Path, Problem
from hearth.settings.stack import Settings
from hearth.settings.web_ui import WebUi

_RESERVED = 20
"""For backups, an operator of databases, and a person with psql."""
_POSTGRES_DEFAULT = 100
_STEP = 50


@dataclass(frozen=True)
class Connections:
    """Connections in the worst case, and how they come about."""

    needed: int
    arithmetic: str

    @property
    def allowed(self) -> int:
        """What a server of the stack's own allows, as Postgres's max_connections."""
        return max(_POSTGRES_DEFAULT, -(-self.needed // _STEP) * _STEP)

    @property
    def with_limit(self) -> str:
        """The arithmetic, and what a server of the stack's own allows."""
        return f"{self.arithmetic}; max_connections is {self.allowed}"


@dataclass(frozen=True)
class _Pools:
    """Connections of one worker: kept, and opened for a moment beyond that."""

    size: int

    @property
    def overflow(self) -> int:
        return self.size // 2

    @property
    def vectors(self) -> int:
        """Both of what is kept and of the overflow: searches are rarer than other queries."""
        return max(1, self.size // 2)

    @property
    def worker(self) -> int:
        return 2 * (self.size + self.overflow) + 2 * self.vectors


def count_connections(web_ui: WebUi) -> Connections:
    """Every worker of every replica, the migration as one more worker, and a reserve."""
    pools = _Pools(web_ui.database.pool_size)
    workers = web_ui.replicas * web_ui.workers
    needed = (workers + 1) * pools.worker + _RESERVED
    kept = f"{pools.size} + {pools.overflow}"
    return Connections(
        needed,
        f"{web_ui.replicas} x {web_ui.workers} workers and the migration, each with two pools of {kept} and "
        f"one for vectors of {pools.vectors} + {pools.vectors}: {workers + 1} x {pools.worker}, "
        f"and {_RESERVED} in reserve, are {needed} connections",
    )


def pool_variables(web_ui: WebUi) -> Mapping[str, str]:
    """The pools as Open WebUI is told; those of vectors are 5 + 10 if nothing is said."""
    pools = _Pools(web_ui.database.pool_size)
    return {
        "DATABASE_POOL_SIZE": str(pools.size),
        "DATABASE_POOL_MAX_OVERFLOW": str(pools.overflow),
        "PGVECTOR_POOL_SIZE": str(pools.vectors),
        "PGVECTOR_POOL_MAX_OVERFLOW": str(pools.vectors),
    }


def find_connection_problems(settings: Settings) -> Iterator[Problem]:
    """Whether an external server allows as many connections as the web tier may open."""
    external = settings.web_ui.database.external
    allowed = external.max_connections if external else None
    connections = count_connections(settings.web_ui)
    if allowed is not None and allowed < connections.needed:
        path: Path = ("webUi", "database", "external", "maxConnections")
        rests_on = (("webUi", "replicas"), ("webUi", "workers"), ("webUi", "database", "poolSize"))
        remedy = "raise the limit of the server, or lower replicas, workers or database.poolSize"
        yield Problem(path, allowed, connections.arithmetic, remedy, depends_on=rests_on)
