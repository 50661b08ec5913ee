"""What the tests of the providers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import pulumi_kubernetes as k8s

from hearth.pulumi_engine import Outcome, Program
from hearth.rehearsal.engine import Engine
from hearth.rehearsal.provider.awaiting import Limits
from hearth.rehearsal.provider.kubernetes import KubernetesProvider

LIMITS = Limits(default=30.0, longest=30.0, stuck=2.0)


@dataclass(frozen=True)
class Deployment:
    """The engine with a program, and the provider that it talks to."""

    engine: Engine
    kubernetes: KubernetesProvider


Deploy: TypeAlias = Callable[[Program], Deployment]


def only_error(outcome: Outcome) -> str:
    """The message of the one resource that failed."""
    assert not outcome.succeeded
    [error] = outcome.errors
    return error.message


NO_FIELDS: Mapping[str, Any] = {}


def workload(name: str, pod: Mapping[str, Any] = NO_FIELDS, **spec: Any) -> Any:
    """A workload's spec with one container; `pod` adds to its pods' spec, further fields to its own."""
    labels = {"app": name}
    containers = [{"name": "main", "image": "example.com/main:1"}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers, **pod}}
    return {"selector": {"matchLabels": labels}, "template": template, **spec}


def deployment(name: str, namespace: str, pod: Mapping[str, Any] = NO_FIELDS, **spec: Any) -> k8s.apps.v1.Deployment:
    metadata: Any = {"name": name, "namespace": namespace}
    return k8s.apps.v1.Deployment(name, metadata=metadata, spec=workload(name, pod, **spec))


def gpus(count: int) -> Mapping[str, Any]:
    """What a pod's spec needs to ask for GPUs."""
    resources = {"limits": {"nvidia.com/gpu": str(count)}}
    return {"containers": [{"name": "main", "image": "example.com/main:1", "resources": resources}]}
