from __future__ import annotations

from typing import Any

import pytest

from hearth.rehearsal.provider.diffing import Mutability, changes, object_changes, render


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("spec", "replicas"), "spec.replicas"),
        (("spec", "ports", 0, "port"), "spec.ports[0].port"),
        (("metadata", "labels", "app.kubernetes.io/name"), 'metadata.labels["app.kubernetes.io/name"]'),
        (("data", 'a"b'), 'data["a\\"b"]'),
    ],
)
def test_paths_in_the_engines_notation(path: tuple[str | int, ...], text: str) -> None:
    assert render(path) == text


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [(("a",), "update")]),
        ({"a": 1}, {"b": 1}, [(("a",), "delete"), (("b",), "add")]),
        ({"a": [1, 2]}, {"a": [1]}, [(("a", 1), "delete")]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}, 3]}, [(("a", 0, "b"), "update"), (("a", 1), "add")]),
        ({"a": {"b": 1}}, {"a": "b"}, [(("a",), "update")]),
    ],
)
def test_leaves_that_differ(old: Any, new: Any, expected: list[Any]) -> None:
    assert [(change.path, change.kind) for change in changes(old, new)] == expected


def versioned(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "x"}, **fields}


def replaces(old: dict[str, Any], new: dict[str, Any], mutability: Mutability | None = None) -> bool:
    return any(change.replaces for change in object_changes(old, new, mutability or Mutability()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (versioned("ConfigMap"), {"kind": "ConfigMap", "metadata": {"name": "y"}}),
        (versioned("ConfigMap", data={"a": "1"}), versioned("ConfigMap", data={"a": "2"})),
        (versioned("Secret", stringData={"a": "1"}), versioned("Secret")),
        (
            versioned("Deployment", spec={"selector": {"a": "1"}}),
            versioned("Deployment", spec={"selector": {"a": "2"}}),
        ),
        (versioned("Job", spec={"template": {"a": 1}}), versioned("Job", spec={"template": {"a": 2}})),
        (versioned("StatefulSet", spec={"serviceName": "a"}), versioned("StatefulSet", spec={"serviceName": "b"})),
        (
            versioned("PersistentVolumeClaim", spec={"storageClassName": "a"}),
            versioned("PersistentVolumeClaim", spec={"storageClassName": "b"}),
        ),
        (versioned("StorageClass", parameters={"a": "1"}), versioned("StorageClass", parameters={"a": "2"})),
        (versioned("Service", spec={"clusterIP": "None"}), versioned("Service", spec={})),
        (versioned("RuntimeClass", handler="a"), versioned("RuntimeClass", handler="b")),
    ],
)
def test_immutable_fields_need_a_replacement(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert replaces(old, new)


def claim(size: str) -> dict[str, Any]:
    return versioned("PersistentVolumeClaim", spec={"resources": {"requests": {"storage": size}}})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (versioned("Deployment", spec={"replicas": 1}), versioned("Deployment", spec={"replicas": 2})),
        (claim("1Gi"), claim("2Gi")),
        (versioned("Service", spec={"ports": [{"port": 1}]}), versioned("Service", spec={"ports": [{"port": 2}]})),
    ],
)
def test_other_fields_are_edited_in_place(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert not replaces(old, new)


def test_mutable_data_is_edited_in_place() -> None:
    old, new = versioned("ConfigMap", data={"a": "1"}), versioned("ConfigMap", data={"a": "2"})
    assert not replaces(old, new, Mutability(config_maps=True))


def test_immutable_secret_is_replaced_whatever_the_settings_say() -> None:
    old = versioned("Secret", data={"a": "MQ=="}, immutable=True)
    assert replaces(old, {**old, "data": {"a": "Mg=="}}, Mutability(secrets=True))
