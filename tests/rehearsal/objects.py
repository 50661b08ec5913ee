"""Objects to create in the embedded cluster, and what comes of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from hearth.rehearsal.api import Api, Object


def eventually(look: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The first true value that `look` gives; the last one when time is up."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def deployment(namespace: str, gpus: int, replicas: int = 1, **pod: Any) -> Object:
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    container = {"name": "main", "image": "registry.example.com/main:1", "resources": {"limits": limits}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "main", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "main"}},
            "template": {"metadata": {"labels": {"app": "main"}}, "spec": {"containers": [container], **pod}},
        },
    }


def claim(namespace: str, storage_class: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "100Gi"}},
        },
    }


def create(api: Api, obj: Object) -> str:
    """Create an object; its path."""
    collection = api.collection(obj)
    api.create(collection, obj)
    return f"{collection}/{obj['metadata']['name']}"


def events(api: Api, namespace: str, reason: str) -> list[str]:
    found = api.items(f"/api/v1/namespaces/{namespace}/events")
    return [event["message"] for event in found if event["reason"] == reason]
