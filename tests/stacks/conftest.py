from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hearth.rehearsal import build
from tests.stacks.site import Cluster, Project, project_of_anna


@pytest.fixture(scope="session", autouse=True)
def programs(request: pytest.FixtureRequest) -> None:
    """The CLI is built before the first test that needs it, whose time limit is not meant for that."""
    if any(item.get_closest_marker("cluster") for item in request.session.items):
        build.ensure(["pulumi"], lambda line: None)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with project_of_anna(tmp_path) as found:
        yield found


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project for what is refused before any engine starts."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOGNAME", "anna")
    found = Project(tmp_path / "project", Cluster())
    found.folder.mkdir()
    found.write()
    return found
