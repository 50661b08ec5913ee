"""`hearth up` and `hearth down` on a Docker engine of the tests' own, with stand-ins for the programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hearth.containers import images
from hearth.planning.stack import make_plan
from hearth.rehearsal.docker import engine as engines
from hearth.rehearsal.docker.images import ensure_images, stand_in
from hearth.rehearsal.provider.docker import DockerProvider
from hearth.rehearsal.provider.random import RandomProvider
from hearth.rehearsal.provider.server import serve
from hearth.settings.loading import load_stack
from hearth.stacks import docker_engine
from tests.stacks.site import Project, eventually, project_of_anna

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module", autouse=True)
def made() -> Path:
    """Stand-ins of the dev stack's images."""
    if found := engines.obstacle():
        pytest.skip(found)
    return ensure_images({image: stand_in(image) for image in images(make_plan(load_stack(ROOT, "dev")))}, print)


@pytest.fixture(scope="module")
def docker(made: Path) -> Iterator[engines.Engine]:
    with engines.start(made) as running:
        yield running


@pytest.fixture
def project(docker: engines.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """With the stack file that Hearth comes with."""
    with ExitStack() as resources:
        project = resources.enter_context(project_of_anna(tmp_path))
        provider = DockerProvider(docker.client(), devices=False)
        monkeypatch.setenv("PULUMI_DEBUG_PROVIDERS", resources.enter_context(serve(RandomProvider(), provider)))
        monkeypatch.setenv("DOCKER_HOST", docker.host)
        (project.folder / "Pulumi.dev.yaml").write_bytes((ROOT / "Pulumi.dev.yaml").read_bytes())
        yield project


def containers(docker: engines.Engine) -> dict[str, str]:
    """State of every container by name."""
    client = docker.client()
    try:
        return {found["Names"][0].lstrip("/"): found["State"] for found in client.containers(all=True)}
    finally:
        client.close()


def ports(project: Project) -> dict[str, Any]:
    records = project.folder.glob(".hearth/stacks/*/stack.json")
    return {record.parent.name: json.loads(record.read_text())["ports"]["web-ui"] for record in records}


def test_two_stacks_share_an_engine_and_their_weights_only(project: Project, docker: engines.Engine) -> None:
    for name in ("dev-anna", "dev-bob"):
        made = project.call("up", name)
        assert made.exit_code == 0, made.output
        assert f"http://localhost:{ports(project)[name]}" in made.output
    assert len(set(ports(project).values())) == 2
    kept = ports(project)["dev-bob"]
    gone = project.call("down", "dev-anna")
    assert "What remains" in gone.output and "Volume hearth-ollama-" in gone.output and "iB\n" in gone.output
    assert containers(docker)["hearth-dev-bob-web-ui"] == "running"
    assert not [name for name in containers(docker) if name.startswith("hearth-dev-anna")]
    assert "nothing changed" in project.call("up", "dev-bob").output and ports(project) == {"dev-bob": kept}
    assert project.call("down", "dev-bob").exit_code == 0 and containers(docker) == {}


def test_what_was_killed_or_removed_comes_back_with_the_next_run(project: Project, docker: engines.Engine) -> None:
    command = [sys.executable, "-m", "hearth", "up", "-C", str(project.folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        eventually(lambda: "hearth-dev-anna-ollama-pull" in containers(docker), seconds=120)
        (lock,) = project.stack("dev-anna").glob("state/.pulumi/locks/**/*.json")
        process.kill()
        os.kill(json.loads(lock.read_text())["pid"], signal.SIGKILL)
    again = project.call("up")
    assert again.exit_code == 0, again.output
    assert "nothing changed" in project.call("up").output
    docker.client().remove_container("hearth-dev-anna-web-ui", force=True)
    assert project.call("up").exit_code == 0
    assert containers(docker)["hearth-dev-anna-web-ui"] == "running"
    assert project.call("down").exit_code == 0 and containers(docker) == {}


def test_sizes_of_an_engine_that_does_not_answer_are_unknown(tmp_path: Path) -> None:
    assert docker_engine.volume_sizes(f"unix://{tmp_path}/none.sock") == {}
