"""The embedded cluster that the tests of this folder share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from hearth.rehearsal import build
from hearth.rehearsal.api import Api
from hearth.rehearsal.cluster import Cluster, ClusterSpec, start
from hearth.rehearsal.nodes import SimulatedNode, Taint

SPEC = ClusterSpec(
    context="rehearsal-tests",
    nodes=(
        SimulatedNode("gpu-01", 128, 1024, 8, "NVIDIA-H200", 143771, taints=(Taint("nvidia.com/gpu", "present"),)),
        SimulatedNode("gpu-02", 64, 256, 4, "NVIDIA-GeForce-RTX-4090", 24564, labels={"pool": "ada"}),
        SimulatedNode("cpu-01", 16, 64),
        SimulatedNode("cpu-02", 16, 64),
    ),
    namespaces=("metallb-system",),
    objects=(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "site"},
            "spec": {"controller": "example.com/ingress"},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": "site"},
            "spec": {"controllerName": "example.com/gateway"},
        },
    ),
)


@pytest.fixture(scope="session", autouse=True)
def programs(request: pytest.FixtureRequest) -> None:
    """Everything built before the first test on the cluster, whose time limit is not meant for that."""
    if any(item.get_closest_marker("cluster") for item in request.session.items):
        build.ensure(build.TOOLS, lambda line: None)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with start(SPEC, tmp_path_factory.mktemp("shared") / "cluster", lambda line: None) as running:
        yield running


@pytest.fixture(scope="session")
def api(cluster: Cluster) -> Api:
    return Api(cluster.kubeconfig)


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    api.delete(f"/api/v1/namespaces/{name}")
