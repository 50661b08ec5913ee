"""Nodes and workloads of the embedded cluster."""

from __future__ import annotations

import json

import pytest

from hearth.rehearsal.api import Api
from hearth.rehearsal.cluster import Cluster
from hearth.rehearsal.errors import ApiError
from tests.rehearsal.objects import create, deployment, events, eventually

pytestmark = pytest.mark.cluster


def test_nodes_offer_what_the_nvidia_stack_announces(api: Api) -> None:
    node = api.get("/api/v1/nodes/gpu-01")
    labels = node["metadata"]["labels"]
    assert (
        node["status"]["allocatable"]["nvidia.com/gpu"],
        labels["nvidia.com/gpu.product"],
        labels["nvidia.com/gpu.count"],
        labels["nvidia.com/gpu.memory"],
    ) == ("8", "NVIDIA-H200", "8", "143771")


def test_the_context_has_the_name_that_was_asked_for(cluster: Cluster) -> None:
    assert json.loads(cluster.kubeconfig.read_text())["current-context"] == "rehearsal-tests"


def test_the_kubeconfig_is_for_its_owner_only(cluster: Cluster) -> None:
    assert cluster.kubeconfig.stat().st_mode & 0o077 == 0


def test_a_deployment_that_needs_gpus_becomes_ready_on_the_node_that_has_them(api: Api, namespace: str) -> None:
    path = create(api, deployment(namespace, gpus=4))
    assert eventually(lambda: api.get(path)["status"].get("availableReplicas") == 1)
    assert [pod["spec"]["nodeName"] for pod in api.items(f"/api/v1/namespaces/{namespace}/pods")] == ["gpu-02"]


def test_a_deployment_that_no_node_can_take_says_so_in_the_schedulers_words(api: Api, namespace: str) -> None:
    create(api, deployment(namespace, gpus=16))
    messages = eventually(lambda: events(api, namespace, "FailedScheduling"))
    assert "Insufficient nvidia.com/gpu" in messages[0]


def test_a_hundred_pods_are_ready_within_seconds(api: Api, namespace: str) -> None:
    path = create(api, deployment(namespace, gpus=0, replicas=100))
    assert eventually(lambda: api.get(path)["status"].get("availableReplicas") == 100, seconds=20)


def test_pods_with_init_containers_and_sidecars_become_ready(api: Api, namespace: str) -> None:
    init = [{"name": "once", "image": "x"}, {"name": "beside", "image": "x", "restartPolicy": "Always"}]
    path = create(api, deployment(namespace, gpus=0, initContainers=init))
    assert eventually(lambda: api.get(path)["status"].get("availableReplicas") == 1)


def test_a_job_completes(api: Api, namespace: str) -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "x"}]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job", "namespace": namespace}}
    path = create(api, {**job, "spec": {"template": {"spec": pod}}})
    assert eventually(lambda: api.get(path)["status"].get("succeeded") == 1)


def test_a_misspelt_field_is_refused(api: Api, namespace: str) -> None:
    with pytest.raises(ApiError, match=r"unknown field .*runtimeClasName"):
        create(api, deployment(namespace, gpus=0, runtimeClasName="nvidia"))


def test_pod_security_levels_are_enforced(api: Api, namespace: str) -> None:
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": level}})
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "namespace": namespace}}
    with pytest.raises(ApiError, match="violates PodSecurity"):
        create(api, {**pod, "spec": {"containers": [{"name": "main", "image": "x"}]}})


def test_quotas_are_enforced(api: Api, namespace: str) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota", "namespace": namespace}}
    path = create(api, {**quota, "spec": {"hard": {"requests.nvidia.com/gpu": "2"}}})
    eventually(lambda: api.get(path)["status"].get("hard"))
    create(api, deployment(namespace, gpus=4))
    assert "exceeded quota" in eventually(lambda: events(api, namespace, "FailedCreate"))[0]
