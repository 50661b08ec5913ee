"""The reader and the program on a real Docker engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hearth.catalog.versions import images as catalog_images
from hearth.docker_host.facts import HostFacts, Published
from hearth.docker_host.reader import read
from hearth.evaluation import run_program
from hearth.planning.host import DockerPlan
from hearth.rehearsal.build import ensure
from hearth.rehearsal.docker import engine, images
from hearth.rehearsal.engine import Engine
from tests.containers import stacks

pytestmark = pytest.mark.docker

IMAGE = catalog_images()["ollama"]


@pytest.fixture(scope="module")
def docker() -> Iterator[engine.Engine]:
    if found := engine.obstacle():
        pytest.skip(found)
    made = images.ensure_images({IMAGE: images.stand_in(IMAGE)}, lambda line: None)
    with engine.start(made) as running:
        yield running


@pytest.fixture
def client(docker: engine.Engine) -> Iterator[Any]:
    client = docker.client()
    yield client
    client.close()


def facts(docker: engine.Engine, **changes: Any) -> HostFacts:
    plan = stacks.plan().docker
    assert isinstance(plan, DockerPlan)
    found = docker.within(lambda: read(replace(plan, host=docker.host, **changes)))
    assert found
    return found


def test_the_engine_says_what_it_is(docker: engine.Engine) -> None:
    found = facts(docker)

    assert found.version.split(".")[0].isdigit()
    assert (found.os, found.memory_bytes > 0, bool(found.free_disk_bytes)) == ("linux", True, True)


def test_what_a_cache_holds_is_measured(docker: engine.Engine, client: Any) -> None:
    client.create_volume("cached")
    (docker.directory / "data/volumes/cached/_data/model").write_bytes(bytes(1000))

    assert facts(docker, caches={"claim": "cached", "other": "missing"}).kept_bytes == {"cached": 1000}


def test_a_published_port_is_known_with_its_stack(docker: engine.Engine, client: Any) -> None:
    host = client.create_host_config(port_bindings={80: ("127.0.0.1", 3000)})
    container = client.create_container(
        IMAGE,
        entrypoint=["sleep", "60"],
        name="web",
        ports=[80],
        labels={"dev.hearth.stack": "other"},
        host_config=host,
    )
    client.start(container)

    found = facts(docker)
    client.remove_container(container, force=True)

    assert (found.published, found.busy_ports) == ((Published("web", "other", "127.0.0.1", 3000),), frozenset({3000}))


def test_a_stack_with_gpus_is_refused_before_anything_is_created(
    docker: engine.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho No devices were found\nexit 6\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    settings = {**stacks.GPU, "docker": {"host": docker.host}}
    work = tmp_path / "engine"
    work.mkdir()
    pulumi = Engine(
        lambda: run_program(tmp_path),
        project="hearth",
        stack="test",
        config=stacks.loaded(**settings).config,
        pulumi=ensure(["pulumi"], lambda line: None)["pulumi"],
        directory=work,
        environment={},
    )

    outcome = pulumi.up()

    assert not outcome.succeeded
    assert "no NVIDIA GPU that can be used: nvidia-smi says: No devices were found" in outcome.errors[0].message
    assert pulumi.preview().changes.get("create", 0) == 0
