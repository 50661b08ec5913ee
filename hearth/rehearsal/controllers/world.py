"""What the controllers see of the cluster, and what they may do to it.

A controller is a function from a World to Actions. It decides from what is, never from what happened before, so that it
may be run again at any time and after any failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hearth.rehearsal.api import Object, mapping, rows

_CORE = "/api/v1"
_NETWORKING = "/apis/networking.k8s.io/v1"
_GATEWAY = "/apis/gateway.networking.k8s.io/v1"

ROOTS: dict[str, str] = {
    "namespaces": _CORE,
    "services": _CORE,
    "secrets": _CORE,
    "persistentvolumes": _CORE,
    "persistentvolumeclaims": _CORE,
    "storageclasses": "/apis/storage.k8s.io/v1",
    "ingresses": _NETWORKING,
    "ingressclasses": _NETWORKING,
    "gatewayclasses": _GATEWAY,
    "gateways": _GATEWAY,
    "httproutes": _GATEWAY,
    "ipaddresspools": "/apis/metallb.io/v1beta1",
}
"""Collections that the controllers watch, with the API that serves them."""

Key = tuple[str, str]
"""Namespace (empty for cluster-wide objects) and name."""


def key(obj: Object) -> Key:
    """The key of an object in its collection."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def path(collection: str, namespace: str = "", name: str = "") -> str:
    """Path of a collection, or of an object in it."""
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{ROOTS[collection]}{scope}/{collection}" + (f"/{name}" if name else "")


@dataclass(frozen=True)
class World:
    """The watched objects at one moment; `now` is that moment as an RFC 3339 time."""

    objects: Mapping[str, Mapping[Key, Object]]
    now: str
    fallback_pools: tuple[str, ...] = ()
    """Ranges for load balancers while the cluster has no IPAddressPool."""

    def all(self, collection: str) -> list[Object]:
        """The objects of a collection, oldest first."""
        found = self.objects.get(collection, {}).values()
        return sorted(found, key=lambda obj: (obj["metadata"].get("creationTimestamp", ""), key(obj)))

    def get(self, collection: str, name: str, namespace: str = "") -> Object | None:
        """One object of a collection."""
        return self.objects.get(collection, {}).get((namespace, name))


@dataclass(frozen=True)
class Create:
    """Add an object to a collection."""

    collection: str
    body: Object


@dataclass(frozen=True)
class Patch:
    """Merge `body` into an object, or into its status."""

    collection: str
    target: Key
    body: Object
    subresource: Literal["", "/status"] = "/status"


@dataclass(frozen=True)
class Delete:
    """Delete an object."""

    collection: str
    target: Key


@dataclass(frozen=True)
class Report:
    """Tell the user something about an object, as an Event; the same words only once."""

    about: Object = field(compare=False)
    reason: str
    message: str
    type: Literal["Normal", "Warning"] = "Warning"


Action = Create | Patch | Delete | Report


def condition(
    existing: list[Object], kind: str, holds: bool, reason: str, message: str, generation: int, now: str
) -> Object:
    """A condition in the form of meta/v1; its time of transition stays while the status does."""
    status = "True" if holds else "False"
    since = next((c["lastTransitionTime"] for c in existing if c["type"] == kind and c["status"] == status), now)
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": since,
    }


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector (meta/v1) matches; an empty one matches everything."""
    for name, value in mapping(selector, "matchLabels").items():
        if labels.get(name) != value:
            return False
    for rule in rows(selector, "matchExpressions"):
        present, values = rule["key"] in labels, rows(rule, "values")
        matches = {
            "In": labels.get(rule["key"]) in values,
            "NotIn": labels.get(rule["key"]) not in values,
            "Exists": present,
            "DoesNotExist": not present,
        }
        if not matches[rule["operator"]]:
            return False
    return True
