"""Whether an object is ready, as the official Kubernetes provider judges it, and what keeps it from being so.

Pure functions on raw objects: `readiness(item, related)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hearth.rehearsal.provider.properties import JsonObject


@dataclass(frozen=True)
class Ready:
    pass


@dataclass(frozen=True)
class Waiting:
    """Not ready yet. `stuck`: nothing will change by itself, so that giving up early is right if it stays so."""

    reason: str
    stuck: bool = False


@dataclass(frozen=True)
class Failed:
    """Will never be ready."""

    reason: str


Readiness: TypeAlias = Ready | Waiting | Failed


@dataclass(frozen=True)
class Related:
    """What the judgement needs beside the object itself.

    `events` are those about the object itself; `pods` those owned directly or through a ReplicaSet; `storage_class` the
    class of a claim, None where there is no such class.
    """

    pods: Sequence[JsonObject] = ()
    endpoint_slices: Sequence[JsonObject] = ()
    events: Sequence[JsonObject] = ()
    storage_class: JsonObject | None = None


# Reasons of events after which the same attempt is repeated without end until someone acts.
_STUCK_EVENTS = frozenset({"AllocationFailed", "FailedCreate", "ProvisioningFailed"})


def readiness(item: JsonObject, related: Related) -> Readiness:
    rule = _RULES.get(item["kind"])
    return rule(item, related) if rule else Ready()


def _deployment(item: JsonObject, related: Related) -> Readiness:
    conditions, status = _conditions(item), item.get("status", {})
    if _unobserved(item):
        return Waiting("the deployment controller has not seen it yet")
    progressing = conditions.get("Progressing", {})
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Failed(f"{progressing.get('message')}{_because(related)}")
    wanted = item["spec"].get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated >= wanted and available >= wanted and status.get("replicas", 0) <= updated:
        return Ready()
    refused = conditions.get("ReplicaFailure", {})
    if refused.get("status") == "True":
        return Waiting(str(refused.get("message")), stuck=True)
    return _pods_obstacle(related) or Waiting(f"{min(updated, available)} of {wanted} replicas are available")


def _stateful_set(item: JsonObject, related: Related) -> Readiness:
    spec, status = item["spec"], item.get("status", {})
    if _unobserved(item):
        return Waiting("the statefulset controller has not seen it yet")
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
    rolling = spec.get("updateStrategy", {}).get("type", "RollingUpdate") == "RollingUpdate"
    updated = status.get("updatedReplicas", 0) if rolling else wanted
    if ready >= wanted and updated >= wanted:
        return Ready()
    return _obstacle(related, wanted) or Waiting(f"{min(ready, updated)} of {wanted} replicas are ready")


def _daemon_set(item: JsonObject, related: Related) -> Readiness:
    status = item.get("status", {})
    if _unobserved(item):
        return Waiting("the daemonset controller has not seen it yet")
    wanted = status.get("desiredNumberScheduled", 0)
    available = min(status.get("numberAvailable", 0), status.get("updatedNumberScheduled", 0))
    if available >= wanted:
        return Ready()
    return _obstacle(related, wanted) or Waiting(f"{available} of {wanted} pods are available")


def _job(item: JsonObject, related: Related) -> Readiness:
    conditions = _conditions(item)
    if conditions.get("Complete", {}).get("status") == "True":
        return Ready()
    failed = conditions.get("Failed", {})
    if failed.get("status") == "True":
        return Failed(f"{failed.get('reason')}: {failed.get('message')}")
    succeeded, wanted = item.get("status", {}).get("succeeded", 0), item["spec"].get("completions", 1)
    return _obstacle(related, 1) or Waiting(f"{succeeded} of {wanted} completions")


def _pod(item: JsonObject, related: Related) -> Readiness:
    status = item.get("status", {})
    phase = status.get("phase")
    if phase == "Succeeded" or _conditions(item).get("Ready", {}).get("status") == "True":
        return Ready()
    if phase == "Failed":
        return Failed(str(status.get("message") or status.get("reason") or "its containers failed"))
    return _pod_obstacle(item) or _event_obstacle(related.events) or Waiting(f"its phase is {phase}")


def _claim(item: JsonObject, related: Related) -> Readiness:
    phase = item.get("status", {}).get("phase")
    if phase == "Bound":
        return Ready()
    if phase == "Lost":
        return Failed("its volume is lost")
    # Bound only when a pod uses the claim, which may well come after it.
    if (related.storage_class or {}).get("volumeBindingMode") == "WaitForFirstConsumer":
        return Ready()
    return _event_obstacle(related.events) or Waiting(f"the claim is {phase}, no volume is bound to it")


def _service(item: JsonObject, related: Related) -> Readiness:
    spec = item["spec"]
    if spec.get("type") == "ExternalName":
        return Ready()
    headless_without_pods = spec.get("clusterIP") == "None" and not spec.get("selector")
    if not headless_without_pods and not _has_ready_endpoint(related.endpoint_slices):
        return Waiting("none of its endpoints is ready")
    if spec.get("type") == "LoadBalancer" and not _has_address(item):
        return _event_obstacle(related.events) or Waiting("it has no load balancer address yet")
    return Ready()


def _ingress(item: JsonObject, related: Related) -> Readiness:
    return Ready() if _has_address(item) else _event_obstacle(related.events) or Waiting("it has no address yet")


def _definition(item: JsonObject, related: Related) -> Readiness:
    established = _conditions(item).get("Established", {}).get("status") == "True"
    return Ready() if established else Waiting("the definition is not established yet")


_RULES: Mapping[str, Callable[[JsonObject, Related], Readiness]] = {
    "CustomResourceDefinition": _definition,
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "Ingress": _ingress,
    "Job": _job,
    "PersistentVolumeClaim": _claim,
    "Pod": _pod,
    "Service": _service,
    "StatefulSet": _stateful_set,
}
AWAITED = frozenset(_RULES)
"""Kinds that are waited for; all others are ready once they are stored."""


def _obstacle(related: Related, wanted: int) -> Waiting | None:
    """The pods' trouble; while pods are missing, also why their creation was refused."""
    refused = _event_obstacle(related.events) if len(related.pods) < wanted else None
    return refused or _pods_obstacle(related)


def _pods_obstacle(related: Related) -> Waiting | None:
    obstacles = [obstacle for pod in related.pods if (obstacle := _pod_obstacle(pod))]
    return min(obstacles, key=lambda obstacle: not obstacle.stuck, default=None)


def _pod_obstacle(pod: JsonObject) -> Waiting | None:
    name = pod["metadata"]["name"]
    scheduled = _conditions(pod).get("PodScheduled", {})
    if scheduled.get("reason") == "Unschedulable":
        return Waiting(f"pod {name}: {scheduled.get('message')}", stuck=True)
    status = pod.get("status", {})
    for container in [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]:
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("message"):
            return Waiting(f"pod {name}: container {container['name']}: {waiting.get('reason')}: {waiting['message']}")
    return None


def _event_obstacle(events: Iterable[JsonObject]) -> Waiting | None:
    warnings = [event for event in events if event.get("type") == "Warning"]
    if not warnings:
        return None
    latest = max(warnings, key=_event_time)
    return Waiting(str(latest.get("message")), stuck=latest.get("reason") in _STUCK_EVENTS)


def _event_time(event: JsonObject) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp"))


def _because(related: Related) -> str:
    obstacle = _pods_obstacle(related)
    return f" ({obstacle.reason})" if obstacle else ""


def _unobserved(item: JsonObject) -> bool:
    return item.get("status", {}).get("observedGeneration", 0) < item["metadata"].get("generation", 0)


def _conditions(item: JsonObject) -> Mapping[str, JsonObject]:
    return {condition["type"]: condition for condition in item.get("status", {}).get("conditions") or ()}


def _has_address(item: JsonObject) -> bool:
    return bool(item.get("status", {}).get("loadBalancer", {}).get("ingress"))


def _has_ready_endpoint(slices: Iterable[JsonObject]) -> bool:
    return any(
        endpoint.get("conditions", {}).get("ready", True)
        for endpoint_slice in slices
        for endpoint in endpoint_slice.get("endpoints") or ()
    )
