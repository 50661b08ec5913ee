"""`hearth up`, `hearth down` and `hearth stacks`, with Pulumi's real engine."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hearth.stacks.folder import Record, stack_folder
from hearth.stacks.lock import held
from tests.stacks.site import SETTINGS, Project

real = pytest.mark.cluster


def stacks(project: Project) -> list[dict[str, Any]]:
    return json.loads(project.call("stacks", "--json").stdout)["stacks"]


@real
def test_a_stack_comes_stays_the_same_and_goes_without_a_trace(project: Project) -> None:
    before = sorted(project.folder.rglob("*"))
    made = project.call("up")
    assert made.exit_code == 0, made.output
    assert "dev-anna is up" in made.output and project.cluster.namespaces() == {"hearth-dev-anna"}
    assert "nothing changed" in project.call("up").output
    gone = project.call("down")
    assert "dev-anna is gone" in gone.output and project.cluster.objects == {}
    assert sorted(project.folder.rglob("*")) == before
    assert list((project.folder.parent / "home").iterdir()) == []


@real
def test_several_stacks_live_side_by_side(project: Project) -> None:
    project.write("small", namespace="given")
    for arguments in (("up", "trial"), ("up", "--from", "small")):
        done = project.call(*arguments)
        assert done.exit_code == 0, done.output
    assert project.cluster.namespaces() == {"hearth-trial", "hearth-small-anna"}
    assert [(stack["name"], stack["from"]) for stack in stacks(project)] == [("small-anna", "small"), ("trial", "dev")]
    project.call("down", "trial")
    assert project.cluster.namespaces() == {"hearth-small-anna"}


@real
def test_what_the_settings_keep_is_told(project: Project) -> None:
    project.write(storage={**SETTINGS["storage"], "retainData": True})
    project.call("up")
    gone = project.call("down")
    assert "What remains" in gone.output
    assert "PersistentVolumeClaim hearth-dev-anna/ollama-models  " in gone.output and " GiB" in gone.output


@real
def test_a_destroy_that_fails_keeps_the_stack(project: Project) -> None:
    project.call("up")
    project.cluster.refuses = ":Namespace"
    failed = project.call("down")
    assert failed.exit_code == 1 and "the cluster does not answer" in failed.output
    assert "Traceback" not in failed.output and project.stack("dev-anna").exists()
    project.cluster.refuses = None
    assert project.call("down").exit_code == 0 and project.cluster.objects == {}


@real
def test_those_past_their_time_are_named_and_removed(project: Project) -> None:
    project.call("up", "old", "--ttl", "1m")
    folder = stack_folder(project.folder, "old")
    record = folder.record()
    assert record and record.expires - record.created == timedelta(minutes=1)
    folder.write_record(Record(record.source, record.created, record.created))
    assert "Past their time to live: old." in project.call("stacks").output
    assert project.call("stacks", "--expired", typed="n\n").exit_code == 1 and project.cluster.objects
    assert "old is gone" in project.call("stacks", "--expired", "--yes").output
    assert project.cluster.objects == {}


@real
def test_a_first_run_that_makes_nothing_leaves_nothing(project: Project) -> None:
    project.cluster.full = True
    failed = project.call("up")
    assert "error: kubernetes:core/v1:Namespace chat: the cluster is full" in failed.output
    assert failed.exit_code == 1 and not (project.folder / ".hearth").exists()


def test_a_refused_stack_file_is_told_as_plan_tells_it(planned: Project) -> None:
    planned.write(webUi={**SETTINGS["webUi"], "replicas": 0})
    refused = planned.call("up")
    assert refused.exit_code == 1 and "hearth:webUi.replicas" in refused.output
    assert not (planned.folder / ".hearth").exists()


def test_a_missing_stack_file_is_named(planned: Project) -> None:
    refused = planned.call("up", "--from", "prod")
    assert refused.exit_code == 1 and "there is no such stack" in refused.output


def test_a_secret_that_only_its_own_stack_can_read_is_refused(planned: Project) -> None:
    planned.write(huggingFace={"token": {"secure": "v1:abc"}})
    refused = planned.call("up")
    assert refused.exit_code == 1
    assert "hearth:huggingFace" in refused.output and "--config huggingFace.token=$HF_TOKEN" in refused.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["up", "Trial"], "Try trial."),
        (["up", "dev"], "make up STACK=dev"),
        (["down"], "there is no stack dev-anna"),
        (["down", "trial"], "there is no stack trial"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(planned: Project, arguments: list[str], words: str) -> None:
    refused = planned.call(*arguments)
    assert refused.exit_code == 1 and words in refused.output
    assert not (planned.folder / ".hearth").exists()


@pytest.mark.parametrize(
    "arguments", [["up", "--ttl", "soon"], ["up", "--ttl", "0h"], ["stacks", "--json", "--expired"]]
)
def test_wrong_usage(planned: Project, arguments: list[str]) -> None:
    assert planned.call(*arguments).exit_code == 2


def test_another_source_for_a_stack_that_exists_is_refused(planned: Project) -> None:
    folder = stack_folder(planned.folder, "trial")
    folder.make()
    folder.write_record(Record("dev", datetime.now(UTC), datetime.now(UTC)))
    refused = planned.call("up", "trial", "--from", "small")
    assert refused.exit_code == 1 and "was made from dev, not from small" in refused.output


def test_without_cli_and_network_the_remedy_is_told(planned: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(planned.folder))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    refused = planned.call("up")
    assert refused.exit_code == 1 and "so that `pulumi` is on PATH" in refused.output
    assert not (planned.folder / ".hearth").exists()


def test_a_stack_that_is_at_work_is_left_alone(planned: Project) -> None:
    folder = stack_folder(planned.folder, "dev-anna")
    with held(folder, "up"):
        refused = planned.call("down")
    assert refused.exit_code == 1
    assert f"hearth up (process {os.getpid()}, since" in refused.output and "wait for its end" in refused.output


def test_a_stack_of_which_nothing_was_deployed_goes_without_an_engine(planned: Project) -> None:
    stack_folder(planned.folder, "trial").make()
    gone = planned.call("down", "trial")
    assert gone.output == "trial is gone; nothing of it was deployed.\n"


def test_a_stack_whose_first_run_was_killed_is_listed(planned: Project) -> None:
    stack_folder(planned.folder, "trial").make()
    (stack,) = stacks(planned)
    assert (stack["name"], stack["from"], stack["resources"], stack["expired"]) == ("trial", None, 0, False)
    assert "trial" in planned.call("stacks").output


def test_no_stack_at_all(planned: Project) -> None:
    assert "hearth up makes one" in planned.call("stacks").output and stacks(planned) == []
    assert "No stack is past its time" in planned.call("stacks", "--expired").output


def test_the_folder_is_ignored_by_git() -> None:
    assert ".hearth/" in (Path(__file__).parents[2] / ".gitignore").read_text().splitlines()
