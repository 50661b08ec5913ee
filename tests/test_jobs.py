"""One-off Jobs on the embedded control plane, from the CronJobs that a stack renders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hearth.evaluation import evaluate
from hearth.jobs import JobError, StackCluster, failed_container
from hearth.planning.plan import ClusterAccess
from hearth.rehearsal.api import Api
from hearth.rehearsal.cluster import Cluster, ClusterSpec, start
from hearth.rehearsal.nodes import SimulatedNode
from hearth.settings.loading import load_config
from tests.planning import stacks

pytestmark = pytest.mark.cluster

SPEC = ClusterSpec(context="jobs-tests", nodes=(SimulatedNode("cpu-01", 16, 64),), namespaces=("hearth-test",))
KINDS = ("CronJob", "ConfigMap", "Secret")
BUCKET = {"endpoint": "https://s3.lan", "bucket": "chat", "accessKey": "a", "secretKey": "b"}
SETTINGS = stacks.config(backup={"to": {"s3": BUCKET}}, webUi=stacks.chat(uploads={"s3": BUCKET}))
"""Without volumes, which nobody makes on this cluster."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with start(SPEC, tmp_path_factory.mktemp("jobs") / "cluster", lambda line: None) as found:
        api = Api(found.kubeconfig)
        for resource in evaluate(load_config(SETTINGS, "test")).kubernetes_objects():
            inputs = resource.inputs
            if inputs["kind"] in KINDS and inputs["metadata"]["name"] in ("web-ui-backup", "web-ui-restore"):
                api.create(api.collection(inputs), inputs)
        yield found


@pytest.fixture
def cluster(running: Cluster) -> StackCluster:
    return StackCluster(ClusterAccess(str(running.kubeconfig), None), "hearth-test")


def test_a_job_of_a_cron_job_runs_to_its_end(cluster: StackCluster) -> None:
    pod = cluster.follow(cluster.start("web-ui-backup"), lambda line: None)
    assert failed_container(pod) is None and pod["metadata"]["name"].startswith("web-ui-backup-")


def test_a_suspended_cron_job_runs_when_it_is_told_to(cluster: StackCluster) -> None:
    assert failed_container(cluster.follow(cluster.start("web-ui-restore"), lambda line: None)) is None


def test_an_unknown_cron_job_is_explained(cluster: StackCluster) -> None:
    with pytest.raises(JobError, match="cannot read CronJob other: 404"):
        cluster.start("other")


def test_a_deployment_is_scaled(running: Cluster, cluster: StackCluster, tmp_path: Path) -> None:
    api = Api(running.kubeconfig)
    labels = {"app": "x"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "x", "image": "x:1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod}
    metadata = {"name": "web-ui", "namespace": "hearth-test"}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    api.create(api.collection(body), body)
    cluster.scale("web-ui", 0)
    assert cluster.replicas("web-ui") == 0
    cluster.scale("web-ui", 3)
    assert cluster.replicas("web-ui") == 3
