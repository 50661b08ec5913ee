from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hearth.catalog import add as adding
from hearth.catalog import hub as client
from tests.catalog.add.adding import FILES, MODEL
from tests.scripts.hub import Hub


@pytest.fixture(autouse=True)
def entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that entries are written to, and no settings from outside."""
    path = tmp_path / "entries"
    monkeypatch.setattr(adding, "MODELS", path)
    for variable in ("HF_ENDPOINT", "HF_TOKEN", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    return path


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures show within moments."""
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(client, "PAUSE_SECONDS", 0.01)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(dict(FILES), source=MODEL) as hub:
        yield hub
