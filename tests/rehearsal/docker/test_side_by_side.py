"""Two developers' stacks on one engine, and a run that was killed."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker_sdk
import pytest

from hearth.evaluation import PROJECT, run_program
from hearth.rehearsal.build import ensure
from hearth.rehearsal.docker.engine import Engine as DockerEngine
from hearth.rehearsal.engine import Engine
from hearth.rehearsal.provider.docker import DockerProvider
from hearth.rehearsal.provider.random import RandomProvider
from hearth.rehearsal.provider.server import serve
from hearth.settings.loading import load_stack
from hearth.stacks import docker_engine
from tests.conftest import ROOT
from tests.rehearsal.docker.conftest import IMAGE

pytestmark = pytest.mark.docker

Start = Callable[..., Engine]


@pytest.fixture
def start(docker: DockerEngine, client: Any, tmp_path: Path) -> Any:
    """Makes Pulumi's engine for a program as a stack of its own, which saves its state step by step."""
    with serve(DockerProvider(docker.client()), RandomProvider()) as attached:

        def make(stack: str, program: Callable[[], None], config: dict[str, str]) -> Engine:
            directory = tmp_path / stack
            directory.mkdir()
            return Engine(
                program,
                project=PROJECT,
                stack=stack,
                config=config,
                pulumi=ensure(["pulumi"], lambda line: None)["pulumi"],
                directory=directory,
                environment={"PULUMI_DEBUG_PROVIDERS": attached, "PULUMI_SKIP_CHECKPOINTS": "false"},
            )

        yield make


def developer(docker: DockerEngine, start: Start, name: str, port: int) -> Engine:
    """The dev stack under the names and the port of one developer."""
    overrides = [f"namespace=hearth-{name}", f"docker.publish={json.dumps({'web-ui': port})}"]
    loaded = load_stack(ROOT, "dev", overrides)
    host = {**json.loads(loaded.config["hearth:docker"]), "host": docker.host}
    config = {**loaded.config, "hearth:docker": json.dumps(host)}
    return start(name, lambda: run_program(loaded.directory, rehearsed=True), config)


def answers(docker: DockerEngine, port: int) -> int:
    def ask() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/health")
        return connection.getresponse().status

    return docker.within(ask)


def identities(client: Any, stack: str) -> set[str]:
    return {item["Id"] for item in client.containers(all=True, filters={"label": f"dev.hearth.stack={stack}"})}


def test_two_developers_do_not_touch_each_other(docker: DockerEngine, client: Any, start: Start) -> None:
    ada, bob = developer(docker, start, "dev-ada", 3000), developer(docker, start, "dev-bob", 3001)
    assert ada.up().succeeded
    before = identities(client, "dev-ada")
    second = bob.up()
    assert second.succeeded, second.errors
    assert (answers(docker, 3000), answers(docker, 3001)) == (200, 200)
    assert bob.destroy().succeeded
    assert (identities(client, "dev-bob"), identities(client, "dev-ada")) == (set(), before)
    assert answers(docker, 3000) == 200
    assert ada.up().changed == {}


def test_taken_port_is_named_and_its_owner_stays(docker: DockerEngine, client: Any, start: Start) -> None:
    assert developer(docker, start, "dev-ada", 3000).up().succeeded
    message = developer(docker, start, "dev-bob", 3000).up().errors[0].message
    assert (
        "container hearth-dev-bob-web-ui" in message and "127.0.0.1:3000 failed: port is already allocated" in message
    )
    assert answers(docker, 3000) == 200


def test_run_that_was_killed_is_recovered_by_the_next(docker: DockerEngine, client: Any, start: Start) -> None:
    labels = [("dev.hearth.stack", "killed")]

    def container(name: str, **arguments: Any) -> docker_sdk.Container:
        marks = [docker_sdk.ContainerLabelArgs(label=label, value=value) for label, value in labels]
        return docker_sdk.Container(
            name, name=name, image=IMAGE, entrypoints=["sleep"], command=["600"], labels=marks, **arguments
        )

    def program() -> None:
        first = container("first")
        health = docker_sdk.ContainerHealthcheckArgs(tests=["CMD", "test", "-e", "/tmp/well"], interval="1s")
        after = pulumi.ResourceOptions(depends_on=[first])
        container("second", healthcheck=health, wait=True, wait_timeout=180, opts=after)

    engine = start("killed", program, {})
    run = threading.Thread(target=engine.up)
    run.start()
    wait_until(lambda: "/second" in names(client))
    kill_engine()
    run.join()

    engine.cancel()
    assert {"/first", "/second"} == names(client)
    docker_engine.remove(docker.host, "killed", {"second"}, set())
    engine.adopt({})
    helper = threading.Thread(target=make_well, args=(docker,))
    helper.start()
    outcome = engine.up()
    helper.join()
    assert outcome.changed == {"create": 1}, outcome.errors
    assert engine.destroy().succeeded and names(client) == set()


def names(client: Any) -> set[str]:
    return {item["Names"][0] for item in client.containers(all=True)}


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def kill_engine() -> None:
    """Ends the Pulumi CLI that this process started, as a crash would."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:
            continue
        if lines["Name"] == "pulumi" and lines["PPid"] == str(os.getpid()):
            os.kill(int(status.parent.name), signal.SIGKILL)


def make_well(docker: DockerEngine) -> None:
    client = docker.client()
    wait_until(lambda: "/second" in names(client))
    wait_until(lambda: client.inspect_container("second")["State"]["Running"])
    client.exec_start(client.exec_create("second", ["touch", "/tmp/well"])["Id"])
