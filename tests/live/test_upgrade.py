"""An upgrade from the release before the pinned one, as the stack orders it: all replicas end, one Job migrates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.live import packages
from tests.live.belongings import EMAIL, OFFICE, PASSWORD, VIEWS, Belongings, make
from tests.live.client import Client
from tests.live.conftest import progress
from tests.live.processes import ServerError
from tests.live.rendering import rendered
from tests.live.servers import migrate
from tests.live.stack import ANSWER, SETTINGS, LiveStack, live_stores, live_web_ui

_ONE_WORKER = {"webUi": {**SETTINGS["webUi"], "workers": 1}}
"""In each of the replicas; versions differ in the same way with two, which take twice as long to start."""
_COPY = "before"
_DATABASE = """
SELECT version_num FROM alembic_version;
SELECT email, role FROM "user" ORDER BY email;
SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
WHERE table_schema = 'public' ORDER BY table_name, column_name;
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef;
"""


@dataclass(frozen=True)
class Upgraded:
    stack: LiveStack
    belongings: Belongings
    """Made with the version before; its sessions are of then."""
    versions: list[str]


@pytest.fixture(scope="module")
def upgraded(stack_folder: Callable[[str], Path]) -> Iterator[Upgraded]:
    """The copy of the database is of the moment before it is migrated."""
    with live_stores(stack_folder("upgrade"), progress, _ONE_WORKER) as stores:
        with live_web_ui(stores, progress, packages.PREVIOUS_OPEN_WEBUI) as old:
            belongings = make(old, Client(old.urls[0]).sign_in(*old.admin))
            before = _version(old.urls[0])
        stores.sql(f"CREATE DATABASE {_COPY} TEMPLATE {stores.database}", "postgres")
        with live_web_ui(stores, progress) as stack:
            yield Upgraded(stack, belongings, [before, *map(_version, stack.urls)])


def test_both_versions_run_on_the_same_data(upgraded: Upgraded) -> None:
    pinned = packages.open_webui_version()
    assert upgraded.versions == [packages.PREVIOUS_OPEN_WEBUI, pinned, pinned]


@pytest.mark.parametrize("replica", [0, 1])
@pytest.mark.parametrize("view", VIEWS)
def test_what_people_made_is_there_in_their_old_sessions(upgraded: Upgraded, view: str, replica: int) -> None:
    look, expected = VIEWS[view]
    assert look(upgraded.belongings.at(upgraded.stack.urls[replica])) == expected


def test_people_sign_in_with_their_password(upgraded: Upgraded) -> None:
    assert Client(upgraded.stack.urls[1]).sign_in(EMAIL, PASSWORD).token


def test_people_go_on(upgraded: Upgraded) -> None:
    here, there = (upgraded.belongings.at(url).member for url in upgraded.stack.urls)
    assert there.answer(here.chat("counsel", "Hello")) == ANSWER
    assert "cafeteria" in there.retrieve(here.upload("again.txt", OFFICE), "cafeteria")[0]


def test_of_two_migrations_at_once_none_leaves_a_half(upgraded: Upgraded) -> None:
    """Upstream takes no lock. A Job starts a pod again that failed; the restore of a backup migrates a second time."""
    stack = upgraded.stack
    job = rendered(stack.evaluation, "web-ui-migration")
    url = job.env["DATABASE_URL"].rpartition("/")[0]
    copied = replace(job, env={**job.env, "DATABASE_URL": f"{url}/{_COPY}"})

    def succeeds(pod: str) -> bool:
        try:
            migrate(replace(stack.site, folder=stack.folder / pod), copied)
        except ServerError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert any(pool.map(succeeds, ("one", "other")))
    assert stack.sql(_DATABASE, _COPY) == stack.sql(_DATABASE, stack.database)


def _version(url: str) -> str:
    return Client(url).get("/api/config")["version"]
