"""The Kubernetes objects of a stack as YAML files, for review and comparison. Secret values never appear."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import yaml

from hearth.evaluation import Evaluation
from hearth.recording import Resource, SecretPath

Json: TypeAlias = "str | float | bool | list[Json] | dict[str, Json] | None"

MASK = "***"
"""Stands where a secret value was."""
_ORDER = (
    "Node",
    "Namespace",
    "ResourceQuota",
    "RuntimeClass",
    "StorageClass",
    "IPAddressPool",
    "L2Advertisement",
    "NetworkPolicy",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "Service",
    "PodDisruptionBudget",
    "Job",
    "StatefulSet",
    "Deployment",
)
"""Kinds in an order in which they can be applied; all others come last."""
_FILE = re.compile(r"\d\d-[a-z0-9]+-.+\.yaml")


def manifests(evaluation: Evaluation) -> dict[str, list[Json]]:
    """Objects by file name: `NN-kind-name.yaml`, NN from the kind, so that a new object renames no other file."""
    files: dict[str, list[Json]] = {}
    for resource in evaluation.kubernetes_objects():
        files.setdefault(_file_name(resource), []).append(masked(resource))
    return dict(sorted(files.items()))


def write_manifests(evaluation: Evaluation, directory: Path) -> int:
    """Write every object's file, remove those of earlier runs, and return the number of files.

    Raises OSError when the directory cannot be written to.
    """
    files = manifests(evaluation)
    directory.mkdir(parents=True, exist_ok=True)
    for earlier in directory.iterdir():
        if _FILE.fullmatch(earlier.name) and earlier.name not in files:
            earlier.unlink()
    for name, objects in files.items():
        (directory / name).write_text(yaml.dump_all(objects, Dumper=_Dumper, width=120), encoding="utf-8")
    return len(files)


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such, so that scripts can be read and compared."""


def _text(_: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def masked(resource: Resource) -> Json:
    """The manifest of an object with every secret value replaced by `***`; the keys of a Secret stay."""
    paths: Iterable[SecretPath] = resource.secret_paths
    if resource.inputs["kind"] == "Secret":
        paths = (*paths, ("data",), ("stringData",))
    manifest: Json = dict(resource.inputs)
    for path in paths:
        manifest = _mask(manifest, path)
    return manifest


def _mask(value: Json, path: SecretPath) -> Json:
    """A copy of a tree with everything below `path` masked; parts that `path` does not touch are shared."""
    if not path:
        return dict.fromkeys(value, MASK) if isinstance(value, dict) else MASK
    first, *rest = path
    if isinstance(value, list):
        return [_mask(item, tuple(rest)) if index == first else item for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {key: _mask(item, tuple(rest)) if key == first else item for key, item in value.items()}
    return value


def _file_name(resource: Resource) -> str:
    kind = resource.inputs["kind"]
    rank = _ORDER.index(kind) if kind in _ORDER else len(_ORDER)
    name = resource.inputs.get("metadata", {}).get("name", resource.name)
    return f"{rank:02}-{kind.lower()}-{name}.yaml"
