"""The Docker provider under Pulumi's real engine, on a real Docker engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker
import pytest

from tests.rehearsal.docker.conftest import IMAGE, Deploy

pytestmark = pytest.mark.docker

HEALTHY = docker.ContainerHealthcheckArgs(tests=["CMD", "true"], interval="1s", retries=1)


def image() -> docker.RemoteImage:
    return docker.RemoteImage("image", name=IMAGE, keep_locally=True)


def server(name: str = "server", after: docker.Container | None = None, **arguments: Any) -> docker.Container:
    """A container that sleeps until it is ended."""
    given = {"image": IMAGE, "entrypoints": ["sleep"], "command": ["600"], "name": name, **arguments}
    return docker.Container(name, docker.ContainerArgs(**given), pulumi.ResourceOptions(depends_on=after and [after]))


def job(command: str, **arguments: Any) -> docker.Container:
    """A container that runs a shell command to its end."""
    given = {"attach": True, "logs": True, "must_run": False, **arguments}
    return server("job", entrypoints=["sh", "-c"], command=[command], **given)


def names(client: Any) -> list[str]:
    return sorted(container["Names"][0] for container in client.containers(all=True))


def test_second_up_changes_nothing(deploy: Deploy) -> None:
    def program() -> None:
        network = docker.Network("net", name="net", internal=True)
        volume = docker.Volume("data", name="data")
        server(
            image=image().image_id,
            networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name, aliases=["web"])],
            volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=volume.name)],
            envs=["A=1", "B=2"],
            labels=[docker.ContainerLabelArgs(label="a", value="b")],
            healthcheck=HEALTHY,
            wait=True,
        )

    engine = deploy(program).engine
    first = engine.up()
    assert first.succeeded, first.errors
    assert engine.up().changed == {}


def test_destroy_removes_everything_but_the_image(deploy: Deploy, client: Any) -> None:
    def program() -> None:
        network = docker.Network("net", name="net")
        volume = docker.Volume("data", name="data")
        server(
            image=image().image_id,
            networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.id)],
            volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=volume.name)],
        )

    engine = deploy(program).engine
    assert engine.up().succeeded
    assert engine.destroy().succeeded
    assert (names(client), client.volumes()["Volumes"] or []) == ([], [])
    assert [network["Name"] for network in client.networks(names=["net"])] == []
    assert client.inspect_image(IMAGE)


def test_preview_makes_nothing(deploy: Deploy, client: Any) -> None:
    engine = deploy(lambda: (server(), None)[1]).engine
    assert engine.preview().changes["create"] == 2
    assert names(client) == []


def test_containers_reach_each_other_by_their_aliases(deploy: Deploy, client: Any) -> None:
    def program() -> None:
        network = docker.Network("net", name="net", internal=True)
        attached = [docker.ContainerNetworksAdvancedArgs(name=network.name, aliases=["models"])]
        health = docker.ContainerHealthcheckArgs(tests=["CMD", "ollama", "list"], interval="1s")
        serving = server(
            entrypoints=["ollama"], command=["serve"], networks_advanced=attached, healthcheck=health, wait=True
        )
        asks = job(
            "OLLAMA_HOST=models:11434 ollama list && echo reached",
            networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name)],
            after=serving,
        )
        pulumi.export("log", asks.container_logs)

    outcome = deploy(program).engine.up()
    assert outcome.outputs["log"] == "reached\n", outcome.errors


def test_container_that_runs_to_its_end_gives_log_and_exit_code(deploy: Deploy) -> None:
    def program() -> None:
        ended = job("echo out; echo err >&2; exit 3")
        pulumi.export("log", ended.container_logs.apply(lambda log: sorted(log.split())))
        pulumi.export("code", ended.exit_code)

    outputs = deploy(program).engine.up().outputs
    assert outputs == {"log": ["err", "out"], "code": 3}


def test_files_are_there_before_the_start(deploy: Deploy) -> None:
    def program() -> None:
        upload = docker.ContainerUploadArgs(file="/etc/hearth/a.txt", content="hello", permissions="0440", group="1000")
        ended = job("cat /etc/hearth/a.txt", user="1000:1000", uploads=[upload])
        pulumi.export("log", ended.container_logs)

    assert deploy(program).engine.up().outputs == {"log": "hello"}


def test_files_in_a_read_only_root_are_refused_as_the_engine_does(deploy: Deploy) -> None:
    def program() -> None:
        server(read_only=True, uploads=[docker.ContainerUploadArgs(file="/etc/a.txt", content="hello")])

    (error,) = deploy(program).engine.up().errors[:1]
    assert "read-only" in error.message


def test_changed_environment_replaces_the_container(deploy: Deploy, client: Any) -> None:
    value = "1"
    engine = deploy(lambda: (server(envs=[f"A={value}"]), None)[1]).engine
    assert engine.up().succeeded
    before = client.inspect_container("server")["Id"]
    value = "2"
    outcome = engine.up()
    assert outcome.changed == {"replace": 1}, outcome.errors
    assert client.inspect_container("server")["Id"] != before


def test_changed_restart_policy_keeps_the_container(deploy: Deploy, client: Any) -> None:
    policy = "no"
    engine = deploy(lambda: (server(restart=policy), None)[1]).engine
    assert engine.up().succeeded
    before = client.inspect_container("server")["Id"]
    policy = "always"
    assert engine.up().changed == {"update": 1}
    after = client.inspect_container("server")
    assert (after["Id"], after["HostConfig"]["RestartPolicy"]["Name"]) == (before, "always")


def test_container_that_vanished_is_made_again(deploy: Deploy, client: Any) -> None:
    engine = deploy(lambda: (server(), None)[1]).engine
    assert engine.up().succeeded
    client.remove_container("server", force=True)
    engine.refresh()
    assert engine.up().changed == {"create": 1}


def test_container_that_stopped_is_started_again(deploy: Deploy, client: Any) -> None:
    engine = deploy(lambda: (server(), None)[1]).engine
    assert engine.up().succeeded
    client.kill("server")
    engine.refresh()
    assert engine.up().changed == {"update": 1}
    assert client.inspect_container("server")["State"]["Running"]


def test_existing_volume_is_taken_over(deploy: Deploy, client: Any) -> None:
    client.create_volume("cache", labels={"made": "before"})
    assert deploy(lambda: (docker.Volume("cache", name="cache"), None)[1]).engine.up().succeeded
    assert client.inspect_volume("cache")["Labels"] == {"made": "before"}


def test_missing_image_is_named(deploy: Deploy) -> None:
    def program() -> None:
        docker.RemoteImage("absent", name="registry.invalid/absent:1")

    (error,) = deploy(program).engine.up().errors[:1]
    assert "registry.invalid/absent:1" in error.message


def test_taken_port_is_named_with_the_container(deploy: Deploy, client: Any) -> None:
    def program() -> None:
        published = docker.ContainerPortArgs(internal=80, external=8080, ip="127.0.0.1")
        first = server("first", ports=[published])
        server("second", ports=[published], after=first)

    message = deploy(program).engine.up().errors[0].message
    assert "container second" in message and "port is already allocated" in message


def test_container_that_never_gets_healthy_shows_the_end_of_its_log(deploy: Deploy) -> None:
    def program() -> None:
        sick = docker.ContainerHealthcheckArgs(tests=["CMD", "false"], interval="1s", retries=1)
        command = ["echo waiting for a disk; sleep 600"]
        server(entrypoints=["sh", "-c"], command=command, healthcheck=sick, wait=True, wait_timeout=2)

    message = deploy(program).engine.up().errors[0].message
    assert "container server: not healthy within 2 s (waitTimeout)" in message and "waiting for a disk" in message


def test_empty_argument_is_refused_as_by_the_official_provider(deploy: Deploy) -> None:
    outcome = deploy(lambda: (server(command=["a", ""]), None)[1]).engine.up()
    assert "values for command may not be empty" in outcome.errors[0].message


def test_unknown_resource_is_refused_by_name(deploy: Deploy) -> None:
    outcome = deploy(lambda: (docker.Plugin("plugin", name="a"), None)[1]).engine.up()
    assert "has no docker:index/plugin:Plugin" in outcome.errors[0].message


def test_an_image_is_built_again_only_when_its_inputs_change(deploy: Deploy, client: Any, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    dockerfile = context / "Dockerfile"
    dockerfile.write_text("ARG BASE\nFROM ${BASE}\nENV TZ=Asia/Seoul\n")
    build = docker.DockerBuildArgs(context=str(context), dockerfile=str(dockerfile), args={"BASE": IMAGE})
    engine = deploy(
        lambda: (docker.Image("own", image_name="hearth/own:1", build=build, skip_push=True), None)[1]
    ).engine
    assert engine.up().succeeded
    assert "TZ=Asia/Seoul" in client.inspect_image("hearth/own:1")["Config"]["Env"]
    assert engine.up().changed == {}
    dockerfile.write_text("ARG BASE\nFROM ${BASE}\nENV TZ=Asia/Tokyo\n")
    assert engine.up().changed == {"update": 1}
    assert "TZ=Asia/Tokyo" in client.inspect_image("hearth/own:1")["Config"]["Env"]
