"""`hearth backup` and `hearth restore`, with the CronJobs that the stack's evaluation renders."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from hearth.backup_command import backup, restore
from hearth.evaluation import evaluate
from hearth.settings.loading import load_stack
from tests.job_cluster import SCRIPTS, JobCluster, serve
from tests.planning import stacks

pytestmark = pytest.mark.programs

app = typer.Typer()
app.command()(backup)
app.command()(restore)


@dataclass
class Site:
    folder: Path
    cluster: JobCluster

    def call(self, *arguments: str, typed: str = "") -> Result:
        command, *rest = arguments
        return CliRunner().invoke(app, [command, "-s", "test", "-C", str(self.folder), *rest], input=typed)

    def back_up(self) -> str:
        assert self.call("backup").exit_code == 0
        return json.loads(self.call("restore", "--list", "--json").output)["backups"][-1]["name"]

    def execute(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "data/webui.db")) as connection:
            rows = connection.execute(statement).fetchall()
            connection.commit()
        return rows

    def manifest(self, name: str) -> Path:
        return self.folder / "backups/hearth/backups" / name / "manifest.json"


def write_stack(folder: Path, **changes: Any) -> None:
    settings = {
        **stacks.BASE,
        "cluster": {"kubeconfig": str(folder / "kubeconfig"), "context": "site"},
        "webUi": stacks.chat(database={"engine": "sqlite", "storageClass": "block"}),
        "backup": {"to": {"volume": {"storageClass": "other"}}},
        **changes,
    }
    config = {f"hearth:{key}": value for key, value in settings.items() if value is not None}
    (folder / "Pulumi.yaml").write_text("name: hearth\nruntime: python\n")
    (folder / "Pulumi.test.yaml").write_text(yaml.safe_dump({"config": config}))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with deployed(tmp_path) as found:
        found.execute("CREATE TABLE chat AS SELECT 'first' AS title")
        yield found


@contextmanager
def deployed(tmp_path: Path, **changes: Any) -> Generator[Site]:
    write_stack(tmp_path, **changes)
    objects = evaluate(load_stack(tmp_path, "test")).kubernetes_objects()
    cron_jobs = {
        found.inputs["metadata"]["name"]: {**found.inputs, "metadata": {**found.inputs["metadata"], "uid": "1"}}
        for found in objects
        if found.inputs["kind"] == "CronJob"
    }
    names = {"/work": "work", "/tmp": "tmp", "/app/backend/data": "data", "/backups": "backups"}
    paths = {path: tmp_path / name for path, name in names.items()}
    for path in paths.values():
        path.mkdir()
    with serve(JobCluster(cron_jobs, {**paths, "/opt/hearth": SCRIPTS}, replicas=3)) as cluster:
        cluster.kubeconfig(tmp_path / "kubeconfig")
        yield Site(tmp_path, cluster)


def test_a_backup_is_made_now_with_its_steps_told(site: Site) -> None:
    done = site.call("backup")
    assert done.exit_code == 0 and "1/3 database" in done.output and "3/3 manifest" in done.output


def test_backups_are_listed(site: Site) -> None:
    name = site.back_up()
    assert f"{name}  " in (done := site.call("restore", "--list")).output and "can be restored" in done.output
    assert site.cluster.scaled == []


def test_an_empty_place_is_listed(site: Site) -> None:
    assert "There is no backup yet." in site.call("restore", "--list").output


def test_chats_come_back_and_the_web_ui_starts_again(site: Site) -> None:
    name = site.back_up()
    site.execute("DELETE FROM chat")
    done = site.call("restore", "--from", name, "--yes")
    assert done.exit_code == 0, done.output
    assert site.execute("SELECT title FROM chat") == [("first",)]
    assert site.cluster.scaled == [0, 3]
    told = [done.output.index(step) for step in ("1/3 stopping web-ui (3 replicas)", "2/3", "3/3", "is restored")]
    assert told == sorted(told)


def test_a_web_ui_that_was_stopped_before_starts_as_planned(site: Site) -> None:
    name = site.back_up()
    site.cluster.replicas = 0
    assert site.call("restore", "--from", name, "--yes").exit_code == 0
    assert site.cluster.scaled == [0, 1]


def test_nothing_is_changed_without_consent(site: Site) -> None:
    name = site.back_up()
    site.execute("INSERT INTO chat VALUES ('later')")
    done = site.call("restore", "--from", name, typed="n\n")
    assert done.exit_code == 1 and "What came later is lost" in done.output
    assert site.cluster.scaled == [] and len(site.execute("SELECT * FROM chat")) == 2


def test_an_unknown_name_is_refused_with_those_that_there_are(site: Site) -> None:
    name = site.back_up()
    done = site.call("restore", "--from", "yesterday", "--yes")
    assert done.exit_code == 1 and f"no backup yesterday; there is {name}" in done.output and not site.cluster.scaled


def test_a_broken_manifest_is_refused(site: Site) -> None:
    name = site.back_up()
    site.manifest(name).write_text("{")
    done = site.call("restore", "--from", name, "--yes")
    assert done.exit_code == 1 and "is broken" in done.output and not site.cluster.scaled


def test_a_backup_of_a_newer_open_webui_is_refused(site: Site) -> None:
    name = site.back_up()
    text = site.manifest(name).read_text()
    site.manifest(name).write_text(text.replace('"open_webui": "', '"open_webui": "9'))
    done = site.call("restore", "--from", name, "--yes")
    assert done.exit_code == 1 and "was made by Open WebUI 9" in done.output and not site.cluster.scaled


def test_a_restore_that_fails_starts_the_web_ui_again(site: Site) -> None:
    name = site.back_up()
    path = site.manifest(name).with_name("database")
    path.write_bytes(b"X" * path.stat().st_size)
    done = site.call("restore", "--from", name, "--yes")
    assert done.exit_code == 1 and "is damaged" in done.output and "The database is as it was" in done.output
    assert site.cluster.scaled == [0, 3]


@pytest.mark.parametrize(
    ("failing", "scaled", "words"),
    [
        ("fetch", [0, 3], "The database is as it was"),
        ("restore-database", [0, 3], "The database is as it was"),
        ("migrate", [0], "kubectl scale deployment web-ui -n hearth-test --replicas 3"),
    ],
)
def test_a_web_ui_never_starts_on_a_database_that_is_not_migrated(
    tmp_path: Path, failing: str, scaled: list[int], words: str
) -> None:
    with deployed(tmp_path, webUi=stacks.BASE["webUi"]) as site:
        backups = {"backups": [{"name": "one", "completed": "yesterday", "problem": None}]}
        site.cluster.outcomes = dict.fromkeys(("fetch", "restore-database", "migrate"), (0, json.dumps(backups)))
        cluster, run = site.cluster, site.cluster.run

        def fail_after_the_list(job: Any) -> None:
            if cluster.jobs:
                cluster.outcomes[failing] = (1, "error: planned")
            run(job)

        cluster.run = fail_after_the_list
        done = site.call("restore", "--from", "one", "--yes")
    assert done.exit_code == 1 and words in done.output and failing in done.output
    assert cluster.scaled == scaled


def test_a_running_backup_is_waited_for(site: Site) -> None:
    name = site.back_up()
    labels = {"app.kubernetes.io/component": "backup"}
    site.cluster.pods.append(
        {"metadata": {"name": "web-ui-backup-1", "labels": labels}, "status": {"phase": "Running"}}
    )
    done = site.call("restore", "--from", name, "--yes")
    assert done.exit_code == 1 and "web-ui-backup-1 is running" in done.output and not site.cluster.scaled


def test_a_failed_backup_names_its_step(site: Site) -> None:
    (site.folder / "data/webui.db").unlink()
    done = site.call("backup")
    assert done.exit_code == 1 and "failed in step back-up" in done.output and "has the web UI started" in done.output


def test_jobs_belong_to_their_cron_job_and_run_once(site: Site) -> None:
    site.back_up()
    for job in site.cluster.jobs:
        assert job["spec"]["backoffLimit"] == 0 and job["metadata"]["ownerReferences"][0]["kind"] == "CronJob"


@pytest.mark.parametrize("arguments", [(), ("--list", "--from", "x")])
def test_a_restore_needs_to_know_what_to_do(site: Site, arguments: tuple[str, ...]) -> None:
    done = site.call("restore", *arguments)
    assert done.exit_code == 2 and "--list" in done.output


def test_a_stack_that_is_not_deployed_is_explained(site: Site) -> None:
    site.cluster.cron_jobs = {}
    done = site.call("restore", "--list")
    assert done.exit_code == 1 and "deploy the stack with hearth:backup first" in done.output


def test_a_stack_without_backups_is_explained(site: Site) -> None:
    write_stack(site.folder, backup=None)
    done = site.call("restore", "--list")
    assert done.exit_code == 1 and "has no hearth:backup" in done.output


def test_a_cluster_out_of_reach_is_explained(site: Site) -> None:
    site.cluster.url = "http://127.0.0.1:9"
    site.cluster.kubeconfig(site.folder / "kubeconfig")
    done = site.call("restore", "--list")
    assert done.exit_code == 1 and "check hearth:cluster" in done.output


def test_an_unknown_context_is_explained(site: Site) -> None:
    write_stack(site.folder, cluster={"kubeconfig": str(site.folder / "kubeconfig"), "context": "other"})
    done = site.call("restore", "--list")
    assert done.exit_code == 1 and "cannot reach the cluster" in done.output
