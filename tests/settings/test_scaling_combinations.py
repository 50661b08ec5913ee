"""Every combination of replicas, workers, Redis and database: what upstream declares broken is refused.

Source: Open WebUI's documentation, scaling.md and multi-replica.mdx. More than one process needs Redis for sessions and
WebSockets, a Postgres for chats and a vector database of its own server; one process runs with any of them.
"""

from __future__ import annotations

from itertools import product

import pytest

from hearth.planning.stack import make_plan
from hearth.problems import ConfigurationError
from hearth.settings.loading import load_config
from tests.planning.stacks import chat, config

REDIS = {
    "none": None,
    "redis": {"engine": "redis"},
    "valkey": {"engine": "valkey"},
    "dragonfly": {"engine": "dragonfly"},
    "sentinel": {"engine": "valkey", "mode": "sentinel"},
    "external": {"engine": "external", "external": {"url": "redis://:pw@redis.lan/0"}},
}
DATABASE = {
    "sqlite": {"engine": "sqlite", "storageClass": "block"},
    "postgres": {"engine": "postgres"},
    "cloudnativePg": {"engine": "cloudnativePg"},
    "external": {"engine": "external", "external": {"url": "postgresql://u:pw@db.lan/chat"}},
}
COMBINATIONS = [*product((1, 3), (1, 4), REDIS, DATABASE)]


@pytest.mark.parametrize(("replicas", "workers", "redis", "database"), COMBINATIONS)
def test_what_upstream_declares_broken_is_refused(replicas: int, workers: int, redis: str, database: str) -> None:
    web_ui = chat(replicas=replicas, workers=workers, redis=REDIS[redis], database=DATABASE[database])
    loaded = load_config(config(webUi=web_ui), "test")
    several = replicas * workers > 1
    broken = {"hearth:webUi.redis": redis == "none", "hearth:webUi.database.engine": database == "sqlite"}
    assert {problem.key for problem in loaded.problems} == {key for key, bad in broken.items() if bad and several}
    if loaded.problems:
        with pytest.raises(ConfigurationError):
            make_plan(loaded)
    else:
        vectors = make_plan(loaded).web_ui.server.container.env["VECTOR_DB"]
        assert vectors == ("chroma" if database == "sqlite" else "pgvector")
