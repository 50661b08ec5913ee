"""Backup, wipe, restore: `hearth backup` and `hearth restore`, whose Jobs run here as the stack renders them.

The last of this folder's files that have the shared web tier, by its name: it takes the data away under all of them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import typer
import yaml
from typer.testing import CliRunner

from hearth.backup_command import backup, restore
from tests.job_cluster import JobCluster, serve
from tests.live.belongings import EMAIL, OFFICE, PASSWORD, VIEWS, Belongings, make
from tests.live.client import Client
from tests.live.rendering import step
from tests.live.servers import postgres_programs
from tests.live.stack import ANSWER, FOLDER, SETTINGS, LiveStack
from tests.planning import stacks

app = typer.Typer()
app.command()(backup)
app.command()(restore)

_LATER = "later@example.org"
_STEP_SECONDS = 300


@dataclass(kw_only=True)
class LiveCluster(JobCluster):
    """Its Jobs run on the data of a live stack."""

    stack: LiveStack

    def execute(self, job: Any, container: Any) -> tuple[int, str]:
        rendered = step(self.stack.evaluation, job["spec"]["template"]["spec"], container)
        argv, env = self.stack.site.command(job["metadata"]["name"], rendered)
        env["PATH"] = f"{postgres_programs(self.stack.tools)}:{env['PATH']}"
        done = subprocess.run(
            argv,
            env=env,
            cwd=self.stack.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_STEP_SECONDS,
        )
        return done.returncode, done.stdout


@dataclass(frozen=True)
class Restored:
    stack: LiveStack
    belongings: Belongings
    scaled: list[int]
    """To how many replicas the command scaled, in order."""


@pytest.fixture(scope="module")
def restored(stack: LiveStack, admin: Client, tmp_path_factory: pytest.TempPathFactory) -> Restored:
    belongings = make(stack, admin)
    folder = tmp_path_factory.mktemp("operator")

    def call(*arguments: str) -> str:
        command, *rest = arguments
        done = CliRunner().invoke(app, [command, "-s", "live", "-C", str(folder), *rest])
        assert done.exit_code == 0, done.output
        return done.output

    with serve(LiveCluster(cron_jobs=_cron_jobs(stack), paths={}, replicas=2, stack=stack)) as cluster:
        _write_stack(folder, cluster.kubeconfig(folder / "kubeconfig"))
        call("backup")
        admin.add_user(_LATER, PASSWORD)
        _wipe(stack)
        name = json.loads(call("restore", "--list", "--json"))["backups"][-1]["name"]
        call("restore", "--from", name, "--yes")
    # Not where the cluster scales: a thread takes the processes that it started with it.
    for server in stack.replicas:
        server.start(wait=False)
    for server in stack.replicas:
        server.wait()
    return Restored(stack, belongings, cluster.scaled)


def test_the_replicas_are_stopped_and_started_again(restored: Restored) -> None:
    assert restored.scaled == [0, 2]


@pytest.mark.parametrize("replica", [0, 1])
@pytest.mark.parametrize("view", VIEWS)
def test_what_people_made_comes_back(restored: Restored, view: str, replica: int) -> None:
    look, expected = VIEWS[view]
    assert look(restored.belongings.at(restored.stack.urls[replica])) == expected


def test_people_sign_in_with_their_password(restored: Restored) -> None:
    assert Client(restored.stack.urls[1]).sign_in(EMAIL, PASSWORD).token


def test_people_go_on(restored: Restored) -> None:
    here, there = (restored.belongings.at(url).member for url in restored.stack.urls)
    assert there.answer(here.chat("counsel", "Hello")) == ANSWER
    assert "cafeteria" in there.retrieve(here.upload("again.txt", OFFICE), "cafeteria")[0]


def test_what_came_after_the_backup_is_gone(restored: Restored) -> None:
    with pytest.raises(requests.HTTPError, match="incorrect"):
        Client(restored.stack.urls[0]).sign_in(_LATER, PASSWORD)


def _cron_jobs(stack: LiveStack) -> dict[str, Any]:
    """As a cluster has them."""
    objects = [found.inputs for found in stack.evaluation.kubernetes_objects()]
    return {
        found["metadata"]["name"]: {**found, "metadata": {**found["metadata"], "uid": "1"}}
        for found in objects
        if found["kind"] == "CronJob"
    }


def _write_stack(folder: Path, kubeconfig: Path) -> None:
    settings = {**stacks.BASE, **SETTINGS, "cluster": {"kubeconfig": str(kubeconfig), "context": "site"}}
    config = {f"hearth:{key}": value for key, value in settings.items()}
    (folder / "Pulumi.yaml").write_text("name: hearth\nruntime: python\n")
    (folder / "Pulumi.live.yaml").write_text(yaml.safe_dump({"config": config}))
    shutil.copytree(FOLDER / "icons", folder / "icons")


def _wipe(stack: LiveStack) -> None:
    """As when all volumes of the web tier are lost."""
    for server in stack.replicas:
        server.kill()
    stack.sql(f"DROP DATABASE {stack.database} WITH (FORCE)", "postgres")
    stack.sql(f"CREATE DATABASE {stack.database}", "postgres")
    files = stack.folder / "files"
    assert list(files.glob("uploads/*"))
    shutil.rmtree(files)
