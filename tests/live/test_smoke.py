"""`hearth smoke` through a real Open WebUI: it signs in, and asks an engine behind it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hearth.cli import app
from tests.live.stack import SETTINGS, LiveStack
from tests.planning import stacks

pytestmark = pytest.mark.live


def test_a_model_is_asked_through_the_web_ui(stack: LiveStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {
        key: value if value[0] not in "[{" else json.loads(value) for key, value in stacks.config(**SETTINGS).items()
    }
    (tmp_path / "Pulumi.live.yaml").write_text(json.dumps({"config": config}))
    shutil.copytree(Path(__file__).parent / "icons", tmp_path / "icons")
    monkeypatch.setenv("HEARTH_ADMIN_PASSWORD", stack.admin[1])
    arguments = [
        "-s",
        "live",
        "-C",
        str(tmp_path),
        "--base-url",
        f"{stack.urls[0]}/api",
        "--model",
        "thinker",
        "--json",
    ]

    result = CliRunner().invoke(app, ["smoke", *arguments])

    outcomes = {row["check"]: row["outcome"] for row in json.loads(result.stdout)["results"]}
    # The tiny model says the same whatever tools it is offered.
    assert outcomes.pop("tool call") == "failed"
    assert outcomes == dict.fromkeys(("models", "listed", "chat", "stream", "reasoning"), "passed"), result.stdout
