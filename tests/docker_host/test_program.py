"""When the program asks the Docker host, and when it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearth.evaluation import EvaluationError, evaluate, record, run_program
from tests.containers import stacks

NOWHERE = {"docker": {"host": "unix:///nonexistent/docker.sock"}}


def test_a_plan_asks_no_engine() -> None:
    assert evaluate(stacks.loaded(**NOWHERE)).resources


def test_a_rehearsal_does_not_ask_whether_the_host_will_do(tmp_path: Path) -> None:
    config = stacks.loaded(**NOWHERE).config

    assert record(lambda: run_program(tmp_path, rehearsed=True), config=config).resources


def test_a_deployment_without_engine_is_refused(tmp_path: Path) -> None:
    config = stacks.loaded(**NOWHERE).config

    with pytest.raises(EvaluationError, match=r"hearth:docker\.host.*\n.*no Docker engine runs on this machine"):
        record(lambda: run_program(tmp_path), config=config)


def test_a_cluster_asks_no_docker_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    config = stacks.loaded(
        target="kubernetes",
        cluster={"context": "lab"},
        storage={"storageClass": "shared", "databaseStorageClass": "fast"},
    ).config

    assert record(lambda: run_program(tmp_path), config=config).resources
