"""Servers to provision: one in memory, and the real Open WebUI; and a web tier on SQLite to back up."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.backup_site import Site as BackupSite
from tests.scripts.backup_site import execute, new_site
from tests.scripts.engine import Engine
from tests.scripts.open_webui import EMAIL, PASSWORD, open_webui, token
from tests.scripts.provisioning import FILTER, PIXEL, Site, add_user
from tests.scripts.web_ui_server import WebUiServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every script runs as it does in its container: as a process of its own."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.programs)


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """URL of the real Open WebUI, and the first administrator's token."""
    with (
        Engine({"deepseek": [{"content": "Hello"}], "qwen": [{"content": "Hello"}]}) as engine,
        open_webui(tmp_path_factory.mktemp("open-webui"), engine.base_url) as url,
    ):
        yield url, token(url)


@pytest.fixture
def memory() -> Iterator[WebUiServer]:
    with WebUiServer(EMAIL, PASSWORD) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "greeting.py").write_text(FILTER)
    (tmp_path / "icon.png").write_bytes(PIXEL)
    return tmp_path


@pytest.fixture(params=["memory", pytest.param("real", marks=pytest.mark.live)])
def site(request: pytest.FixtureRequest, folder: Path) -> Site:
    """Tests of this fixture run against both servers."""
    if request.param == "memory":
        return Site(request.getfixturevalue("memory").url, folder, "token-of-admin")
    url, bearer = request.getfixturevalue("real")
    # An account may sign in 15 times in 3 minutes: each test has its own.
    site = Site(url, folder, bearer, f"{uuid.uuid4().hex}@example.com")
    for function in site.call("GET", "/api/v1/functions/"):
        site.call("DELETE", f"/api/v1/functions/id/{function['id']}/delete")
    for group in site.call("GET", "/api/v1/groups/"):
        site.call("DELETE", f"/api/v1/groups/id/{group['id']}/delete")
    for user in site.call("GET", "/api/v1/users/all")["users"]:
        if user["email"] != EMAIL:
            site.call("DELETE", f"/api/v1/users/{user['id']}")
    site.call("DELETE", "/api/v1/models/delete/all")
    add_user(site, site.email, PASSWORD, "admin")
    return site


@pytest.fixture
def faulty(memory: WebUiServer, folder: Path) -> Site:
    """Of the server in memory, which a test makes fail."""
    return Site(memory.url, folder, "token-of-admin")


@pytest.fixture
def sqlite(tmp_path: Path) -> BackupSite:
    site = new_site(tmp_path)
    execute(site, "CREATE TABLE chat (title text)", "INSERT INTO chat VALUES ('first')")
    return site
