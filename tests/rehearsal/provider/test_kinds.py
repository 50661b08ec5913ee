"""Kinds beyond the common ones: custom resources, patches and Helm releases."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from hearth.rehearsal.api import Api
from tests.rehearsal.provider.deployment import Deploy, only_error

pytestmark = pytest.mark.cluster


def test_kind_that_the_cluster_does_not_know(deploy: Deploy, namespace: str) -> None:
    def program() -> None:
        k8s.apiextensions.CustomResource(
            "thing", api_version="example.com/v1", kind="Thing", metadata={"name": "thing", "namespace": namespace}
        )

    message = only_error(deploy(program).engine.up())
    assert 'no matches for kind "Thing" in version "example.com/v1"' in message


def test_kind_of_an_unchecked_group_is_recorded(deploy: Deploy, namespace: str) -> None:
    def program() -> None:
        k8s.apiextensions.CustomResource(
            "database",
            api_version="postgresql.cnpg.io/v1",
            kind="Cluster",
            metadata={"name": "database", "namespace": namespace},
            spec={"instances": 3},
        )

    deployed = deploy(program)
    assert deployed.engine.up().succeeded
    assert deployed.kubernetes.unchecked == (f"Cluster {namespace}/database",)
    assert deployed.engine.up().changed == {}
    assert deployed.engine.destroy().succeeded


def test_custom_resource_follows_its_definition(deploy: Deploy) -> None:
    def program() -> None:
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        spec: Any = {
            "group": "example.org",
            "scope": "Cluster",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        }
        definition = k8s.apiextensions.v1.CustomResourceDefinition(
            "widgets", metadata={"name": "widgets.example.org"}, spec=spec
        )
        k8s.apiextensions.CustomResource(
            "widget",
            api_version="example.org/v1",
            kind="Widget",
            # The garbage collector, which ends a foreground deletion, takes half a minute to notice a new kind.
            metadata={"name": "widget", "annotations": {"pulumi.com/deletionPropagationPolicy": "background"}},
            opts=pulumi.ResourceOptions(depends_on=[definition]),
        )

    engine = deploy(program).engine
    assert engine.preview().succeeded
    assert engine.up().changes == {"create": 3}
    assert engine.up().changes == {"same": 3}
    assert engine.destroy().changes == {"delete": 3}


def test_patch_changes_and_gives_back_an_object_of_others(deploy: Deploy, api: Api) -> None:
    def program() -> None:
        k8s.core.v1.NodePatch("label", metadata={"name": "cpu-02", "labels": {"example.com/pool": "spare"}})

    engine = deploy(program).engine
    assert engine.up().succeeded
    assert api.get("/api/v1/nodes/cpu-02")["metadata"]["labels"]["example.com/pool"] == "spare"
    assert engine.destroy().succeeded
    assert "example.com/pool" not in api.get("/api/v1/nodes/cpu-02")["metadata"]["labels"]


def test_patch_needs_an_existing_object(deploy: Deploy) -> None:
    def program() -> None:
        k8s.core.v1.NodePatch("label", metadata={"name": "gpu-99", "labels": {"a": "b"}})

    assert "Node gpu-99 does not exist" in only_error(deploy(program).engine.up())


def test_release_is_recorded_and_its_status_given_back(deploy: Deploy, namespace: str) -> None:
    def program() -> None:
        release = k8s.helm.v3.Release(
            "metallb",
            name="metallb",
            namespace=namespace,
            chart="metallb",
            version="0.16.1",
            repository_opts={"repo": "https://metallb.github.io/metallb"},
        )
        pulumi.export("status", release.status["status"])

    deployed = deploy(program)
    assert deployed.engine.up().outputs["status"] == "deployed"
    [release] = deployed.kubernetes.releases
    assert (release.name, release.version, release.namespace, release.installed) == (
        "metallb",
        "0.16.1",
        namespace,
        False,
    )
    assert deployed.engine.up().changed == {}
    deployed.engine.destroy()
    assert not deployed.kubernetes.releases


def test_release_needs_its_namespace(deploy: Deploy) -> None:
    def program() -> None:
        k8s.helm.v3.Release("metallb", chart="metallb", namespace="nowhere")

    assert 'namespaces "nowhere" not found' in only_error(deploy(program).engine.up())
