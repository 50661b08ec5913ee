from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hearth.pulumi_engine import Program
from hearth.rehearsal.build import ensure
from hearth.rehearsal.cluster import Cluster
from hearth.rehearsal.engine import Engine
from hearth.rehearsal.provider.kubernetes import KubernetesProvider
from hearth.rehearsal.provider.random import RandomProvider
from hearth.rehearsal.provider.server import serve
from tests.rehearsal.provider.deployment import LIMITS, Deploy, Deployment


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
