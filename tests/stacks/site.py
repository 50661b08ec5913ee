"""A cluster that keeps objects and does nothing with them, behind Pulumi's real engine."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from hearth.cli import app
from hearth.rehearsal.build import ensure
from hearth.rehearsal.provider.contract import Checked, Difference, ProviderError, ResourceRef, State
from hearth.rehearsal.provider.diffing import changes
from hearth.rehearsal.provider.properties import JsonObject
from hearth.rehearsal.provider.random import RandomProvider
from hearth.rehearsal.provider.server import serve

SETTINGS: Mapping[str, Any] = {
    "target": "kubernetes",
    "cluster": {"context": "site"},
    "storage": {"storageClass": "files", "retainData": False},
    "ollama": {"models": ["llama3.2:1b"]},
    "webUi": {"admin": {"email": "admin@example.org"}, "exposure": {"type": "none"}},
}


class Cluster:
    """Answers the engine as a Kubernetes provider; refuses to create what exists, as the official one does."""

    package = "kubernetes"
    version = metadata.version("pulumi_kubernetes")

    def __init__(self) -> None:
        self.objects: dict[str, JsonObject] = {}
        """By type and namespace/name."""
        self.stuck_at: str | None = None
        """Objects of this kind exist, but their creation is not answered until `release`."""
        self.release = threading.Event()
        self.refuses: str | None = None
        """Objects of this kind cannot be deleted."""
        self.full = False
        """Nothing can be created."""

    def namespaces(self) -> set[str]:
        return {identity.partition(" ")[2] for identity in self.objects if ":Namespace " in identity}

    def configure(self, settings: JsonObject) -> None: ...

    def diff_config(self, old: JsonObject, new: JsonObject) -> Difference:
        return Difference()

    def check(self, ref: ResourceRef, old_inputs: JsonObject, inputs: JsonObject, seed: bytes) -> Checked:
        return Checked(inputs)

    def diff(self, ref: ResourceRef, old: State, inputs: JsonObject) -> Difference:
        return Difference(tuple(changes(old.inputs or old.outputs, inputs)))

    def create(self, ref: ResourceRef, inputs: JsonObject, timeout: float, preview: bool) -> State:
        identity = _identity(inputs)
        if preview:
            return State(identity, inputs)
        if self.full:
            raise ProviderError("the cluster is full")
        if f"{ref.type} {identity}" in self.objects:
            raise ProviderError(f"{ref.type} {identity} already exists")
        self.objects[f"{ref.type} {identity}"] = inputs
        if self.stuck_at and ref.type.endswith(self.stuck_at):
            self.release.wait(60)
        return State(identity, inputs)

    def update(self, ref: ResourceRef, old: State, inputs: JsonObject, timeout: float, preview: bool) -> State:
        if not preview:
            self.objects[f"{ref.type} {old.id}"] = inputs
        return State(old.id, inputs)

    def read(self, ref: ResourceRef, old: State) -> State | None:
        inputs = self.objects.get(f"{ref.type} {old.id}")
        return None if inputs is None else State(old.id, inputs, inputs)

    def delete(self, ref: ResourceRef, old: State, timeout: float) -> None:
        if self.refuses and ref.type.endswith(self.refuses):
            raise ProviderError("the cluster does not answer")
        # A namespace takes what is in it along, so the engine deletes nothing else there.
        gone = [key for key in self.objects if key == f"{ref.type} {old.id}" or f" {old.id}/" in key]
        for key in gone:
            del self.objects[key]

    def cancel(self) -> None:
        self.release.set()

    def close(self) -> None: ...


@dataclass
class Project:
    """A folder with stack files, and the cluster that they are deployed to."""

    folder: Path
    cluster: Cluster

    def call(self, *arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(app, [*arguments, "-C", str(self.folder)], input=typed, catch_exceptions=False)

    def write(self, stack: str = "dev", **changes: Any) -> None:
        settings = {**SETTINGS, **changes}
        config = {f"hearth:{key}": value for key, value in settings.items() if value is not None}
        (self.folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}))

    def stack(self, name: str) -> Path:
        return self.folder / ".hearth" / "stacks" / name


@contextmanager
def project_of_anna(folder: Path) -> Generator[Project]:
    """A project in `folder` with a stack file, a cluster, the CLI, and a user who has never used Pulumi."""
    with pytest.MonkeyPatch.context() as environment:
        project = Project(folder / "project", Cluster())
        project.folder.mkdir()
        (folder / "home").mkdir()
        cli = ensure(["pulumi"], lambda line: None)["pulumi"]
        environment.setenv("PATH", f"{cli.parent}:{os.environ['PATH']}")
        environment.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        environment.setenv("HOME", str(folder / "home"))
        environment.setenv("LOGNAME", "anna")
        for name in ("PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
            environment.delenv(name, raising=False)
        project.write()
        with serve(RandomProvider(), project.cluster) as attached:
            environment.setenv("PULUMI_DEBUG_PROVIDERS", attached)
            yield project
            project.cluster.release.set()


def eventually(condition: Callable[[], object], seconds: float = 30) -> None:
    """Waits until `condition()` holds."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not become so"
        time.sleep(0.1)


def _identity(inputs: JsonObject) -> str:
    about = inputs.get("metadata") or inputs
    namespace, name = about.get("namespace"), about["name"]
    return f"{namespace}/{name}" if namespace else name
