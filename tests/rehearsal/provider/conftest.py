from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hearth.rehearsal.api import Api
from hearth.rehearsal.build import ensure
from hearth.rehearsal.cluster import Cluster
from hearth.rehearsal.engine import Engine, Program
from hearth.rehearsal.provider.kubernetes import KubernetesProvider
from hearth.rehearsal.provider.random import RandomProvider
from hearth.rehearsal.provider.server import serve
from tests.rehearsal.provider.deployment import LIMITS, Deploy, Deployment


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def deploy(cluster: Cluster, tmp_path: Path) -> Iterator[Deploy]:
    """Prepares a program for deployment; what it leaves on the cluster is destroyed after the test."""
    with ExitStack() as resources:

        def prepare(program: Program) -> Deployment:
            kubernetes = KubernetesProvider(cluster.kubeconfig, LIMITS)
            engine = Engine(
                program,
                project="hearth",
                stack="test",
                config={},
                pulumi=ensure(["pulumi"], lambda line: None)["pulumi"],
                directory=tmp_path,
                environment={"PULUMI_DEBUG_PROVIDERS": resources.enter_context(serve(kubernetes, RandomProvider()))},
            )
            resources.callback(engine.destroy)
            return Deployment(engine, kubernetes)

        yield prepare
