"""What changed between two sets of inputs, and which changes a Kubernetes object cannot take in place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from hearth.rehearsal.provider.properties import JsonObject, is_list, is_object

Path: TypeAlias = tuple[str | int, ...]
ChangeKind: TypeAlias = Literal["add", "delete", "update"]

_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")


@dataclass(frozen=True)
class Change:
    """One property that differs; `replaces` when the resource must be replaced for it."""

    path: Path
    kind: ChangeKind
    replaces: bool = False


def render(path: Path) -> str:
    """`("spec", "ports", 0, "a/b")` as `spec.ports[0]["a/b"]`, the engine's notation for a property path."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _IDENTIFIER.fullmatch(part):
            text += f".{part}" if text else part
        else:
            escaped = part.replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


def changes(old: Any, new: Any, path: Path = ()) -> Iterator[Change]:
    """The leaves that differ; list members are compared by position."""
    if is_object(old) and is_object(new):
        yield from _changed_members(old, new, path)
    elif is_list(old) and is_list(new):
        yield from _changed_members(dict(enumerate(old)), dict(enumerate(new)), path)
    elif old != new:
        yield Change(path, "update")


def _changed_members(old: Mapping[Any, Any], new: Mapping[Any, Any], path: Path) -> Iterator[Change]:
    for key in [*old, *(key for key in new if key not in old)]:
        where = (*path, key)
        if key not in new:
            yield Change(where, "delete")
        elif key not in old:
            yield Change(where, "add")
        else:
            yield from changes(old[key], new[key], where)


@dataclass(frozen=True)
class Immutable:
    """Property paths (prefixes) that the API server refuses to change, and exceptions below them."""

    prefixes: tuple[Path, ...]
    mutable: tuple[Path, ...] = ()

    def covers(self, path: Path) -> bool:
        return _below(path, self.prefixes) and not _below(path, self.mutable)


def _below(path: Path, prefixes: tuple[Path, ...]) -> bool:
    # A change of a parent (a whole block added or removed) concerns the prefix as well.
    return any(path[: len(prefix)] == prefix[: len(path)] for prefix in prefixes)


def _fields(*dotted: str) -> tuple[Path, ...]:
    return tuple(tuple(path.split(".")) for path in dotted)


_IDENTITY = Immutable(_fields("kind", "metadata.name", "metadata.namespace"))

# Update validation of each kind: pkg/apis/*/validation in kubernetes/kubernetes.
IMMUTABLE: Mapping[str, Immutable] = {
    "DaemonSet": Immutable(_fields("spec.selector")),
    "Deployment": Immutable(_fields("spec.selector")),
    "IngressClass": Immutable(_fields("spec.controller")),
    "Job": Immutable(_fields("spec.completionMode", "spec.selector", "spec.template")),
    "PersistentVolume": Immutable(_fields("spec.csi", "spec.nfs", "spec.volumeMode")),
    "PersistentVolumeClaim": Immutable(_fields("spec"), _fields("spec.resources.requests")),
    "Pod": Immutable(_fields("spec")),
    "PriorityClass": Immutable(_fields("value", "preemptionPolicy")),
    "RoleBinding": Immutable(_fields("roleRef")),
    "ClusterRoleBinding": Immutable(_fields("roleRef")),
    "RuntimeClass": Immutable(_fields("handler")),
    "Service": Immutable(_fields("spec.clusterIP")),
    "StatefulSet": Immutable(
        _fields("spec.podManagementPolicy", "spec.selector", "spec.serviceName", "spec.volumeClaimTemplates")
    ),
    "StorageClass": Immutable(_fields("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")),
}

_SECRET_DATA = Immutable(_fields("data", "immutable", "stringData", "type"))
_CONFIG_MAP_DATA = Immutable(_fields("binaryData", "data", "immutable"))


@dataclass(frozen=True)
class Mutability:
    """Whether data is edited in place; by default a change replaces the object, so that its users roll over."""

    secrets: bool = False
    config_maps: bool = False

    def rule(self, kind: str, old: JsonObject) -> Immutable | None:
        frozen = bool(old.get("immutable"))
        if kind == "Secret":
            return _SECRET_DATA if frozen or not self.secrets else Immutable(_fields("type"))
        if kind == "ConfigMap":
            return _CONFIG_MAP_DATA if frozen or not self.config_maps else None
        return IMMUTABLE.get(kind)


def object_changes(old: JsonObject, new: JsonObject, mutability: Mutability) -> tuple[Change, ...]:
    """Changes between two versions of a Kubernetes object, each with whether it needs a replacement."""
    rule = mutability.rule(str(new.get("kind", "")), old)
    rules = (_IDENTITY,) if rule is None else (_IDENTITY, rule)
    return tuple(
        replace(change, replaces=any(rule.covers(change.path) for rule in rules)) for change in changes(old, new)
    )
