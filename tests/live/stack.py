"""A whole web tier on this machine: two replicas with two workers each, their stores and engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hearth.evaluation import Evaluation, evaluate
from hearth.settings.loading import load_config
from tests.live import packages
from tests.live.rendering import Rendered, rendered
from tests.live.servers import Server, WebUiSite, engine, migrate, postgres, redis, web_ui
from tests.planning import stacks

ANSWER = "Hello from a tiny model that speaks one word after another."
THOUGHT = "The person greets me, so an answer is due."
REASONING_ANSWER = "Good day, dear reader!"
COUNT = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
"""The slow model's answer, for what happens in the middle of one."""
EMBEDDING_MODEL = "nomic-embed-text"
WORDS = ("cafeteria", "opens", "seven", "vault", "combination", "parking", "badge", "blue")
"""Words that the embedding model knows; texts are near when they share them."""

SETTINGS: Mapping[str, Any] = {
    "models": [
        stacks.model(name="plain", source="Qwen/QwQ-32B"),
        stacks.model(name="thinker", source="Qwen/QwQ-32B"),
        stacks.model(name="counter", source="Qwen/QwQ-32B"),
    ],
    "ollama": {"models": [EMBEDDING_MODEL]},
    "webUi": stacks.chat(
        replicas=2,
        workers=2,
        redis={"engine": "valkey"},
        database={"engine": "postgres"},
        embeddingModel=EMBEDDING_MODEL,
    ),
}
SPEECHES: Mapping[str, Mapping[str, object]] = {
    "plain": {"text": ANSWER},
    "thinker": {"text": f"<think>{THOUGHT}</think>{REASONING_ANSWER}"},
    "counter": {"text": COUNT, "words_per_second": 5},
}


@dataclass(frozen=True)
class LiveStack:
    """The running servers, and what the stack's evaluation renders for them."""

    evaluation: Evaluation
    site: WebUiSite
    web_ui: Rendered
    replicas: Sequence[Server]
    redis: Server
    postgres: Server
    engines: Mapping[str, Server]

    @property
    def urls(self) -> list[str]:
        """Of each replica."""
        return [f"http://127.0.0.1:{server.port}" for server in self.replicas]

    @property
    def admin(self) -> tuple[str, str]:
        """E-mail address and password of the first account."""
        account = rendered(self.evaluation, "web-ui-migration").env
        return account["WEBUI_ADMIN_EMAIL"], account["WEBUI_ADMIN_PASSWORD"]


@contextmanager
def live_stack(
    folder: Path,
    on_progress: Callable[[str], None],
    *,
    changes: Mapping[str, Any] | None = None,
    version: str | None = None,
) -> Iterator[LiveStack]:
    """Start everything in the order of a deployment: stores, engines, the migration, the replicas.

    `changes` replace settings; `version` is a release of Open WebUI other than the pinned one. Raises ServerError with
    the end of a log when something does not start, and PackageError when something cannot be installed.
    """
    python = packages.open_webui(version or packages.open_webui_version(), on_progress)
    tools = packages.tools(on_progress)
    evaluation = evaluate(load_config(stacks.config(**{**SETTINGS, **(changes or {})}), "live"))
    server = rendered(evaluation, "web-ui")
    with ExitStack() as started:
        store = started.enter_context(redis(rendered(evaluation, "redis"), folder, tools))
        database = started.enter_context(postgres(rendered(evaluation, "postgres"), folder, tools))
        engines = {
            options["name"]: started.enter_context(engine(options, folder, tools)) for options in _engines(evaluation)
        }
        hosts = {
            "redis:6379": store.port,
            "postgres:5432": database.port,
            "ollama:11434": engines[EMBEDDING_MODEL].port,
        }
        hosts |= {f"{name}:8000": engines[name].port for name in SPEECHES}
        site = WebUiSite(python, folder, hosts)
        migrate(site, rendered(evaluation, "web-ui-migration"))
        replicas = started.enter_context(web_ui(site, server))
        yield LiveStack(evaluation, site, server, replicas, store, database, engines)


def _engines(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    for name, speech in SPEECHES.items():
        key = rendered(evaluation, name).env["VLLM_API_KEY"]
        yield {"role": "openai", "name": name, "key": key, **speech}
    yield {"role": "ollama", "name": EMBEDDING_MODEL, "words": WORDS}
