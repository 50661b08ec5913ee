"""Waiting until what was deployed is ready, and giving up as soon as it cannot be."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from hearth.rehearsal.api import Api
from tests.rehearsal.provider.deployment import LIMITS, Deploy, deployment, gpus, only_error, workload

pytestmark = pytest.mark.cluster


def service(name: str, namespace: str, kind: str = "ClusterIP") -> k8s.core.v1.Service:
    return k8s.core.v1.Service(
        name,
        metadata={"name": name, "namespace": namespace},
        spec={"type": kind, "selector": {"app": name}, "ports": [{"port": 80}]},
    )


def test_workloads_of_every_kind_become_ready(deploy: Deploy, namespace: str) -> None:
    def program() -> None:
        deployment("web", namespace, gpus(1))
        service("web", namespace)
        k8s.apps.v1.StatefulSet(
            "store",
            metadata={"name": "store", "namespace": namespace},
            spec=workload("store", replicas=2, serviceName="store"),
        )
        k8s.apps.v1.DaemonSet("agent", metadata={"name": "agent", "namespace": namespace}, spec=workload("agent"))
        fetch = workload("fetch", {"restartPolicy": "Never"})
        k8s.batch.v1.Job(
            "fetch", metadata={"name": "fetch", "namespace": namespace}, spec={"template": fetch["template"]}
        )

    engine = deploy(program).engine
    assert engine.up().changes == {"create": 6}
    assert engine.up().changes == {"same": 6}


def claim(name: str, namespace: str, storage_class: pulumi.Input[str]) -> k8s.core.v1.PersistentVolumeClaim:
    spec: Any = {
        "storageClassName": storage_class,
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return k8s.core.v1.PersistentVolumeClaim(name, metadata={"name": name, "namespace": namespace}, spec=spec)


def quota(namespace: str, pods: int) -> k8s.core.v1.ResourceQuota:
    return k8s.core.v1.ResourceQuota("quota", metadata={"namespace": namespace}, spec={"hard": {"pods": str(pods)}})


def test_volumes_bind(deploy: Deploy, namespace: str, api: Api) -> None:
    def program() -> None:
        storage = k8s.storage.v1.StorageClass(
            "storage", metadata={"name": namespace}, provisioner="nfs.csi.k8s.io", volume_binding_mode="Immediate"
        )
        claim("data", namespace, storage.id)

    assert deploy(program).engine.up().succeeded
    bound = api.get(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/data")
    assert bound["status"]["phase"] == "Bound"


def short_of_gpus(namespace: str) -> None:
    deployment("big", namespace, gpus(9))


def without_class(namespace: str) -> None:
    claim("data", namespace, "missing")


def over_quota(namespace: str) -> None:
    allowed = quota(namespace, pods=0)
    allowed.id.apply(lambda _: deployment("web", namespace))


def without_addresses(namespace: str) -> None:
    deployment("web", namespace)
    service("web", namespace, "LoadBalancer")


@pytest.mark.parametrize(
    ("declare", "cause"),
    [
        (short_of_gpus, "Insufficient nvidia.com/gpu"),
        (without_class, 'storageclass.storage.k8s.io "missing" not found'),
        (over_quota, "exceeded quota"),
        (without_addresses, "no available IPs"),
    ],
)
def test_cause_is_named_long_before_the_time_limit(
    deploy: Deploy, namespace: str, declare: Callable[[str], None], cause: str
) -> None:
    engine = deploy(lambda: declare(namespace)).engine
    started = time.monotonic()
    assert cause in only_error(engine.up())
    assert time.monotonic() - started < 15


def test_object_that_never_became_ready_stays_in_the_state(deploy: Deploy, namespace: str) -> None:
    engine = deploy(lambda: short_of_gpus(namespace)).engine
    engine.up()
    assert any(resource["type"] == "kubernetes:apps/v1:Deployment" for resource in engine.export_state()["resources"])
    assert engine.destroy().changes["delete"] == 2


def test_interrupted_wait_leaves_a_stack_that_can_be_destroyed(deploy: Deploy, namespace: str, api: Api) -> None:
    def interrupt() -> None:
        deadline = time.monotonic() + LIMITS.longest
        while api.find(f"/api/v1/namespaces/{namespace}/services/lonely") is None and time.monotonic() < deadline:
            time.sleep(0.1)
        signal.raise_signal(signal.SIGINT)

    # Without a cause that is certain, so that only the interrupt ends the wait.
    engine = deploy(lambda: service("lonely", namespace) and None).engine
    threading.Thread(target=interrupt).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        engine.up()
    assert time.monotonic() - started < LIMITS.longest
    assert engine.destroy().changes["delete"] == 2
