"""The private Docker engine that the tests of this folder share, and programs deployed on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from hearth.catalog.versions import images as catalog_images
from hearth.pulumi_engine import Program
from hearth.rehearsal.build import ensure
from hearth.rehearsal.docker import engine, images
from hearth.rehearsal.engine import Engine
from hearth.rehearsal.provider.docker import DockerProvider
from hearth.rehearsal.provider.random import RandomProvider
from hearth.rehearsal.provider.server import serve

IMAGE = catalog_images()["ollama"]
"""A stand-in that serves, and in which any shell command runs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out what needs an engine where none can be started, and says why."""
    found = engine.obstacle()
    for item in items:
        if found and item.get_closest_marker("docker") and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=found))


@pytest.fixture(scope="session", autouse=True)
def programs(request: pytest.FixtureRequest) -> None:
    """Everything made before the first test that starts an engine, whose time limit is not meant for that."""
    wanted = any(item.get_closest_marker("docker") for item in request.session.items)
    if wanted and engine.obstacle() is None:
        ensure(["pulumi"], lambda line: None)
        stand_ins()


def stand_ins() -> Path:
    wanted = {catalog_images()[key]: images.stand_in(catalog_images()[key]) for key in ("ollama", "openWebUi", "vllm")}
    return images.ensure_images(wanted, lambda line: None)


@pytest.fixture(scope="module")
def docker() -> Iterator[engine.Engine]:
    with engine.start(stand_ins()) as running:
        yield running


@pytest.fixture
def client(docker: engine.Engine) -> Iterator[Any]:
    """Of an engine that is empty after each test."""
    client = docker.client()
    yield client
    for container in client.containers(all=True):
        client.remove_container(container["Id"], force=True, v=True)
    client.prune_networks()
    for volume in client.volumes()["Volumes"] or ():
        client.remove_volume(volume["Name"])
    client.close()


class RefreshingEngine(Engine):
    """One that also compares the state with what is there, as `pulumi refresh` does."""

    def refresh(self) -> None:
        self._stack.refresh(color="never", suppress_outputs=True)


@dataclass(frozen=True)
class Deployment:
    """Pulumi's engine with a program, on the Docker engine."""

    engine: RefreshingEngine
    provider: DockerProvider


Deploy: TypeAlias = Callable[[Program], Deployment]


@pytest.fixture
def deploy(docker: engine.Engine, client: Any, tmp_path: Path) -> Iterator[Deploy]:
    """Prepares a program for deployment."""
    with ExitStack() as resources:

        def prepare(program: Program) -> Deployment:
            provider = DockerProvider(docker.client())
            attached = resources.enter_context(serve(provider, RandomProvider()))
            work = tmp_path / f"engine-{len(list(tmp_path.iterdir()))}"
            work.mkdir()
            made = RefreshingEngine(
                program,
                project="hearth",
                stack="test",
                config={},
                pulumi=ensure(["pulumi"], lambda line: None)["pulumi"],
                directory=work,
                environment={"PULUMI_DEBUG_PROVIDERS": attached},
            )
            return Deployment(made, provider)

        yield prepare
