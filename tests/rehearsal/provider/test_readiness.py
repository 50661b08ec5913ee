from __future__ import annotations

from typing import Any

import pytest

from hearth.rehearsal.provider.readiness import Failed, Ready, Related, Waiting, readiness

UNSCHEDULABLE = "0/5 nodes are available: 5 Insufficient nvidia.com/gpu."
REFUSED = 'pods "x" is forbidden: exceeded quota: compute'


def item(kind: str, spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    metadata = {"name": "x", "generation": 1}
    return {"kind": kind, "metadata": metadata, "spec": spec or {}, "status": {"observedGeneration": 1, **status}}


def condition(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def warning(reason: str, message: str) -> dict[str, Any]:
    return {
        "type": "Warning",
        "reason": reason,
        "message": message,
        "metadata": {},
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }


POD = item("Pod", phase="Pending", conditions=[condition("PodScheduled", "False", "Unschedulable", UNSCHEDULABLE)])
ENDPOINTS = {"endpoints": [{"conditions": {"ready": True}}]}
SELECTING = {"selector": {"app": "x"}, "clusterIP": "10.0.0.1"}


@pytest.mark.parametrize(
    ("found", "related"),
    [
        (item("Deployment", {"replicas": 2}, replicas=2, updatedReplicas=2, availableReplicas=2), Related()),
        (item("Deployment", {"replicas": 0}), Related()),
        (item("StatefulSet", {"replicas": 1}, readyReplicas=1, updatedReplicas=1), Related()),
        (item("DaemonSet", desiredNumberScheduled=2, numberAvailable=2, updatedNumberScheduled=2), Related()),
        (item("Job", conditions=[condition("Complete", "True")]), Related()),
        (item("Pod", phase="Succeeded"), Related()),
        (item("Pod", phase="Running", conditions=[condition("Ready", "True")]), Related()),
        (item("PersistentVolumeClaim", phase="Bound"), Related()),
        (
            item("PersistentVolumeClaim", phase="Pending"),
            Related(storage_class={"volumeBindingMode": "WaitForFirstConsumer"}),
        ),
        (item("Service", SELECTING), Related(endpoint_slices=[ENDPOINTS])),
        (item("Service", {"type": "ExternalName"}), Related()),
        (item("Service", {"clusterIP": "None"}), Related()),
        (
            item("Service", {**SELECTING, "type": "LoadBalancer"}, loadBalancer={"ingress": [{"ip": "192.0.2.1"}]}),
            Related(endpoint_slices=[ENDPOINTS]),
        ),
        (item("Ingress", loadBalancer={"ingress": [{"ip": "192.0.2.1"}]}), Related()),
        (item("CustomResourceDefinition", conditions=[condition("Established", "True")]), Related()),
        (item("ConfigMap"), Related()),
    ],
)
def test_ready(found: dict[str, Any], related: Related) -> None:
    assert readiness(found, related) == Ready()


@pytest.mark.parametrize(
    ("found", "related", "reason"),
    [
        (item("Deployment", {"replicas": 2}, updatedReplicas=2, availableReplicas=1), Related(), "1 of 2 replicas"),
        (item("Deployment", {}, replicas=2, updatedReplicas=1, availableReplicas=2), Related(), "1 of 1 replicas"),
        (item("StatefulSet", {"replicas": 3}, readyReplicas=3, updatedReplicas=1), Related(), "1 of 3 replicas"),
        (item("DaemonSet", desiredNumberScheduled=2), Related(), "0 of 2 pods"),
        (item("Job"), Related(), "0 of 1 completions"),
        (item("Pod", phase="Pending"), Related(), "its phase is Pending"),
        (item("PersistentVolumeClaim", phase="Pending"), Related(), "no volume is bound"),
        (item("Service", SELECTING), Related(), "none of its endpoints"),
        (item("Service", SELECTING), Related(endpoint_slices=[{"endpoints": None}]), "none of its endpoints"),
        (
            item("Service", {**SELECTING, "type": "LoadBalancer"}),
            Related(endpoint_slices=[ENDPOINTS]),
            "no load balancer address",
        ),
        (item("Ingress"), Related(), "no address"),
        (item("CustomResourceDefinition"), Related(), "not established"),
    ],
)
def test_waiting(found: dict[str, Any], related: Related, reason: str) -> None:
    verdict = readiness(found, related)
    assert isinstance(verdict, Waiting)
    assert reason in verdict.reason
    assert not verdict.stuck


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_change_that_the_controller_has_not_seen(kind: str) -> None:
    unseen = {**item(kind), "status": {}}
    verdict = readiness(unseen, Related())
    assert isinstance(verdict, Waiting)
    assert "not seen it yet" in verdict.reason


@pytest.mark.parametrize(
    ("found", "related", "reason"),
    [
        (item("Deployment"), Related(pods=[POD]), UNSCHEDULABLE),
        (item("Deployment", conditions=[condition("ReplicaFailure", "True", message=REFUSED)]), Related(), REFUSED),
        (item("StatefulSet"), Related(pods=[POD]), UNSCHEDULABLE),
        (item("StatefulSet"), Related(events=[warning("FailedCreate", REFUSED)]), REFUSED),
        (item("Job"), Related(events=[warning("FailedCreate", REFUSED)]), REFUSED),
        (POD, Related(), UNSCHEDULABLE),
        (
            item("PersistentVolumeClaim", phase="Pending"),
            Related(events=[warning("ProvisioningFailed", 'storageclass.storage.k8s.io "a" not found')]),
            'storageclass.storage.k8s.io "a" not found',
        ),
        (
            item("Service", {**SELECTING, "type": "LoadBalancer"}),
            Related(endpoint_slices=[ENDPOINTS], events=[warning("AllocationFailed", "no available IPs")]),
            "no available IPs",
        ),
    ],
)
def test_stuck_with_the_cause(found: dict[str, Any], related: Related, reason: str) -> None:
    verdict = readiness(found, related)
    assert isinstance(verdict, Waiting)
    assert reason in verdict.reason
    assert verdict.stuck


def test_refusal_that_was_overcome_is_forgotten() -> None:
    pod = item("Pod", phase="Pending")
    verdict = readiness(item("StatefulSet"), Related(pods=[pod], events=[warning("FailedCreate", REFUSED)]))
    assert isinstance(verdict, Waiting)
    assert not verdict.stuck


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (item("Job", conditions=[condition("Failed", "True", "BackoffLimitExceeded", "too often")]), "too often"),
        (item("Pod", phase="Failed", message="evicted"), "evicted"),
        (item("PersistentVolumeClaim", phase="Lost"), "lost"),
        (
            item("Deployment", conditions=[condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out")]),
            "timed out",
        ),
    ],
)
def test_failed(found: dict[str, Any], reason: str) -> None:
    verdict = readiness(found, Related())
    assert isinstance(verdict, Failed)
    assert reason in verdict.reason
