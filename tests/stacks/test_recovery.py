"""Runs that are killed, interrupted or started twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.stacks.site import Project, eventually

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.cluster


@contextmanager
def at_work(project: Project) -> Generator[subprocess.Popen[str]]:
    """`hearth up`, while it waits for an object that exists already, but that the cluster has not answered for."""
    project.cluster.stuck_at = ":ConfigMap"
    with subprocess.Popen(
        [sys.executable, "-m", "hearth", "up", "-C", str(project.folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        eventually(lambda: any(":ConfigMap " in key for key in project.cluster.objects))
        yield process


def engine_of(project: Project) -> int:
    """Process id of the engine, from its lock."""
    (lock,) = project.stack("dev-anna").glob("state/.pulumi/locks/**/*.json")
    return json.loads(lock.read_text())["pid"]


def test_a_run_whose_engine_was_killed_too_is_taken_over(project: Project) -> None:
    with at_work(project) as process:
        engine = engine_of(project)
        process.kill()
        os.kill(engine, signal.SIGKILL)
    project.cluster.stuck_at = None
    done = project.call("up")
    assert done.exit_code == 0, done.output
    assert "taking over from a run on dev-anna that was killed" in done.output
    assert "nothing changed" in project.call("up").output
    project.call("down")
    assert project.cluster.objects == {}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_interrupted_is_gone_on_with(project: Project, number: signal.Signals, code: int) -> None:
    with at_work(project) as process:
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == code and "Traceback" not in told
    project.cluster.stuck_at = None
    assert project.call("up").exit_code == 0
    assert not list(project.stack("dev-anna").glob("state/.pulumi/locks/**/*.json"))


def test_a_second_run_is_refused_while_the_first_is_at_work(project: Project) -> None:
    with at_work(project) as process:
        refused = project.call("down")
        project.cluster.release.set()
        assert process.wait(60) == 0
    assert refused.exit_code == 1 and f"hearth up (process {process.pid}, since" in refused.output
    assert project.cluster.objects
