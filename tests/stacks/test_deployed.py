"""One stack that is up, looked at from all sides."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from typer.testing import Result

from tests.stacks.site import Project, project_of_anna

PASSWORD = "planted-password-0123456789"

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with project_of_anna(tmp_path_factory.mktemp("deployed")) as found:
        found.write(timeZone="Asia/Seoul", namespace="given")
        yield found


@pytest.fixture(scope="module")
def made(project: Project) -> Result:
    settings = [f"webUi.admin.password={PASSWORD}", "cluster.context=other"]
    return project.call("up", "--ttl", "8h", *(text for setting in settings for text in ("--config", setting)))


def test_it_is_up(made: Result, project: Project) -> None:
    assert made.exit_code == 0, made.output
    assert project.cluster.namespaces() == {"hearth-dev-anna"}


def test_plain_pulumi_reads_it_as_the_output_says(made: Result) -> None:
    *_, variables, command = made.stdout.splitlines()
    answer = subprocess.run(f"{variables}; {command} --json", shell=True, capture_output=True, text=True)
    assert PASSWORD in answer.stdout, answer.stderr
    assert json.loads(answer.stdout)["namespace"] == "hearth-dev-anna"


def test_a_secret_on_the_command_line_is_nowhere_in_plain(made: Result, project: Project) -> None:
    files = [file for file in project.folder.parent.rglob("*") if file.is_file()]
    assert [file for file in files if PASSWORD.encode() in file.read_bytes()] == []
    assert PASSWORD not in made.output


def test_its_config_is_that_of_its_source_and_of_the_command_line(made: Result, project: Project) -> None:
    config = yaml.safe_load((project.stack("dev-anna") / "Pulumi.dev-anna.yaml").read_text())["config"]
    assert config["hearth:timeZone"] == "Asia/Seoul" and config["hearth:namespace"] == "hearth-dev-anna"
    assert json.loads(config["hearth:cluster"]) == {"context": "other"}


def test_it_is_listed(made: Result, project: Project) -> None:
    (stack,) = json.loads(project.call("stacks", "--json").stdout)["stacks"]
    left = datetime.fromisoformat(stack["expires"]) - datetime.now(UTC)
    assert (stack["name"], stack["from"], stack["expired"]) == ("dev-anna", "dev", False)
    assert timedelta(hours=7, minutes=30) < left < timedelta(hours=8)
    assert stack["resources"] == len(project.cluster.objects) and stack["size"] > 2**30


def test_a_passphrase_that_others_can_read_stops_everything(made: Result, project: Project) -> None:
    passphrase = project.stack("dev-anna") / "passphrase"
    passphrase.chmod(0o644)
    try:
        for command in ("up", "down"):
            done = project.call(command)
            assert done.exit_code == 1 and "chmod 600" in done.output
    finally:
        passphrase.chmod(0o600)
    assert project.cluster.objects


def test_more_time_is_counted_from_now(made: Result, project: Project) -> None:
    assert "Its time ends in 2 days" in project.call("up", "--ttl", "2d", "--config", "cluster.context=other").output
