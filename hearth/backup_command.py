"""`hearth backup` and `hearth restore`: a backup now, a list of those there are, and the way back to one."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hearth.answers import print_json, print_refusal
from hearth.options import Config, Directory, Stack

if TYPE_CHECKING:
    from hearth.jobs import Object, StackCluster
    from hearth.planning.plan import BackupPlan, Plan

_DRAIN_SECONDS = 180
"""Pods of the web UI end within their grace period of 60 seconds, unless their node is gone."""
_DATABASE_STEP = "restore-database"


def backup(stack: Stack, config: Config = None, directory: Directory = Path()) -> None:
    """Make a backup of the web UI's database and files now, instead of at its time."""
    from hearth.jobs import failed_container

    plan = _plan(stack, config, directory)
    _fail_if_running(cluster := _cluster(plan))
    with _explained():
        pod = cluster.follow(cluster.start(_backup_of(plan).create.name), typer.echo)
    if step := failed_container(pod):
        raise _failure(f"The backup failed in step {step}; those from before are as they were.")


def restore(
    stack: Stack,
    show_list: Annotated[bool, typer.Option("--list", help="Show the backups there are, and change nothing.")] = False,
    name: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="The backup to go back to, as --list shows it.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before chats and files are replaced.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --list: one JSON document on stdout.")] = False,
    config: Config = None,
    directory: Directory = Path(),
) -> None:
    """Put the web UI's database and files back to what they were at a backup; nobody can chat meanwhile.

    It stops the web UI, restores, migrates the database to the version that is deployed, and starts the web UI again.
    """
    if show_list == (name is not None):
        raise typer.BadParameter("give either --list, or --from with the name of a backup")
    plan = _plan(stack, config, directory)
    cluster = _cluster(plan)
    found = _list(cluster, _backup_of(plan))
    if show_list:
        if as_json:
            print_json({"backups": found})
        else:
            _show(found)
        return
    chosen = next((entry for entry in found if entry["name"] == name), None)
    if chosen is None:
        names = ", ".join(entry["name"] for entry in found)
        raise _failure(f"There is no backup {name}; there is {names or 'none at all'}.")
    if chosen["problem"]:
        raise _failure(f"{name} cannot be restored: {chosen['problem']}")
    _fail_if_running(cluster)
    question = f"Replace the chats of stack {stack} with those of {chosen['completed']}? What came later is lost."
    if not yes and not typer.confirm(question):
        raise _failure("Nothing was changed.")
    _restore(cluster, plan, chosen["name"])


def _restore(cluster: StackCluster, plan: Plan, name: str) -> None:
    from hearth.jobs import failed_container, succeeded

    web_ui = plan.web_ui.server.name
    workload = _backup_of(plan).restore
    fetch = (*workload.before, workload.container)[0].name

    def choose(spec: Object) -> None:
        (step,) = (s for s in [*spec.get("initContainers", []), *spec["containers"]] if s["name"] == fetch)
        step["args"] = ["restore", name]

    with _explained():
        replicas = cluster.replicas(web_ui) or plan.web_ui.server.replicas
        typer.echo(f"1/3 stopping {web_ui} ({replicas} replicas)")
        cluster.scale(web_ui, 0)
        try:
            _wait_for_end(cluster, plan, web_ui)
            job = cluster.start(workload.name, choose)
        except BaseException:
            cluster.scale(web_ui, replicas)
            raise
        typer.echo(f"2/3 restoring {name} in Job {job}")
        try:
            pod = cluster.follow(job, typer.echo)
        except BaseException:
            # Nobody may write while the Job still does.
            typer.echo(f"Job {job} goes on, and {web_ui} stays stopped. {_by_hand(plan, replicas)}", err=True)
            raise
        failed = failed_container(pod)
        if failed and succeeded(pod, _DATABASE_STEP):
            raise _failure(
                f"The database is that of {name}, but step {failed} failed, so {web_ui} stays stopped: mend the cause "
                f"above and run this command again. {_by_hand(plan, replicas)}"
            )
        typer.echo(f"3/3 starting {web_ui}")
        cluster.scale(web_ui, replicas)
    if failed:
        raise _failure(f"Step {failed} failed. The database is as it was.")
    typer.echo(f"{name} is restored.")


def _by_hand(plan: Plan, replicas: int) -> str:
    command = f"kubectl scale deployment {plan.web_ui.server.name} -n {plan.namespace} --replicas {replicas}"
    return f"It is started by: {command}"


def _wait_for_end(cluster: StackCluster, plan: Plan, workload: str) -> None:
    labels = f"app.kubernetes.io/name={workload},app.kubernetes.io/instance={plan.stack}"
    limit = time.monotonic() + _DRAIN_SECONDS
    while pods := cluster.running_pods(labels):
        if time.monotonic() > limit:
            raise _failure(f"{', '.join(pods)} did not end within {_DRAIN_SECONDS} s: is the node gone?")
        time.sleep(1)


def _fail_if_running(cluster: StackCluster) -> None:
    """A backup or restore that runs already."""
    with _explained():
        running = cluster.running_pods("app.kubernetes.io/component=backup")
    if running:
        raise _failure(f"{', '.join(running)} is running: wait for its end.")


def _list(cluster: StackCluster, plan: BackupPlan) -> list[dict[str, Any]]:
    from hearth.jobs import failed_container

    workload = plan.restore
    fetch = (*workload.before, workload.container)[0].name

    def only_list(spec: Object) -> None:
        (step,) = (s for s in [*spec.pop("initContainers", []), *spec["containers"]] if s["name"] == fetch)
        spec["containers"] = [{**step, "args": ["list"]}]

    lines: list[str] = []
    with _explained():
        pod = cluster.follow(cluster.start(workload.name, only_list), lines.append)
    if failed_container(pod):
        raise _failure("\n".join(["The backups cannot be listed:", *lines]))
    try:
        return json.loads(lines[-1])["backups"]
    except (IndexError, ValueError, KeyError):
        raise _failure("\n".join(["The backups cannot be listed; the Job answered:", *lines])) from None


def _show(found: list[dict[str, Any]]) -> None:
    if not found:
        typer.echo("There is no backup yet.")
    for entry in found:
        about = ""
        if "completed" in entry:
            size = f"{entry['bytes'] / 2**30:.2f} GiB"
            about = f"{entry['completed']}  Open WebUI {entry['openWebUi'] or '?'}  {entry['files']} files  {size}  "
        typer.echo(f"{entry['name']}  {about}{entry['problem'] or 'can be restored'}")


def _plan(stack: str, config: list[str] | None, directory: Path) -> Plan:
    from hearth.planning.stack import make_plan
    from hearth.problems import ConfigurationError
    from hearth.settings.loading import load_stack

    try:
        plan = make_plan(load_stack(directory, stack, config or []))
    except ConfigurationError as error:
        print_refusal(error, as_json=False)
        raise typer.Exit(1) from None
    if plan.backup is None:
        raise _failure(
            f"Stack {stack} has no hearth:backup, so there are no backups; docs/backup.md tells how to begin."
        )
    return plan


def _backup_of(plan: Plan) -> BackupPlan:
    if plan.backup is None:
        raise AssertionError("_plan has refused this stack")
    return plan.backup


def _cluster(plan: Plan) -> StackCluster:
    from hearth.jobs import StackCluster

    with _explained():
        return StackCluster(plan.cluster, plan.namespace)


@contextmanager
def _explained() -> Generator[None]:
    from hearth.jobs import JobError

    try:
        yield
    except JobError as error:
        raise _failure(str(error)) from None


def _failure(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)
