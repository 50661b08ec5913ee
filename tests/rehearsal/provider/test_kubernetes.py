"""Objects of the Kubernetes provider from their first deployment to their last, under the real engine."""

from __future__ import annotations

import base64
import json
import re

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random
import pytest

from hearth.rehearsal.api import Api
from tests.rehearsal.provider.deployment import Deploy, deployment, only_error

pytestmark = pytest.mark.cluster

MARKER = "marker-that-must-stay-secret"


def config_map(name: str, namespace: str, **data: str) -> k8s.core.v1.ConfigMap:
    return k8s.core.v1.ConfigMap(name, metadata={"name": name, "namespace": namespace}, data=data)


def test_course_of_a_stack(deploy: Deploy, namespace: str) -> None:
    engine = deploy(lambda: deployment("web", namespace) and None).engine
    assert engine.preview().changes == {"create": 2}
    assert engine.up().changes == {"create": 2}
    assert engine.up().changes == {"same": 2}
    assert engine.destroy().changes == {"delete": 2}


def test_unnamed_objects_keep_their_generated_name(deploy: Deploy, namespace: str) -> None:
    def program() -> None:
        made = k8s.core.v1.ConfigMap("settings", metadata={"namespace": namespace})
        pulumi.export("name", made.metadata["name"])

    engine = deploy(program).engine
    name = engine.up().outputs["name"]
    assert str(name).startswith("settings-")
    assert engine.up().outputs["name"] == name


def test_edits_in_place(deploy: Deploy, namespace: str, api: Api) -> None:
    replicas = [1]
    engine = deploy(lambda: deployment("web", namespace, replicas=replicas[0]) and None).engine
    engine.up()
    replicas[0] = 2
    assert engine.up().changed == {"update": 1}
    assert api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/web")["status"]["readyReplicas"] == 2


def test_removed_fields_are_removed(deploy: Deploy, namespace: str, api: Api) -> None:
    annotations = {"a": "1", "b": "2"}

    def program() -> None:
        k8s.core.v1.ServiceAccount(
            "account", metadata={"name": "account", "namespace": namespace, "annotations": annotations}
        )

    engine = deploy(program).engine
    engine.up()
    del annotations["b"]
    engine.up()
    account = api.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/account")
    assert account["metadata"]["annotations"] == {"a": "1"}


def test_changed_data_replaces_a_config_map(deploy: Deploy, namespace: str, api: Api) -> None:
    data = {"key": "old"}
    engine = deploy(lambda: config_map("settings", namespace, **data) and None).engine
    engine.up()
    data["key"] = "new"
    assert engine.preview().changed == {"replace": 1}
    assert engine.up().changed == {"replace": 1}
    assert api.get(f"/api/v1/namespaces/{namespace}/configmaps/settings")["data"] == {"key": "new"}


def test_secrets_are_encrypted_in_the_state(deploy: Deploy, namespace: str, api: Api) -> None:
    def program() -> None:
        k8s.core.v1.Secret(
            "keys",
            metadata={"name": "keys", "namespace": namespace},
            string_data={"key": pulumi.Output.secret(MARKER), "plain": f"{MARKER}-plain"},
        )

    engine = deploy(program).engine
    engine.up()
    state = json.dumps(engine.export_state())
    assert MARKER not in state
    assert base64.b64encode(MARKER.encode()).decode().rstrip("=") not in state
    assert "keys" in state
    stored = api.get(f"/api/v1/namespaces/{namespace}/secrets/keys")["data"]["key"]
    assert base64.b64decode(stored).decode() == MARKER


def test_secret_inputs_stay_secret_in_other_objects(deploy: Deploy, namespace: str) -> None:
    def program() -> None:
        password = random.RandomPassword("password", length=24)
        made = k8s.core.v1.ConfigMap("leak", metadata={"namespace": namespace}, data={"password": password.result})
        pulumi.export("leaked", made.data["password"])

    engine = deploy(program).engine
    outcome = engine.up()
    assert outcome.succeeded
    assert "leaked" not in outcome.outputs


def test_preview_takes_unknown_values(deploy: Deploy) -> None:
    def program() -> None:
        made = k8s.core.v1.Namespace("fresh")
        account = k8s.core.v1.ServiceAccount("account", metadata={"namespace": made.metadata["name"]})
        pulumi.export("uid", account.metadata["uid"])

    outcome = deploy(program).engine.preview()
    assert outcome.succeeded
    assert outcome.changes == {"create": 3}


@pytest.mark.parametrize("operation", ["preview", "up"])
def test_misspelt_field_is_refused_in_the_api_servers_words(deploy: Deploy, namespace: str, operation: str) -> None:
    def program() -> None:
        k8s.apiextensions.CustomResource(
            "pool",
            api_version="metallb.io/v1beta1",
            kind="IPAddressPool",
            metadata={"name": "pool", "namespace": namespace},
            spec={"addresses": ["192.0.2.1-192.0.2.9"], "autoAsign": False},
        )

    engine = deploy(program).engine
    outcome = engine.preview() if operation == "preview" else engine.up()
    assert ".spec.autoAsign: field not declared in schema" in only_error(outcome)


def test_existing_object_is_not_taken_over(deploy: Deploy, namespace: str, api: Api) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "taken"}}
    api.create(f"/api/v1/namespaces/{namespace}/configmaps", body)
    outcome = deploy(lambda: config_map("taken", namespace) and None).engine.up()
    assert f"ConfigMap {namespace}/taken already exists" in only_error(outcome)


def test_existing_object_is_read(deploy: Deploy, namespace: str, api: Api) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "site"}, "data": {"region": "seoul"}}
    api.create(f"/api/v1/namespaces/{namespace}/configmaps", body)

    def program() -> None:
        pulumi.export("region", k8s.core.v1.ConfigMap.get("site", f"{namespace}/site").data["region"])

    assert deploy(program).engine.up().outputs == {"region": "seoul"}


def test_existing_object_is_imported(deploy: Deploy, namespace: str, api: Api) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "site"}, "data": {"region": "seoul"}}
    api.create(f"/api/v1/namespaces/{namespace}/configmaps", body)

    def program() -> None:
        k8s.core.v1.ConfigMap(
            "site",
            metadata={"name": "site", "namespace": namespace},
            data={"region": "seoul"},
            opts=pulumi.ResourceOptions(import_=f"{namespace}/site"),
        )

    assert deploy(program).engine.up().changes == {"create": 1, "import": 1}


def test_missing_object_cannot_be_read(deploy: Deploy, namespace: str) -> None:
    outcome = deploy(lambda: k8s.core.v1.ConfigMap.get("site", f"{namespace}/site") and None).engine.up()
    assert "does not exist" in only_error(outcome)


def test_two_providers_with_different_settings_are_refused(deploy: Deploy) -> None:
    def program() -> None:
        for name, mutable in (("one", True), ("two", None)):
            provider = k8s.Provider(name, namespace=name, enable_secret_mutable=mutable)
            k8s.core.v1.ConfigMap(name, opts=pulumi.ResourceOptions(provider=provider))

    messages = " ".join(error.message for error in deploy(program).engine.up().errors)
    assert "two Kubernetes providers differ in namespace (" in messages
    assert re.search(r"enable_secret_mutable \((True and not set|not set and True)\); the rehearsal", messages)


def test_context_that_the_kubeconfig_lacks_is_named(deploy: Deploy) -> None:
    def program() -> None:
        provider = k8s.Provider("other", context="nosuch")
        k8s.core.v1.ConfigMap("settings", opts=pulumi.ResourceOptions(provider=provider))

    messages = [error.message for error in deploy(program).engine.up().errors]
    assert any("nosuch" in message for message in messages)
