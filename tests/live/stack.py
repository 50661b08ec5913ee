"""A whole web tier on this machine: two replicas with two workers each, their stores and engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hearth.evaluation import Evaluation, evaluate
from hearth.settings.loading import load_config
from tests.live import packages
from tests.live.rendering import Rendered, rendered
from tests.live.servers import Server, WebUiSite, engine, migrate, postgres, psql, redis, web_ui
from tests.planning import stacks

FOLDER = Path(__file__).parent
"""Where files that the settings name are."""

ANSWER = "Hello from a tiny model that speaks one word after another."
THOUGHT = "They ask about leave; chapter four of our handbook covers it, with a table by years in service."
REASONING_ANSWER = "You have 28 days off each year. Up to ten may move into spring; tell your team two weeks before."
COUNT = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
"""The slow model's answer, for what happens in the middle of one."""
EMBEDDING_MODEL = "nomic-embed-text"
LIGHT_MODEL = "gemma3:270m"
"""Offered, though the engine here does not answer with it."""
WORDS = ("cafeteria", "opens", "seven", "vault", "combination", "parking", "badge", "blue")
"""Words that the embedding model knows; texts are near when they share them."""

MEMBER = "anna@example.org"
GRANTED = "handbook"
"""What the member may use: an entry on top of the reasoning model."""
PROVISION: Mapping[str, Any] = {
    "functions": [
        {"id": "reasoning", "source": "reasoning", "global": True},
        {"id": "usage", "source": "usage", "valves": {"decimals": 2}},
    ],
    "groups": [{"name": "staff", "description": "People who work here", "members": [MEMBER]}],
    "models": [
        {
            "id": GRANTED,
            "base": "thinker",
            "name": "Handbook",
            "description": "Answers from the staff handbook",
            "icon": "icons/handbook.png",
            "parameters": {"temperature": 0.2},
            "functions": ["usage"],
            "access": {"groups": ["staff"]},
        },
    ],
}
"""What the provisioning Job brings about; nothing of it is there until a test runs that."""

SETTINGS: Mapping[str, Any] = {
    "models": [
        stacks.model(name="plain", source="Qwen/QwQ-32B"),
        stacks.model(name="thinker", source="Qwen/QwQ-32B"),
        stacks.model(name="counter", source="Qwen/QwQ-32B"),
    ],
    "ollama": {"models": [EMBEDDING_MODEL, LIGHT_MODEL]},
    "webUi": stacks.chat(
        replicas=2,
        workers=2,
        redis={"engine": "valkey"},
        database={"engine": "postgres"},
        embeddingModel=EMBEDDING_MODEL,
        provision=PROVISION,
    ),
    "backup": {"to": {"volume": {"sizeGib": 1}}},
}
SPEECHES: Mapping[str, Mapping[str, object]] = {
    "plain": {"text": ANSWER},
    "thinker": {"text": f"<think>{THOUGHT}</think>{REASONING_ANSWER}", "words_per_second": 20},
    "counter": {"text": COUNT, "words_per_second": 5},
}
_PROVISION_SECONDS = 120


@dataclass(frozen=True)
class LiveStores:
    """What the web tier of a stack connects to, running, and what the stack's evaluation renders."""

    evaluation: Evaluation
    folder: Path
    tools: Path
    """Python that has the servers."""
    redis: Server
    postgres: Server
    engines: Mapping[str, Server]

    @property
    def hosts(self) -> Mapping[str, int]:
        """Ports by `host:port` within the cluster."""
        stores = {"redis:6379": self.redis.port, "postgres:5432": self.postgres.port}
        engines = {f"{name}:8000": self.engines[name].port for name in SPEECHES}
        return {**stores, **engines, "ollama:11434": self.engines[EMBEDDING_MODEL].port}

    @property
    def database(self) -> str:
        """Name of the web UI's own."""
        return rendered(self.evaluation, "postgres").env["POSTGRES_DB"]

    def sql(self, statement: str, database: str) -> str:
        """What psql prints of a statement, as the owner of the stack's database. Raises ServerError when it fails."""
        return psql(rendered(self.evaluation, "postgres"), self.postgres, self.tools, database, statement)


@dataclass(frozen=True)
class LiveStack(LiveStores):
    """The whole web tier: its replicas too."""

    site: WebUiSite
    web_ui: Rendered
    replicas: Sequence[Server]

    @property
    def urls(self) -> list[str]:
        """Of each replica."""
        return [f"http://127.0.0.1:{server.port}" for server in self.replicas]

    @property
    def admin(self) -> tuple[str, str]:
        """E-mail address and password of the first account."""
        account = rendered(self.evaluation, "web-ui-migration").env
        return account["WEBUI_ADMIN_EMAIL"], account["WEBUI_ADMIN_PASSWORD"]

    def provision(self, run: str) -> list[str]:
        """Run the provisioning Job against the first replica; the lines that it reports. `run` names its log.

        Raises ServerError when it fails.
        """
        site = replace(self.site, hosts={**self.site.hosts, "web-ui:8080": self.replicas[0].port})
        job = site.program(f"provision-{run}", rendered(self.evaluation, "web-ui-provision"))
        job.wait(_PROVISION_SECONDS)
        return job.log.read_text().splitlines()


@contextmanager
def live_stack(
    folder: Path, on_progress: Callable[[str], None], changes: Mapping[str, Any] | None = None
) -> Iterator[LiveStack]:
    """Start everything in the order of a deployment: stores, engines, the migration, the replicas.

    `changes` replace settings. Raises ServerError with the end of a log when something does not start, and
    PackageError when something cannot be installed.
    """
    with live_stores(folder, on_progress, changes) as stores, live_web_ui(stores, on_progress) as stack:
        yield stack


@contextmanager
def live_stores(
    folder: Path, on_progress: Callable[[str], None], changes: Mapping[str, Any] | None = None
) -> Iterator[LiveStores]:
    """Start the stores and engines. Arguments and errors are those of live_stack."""
    tools = packages.tools(on_progress)
    config = stacks.config(**{**SETTINGS, **(changes or {})})
    evaluation = evaluate(load_config(config, "live", directory=FOLDER))
    with ExitStack() as started:
        store = started.enter_context(redis(rendered(evaluation, "redis"), folder, tools))
        database = started.enter_context(postgres(rendered(evaluation, "postgres"), folder, tools))
        engines = {
            options["name"]: started.enter_context(engine(options, folder, tools)) for options in _engines(evaluation)
        }
        yield LiveStores(evaluation, folder, tools, store, database, engines)


@contextmanager
def live_web_ui(
    stores: LiveStores, on_progress: Callable[[str], None], version: str | None = None
) -> Iterator[LiveStack]:
    """Migrate the database, then start the replicas; all of them have ended afterwards. Raises as live_stack does.

    `version` is a release of Open WebUI other than the pinned one.
    """
    python = packages.open_webui(version or packages.open_webui_version(), on_progress)
    site = WebUiSite(python, stores.folder, stores.hosts)
    evaluation, server = stores.evaluation, rendered(stores.evaluation, "web-ui")
    migrate(site, rendered(evaluation, "web-ui-migration"))
    with web_ui(site, server) as replicas:
        yield LiveStack(**vars(stores), site=site, web_ui=server, replicas=replicas)


def _engines(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    for name, speech in SPEECHES.items():
        key = rendered(evaluation, name).env["VLLM_API_KEY"]
        yield {"role": "openai", "name": name, "key": key, **speech}
    yield {"role": "ollama", "name": EMBEDDING_MODEL, "words": WORDS, "others": [LIGHT_MODEL]}
