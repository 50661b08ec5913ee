"""How Open WebUI is told about its stores. Source: open-webui 0.12.4, env.py and utils/redis.py."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

REDIS_SECRETS = ("REDIS_URL", "WEBSOCKET_REDIS_URL")
"""Variables that hold the URL of Redis, with its password."""
DATABASE_SECRETS = ("DATABASE_URL",)
"""Variables that hold the URL of Postgres, with its password."""

_CONNECT_SECONDS = 5


def redis_variables() -> Mapping[str, str]:
    """The health check finds connections that the server's idle timeout has closed."""
    return {
        "ENABLE_WEBSOCKET_SUPPORT": "true",
        "WEBSOCKET_MANAGER": "redis",
        "REDIS_HEALTH_CHECK_INTERVAL": "60",
        "REDIS_SOCKET_CONNECT_TIMEOUT": str(_CONNECT_SECONDS),
    }


def sentinel_variables(hosts: Sequence[str], port: int) -> Mapping[str, str]:
    """Both kinds of connection are told their Sentinels: neither falls back to those of the other.

    With these delays a failover fails one call, not dozens; without a socket timeout, events published to a master that
    hangs would wait for ever. Measured with Redis 7.0 and Valkey 9.1.
    """
    names = ",".join(hosts)
    return {
        "REDIS_SENTINEL_HOSTS": names,
        "REDIS_SENTINEL_PORT": str(port),
        "REDIS_SENTINEL_MAX_RETRY_COUNT": "5",
        "REDIS_RECONNECT_DELAY": "1000",
        "WEBSOCKET_SENTINEL_HOSTS": names,
        "WEBSOCKET_SENTINEL_PORT": str(port),
        "WEBSOCKET_REDIS_OPTIONS": json.dumps({"socket_timeout": 15, "socket_connect_timeout": _CONNECT_SECONDS}),
    }
