from __future__ import annotations

import base64
import json
import re
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random
import pytest

from hearth.rehearsal.api import Api
from hearth.rehearsal.engine import Outcome
from tests.rehearsal.provider.deployment import LIMITS, Deploy, deployment, gpus, workload

pytestmark = pytest.mark.cluster

MARKER = "marker-that-must-stay-secret"


def only_error(outcome: Outcome) -> str:
    """The message of the one resource that failed."""
    assert not outcome.succeeded
    [error] = outcome.errors
    return error.message


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


def test_interrupted_wait_leaves_a_stack_that_can_be_destroyed(deploy: Deploy, namespace: str, api: Api) -> None:
    def interrupt() -> None:
        deadline = time.monotonic() + LIMITS.longest
        while api.find(f"/api/v1/namespaces/{namespace}/services/lonely") is None and time.monotonic() < deadline:
            time.sleep(0.1)
        signal.raise_signal(signal.SIGINT)

    # Without a cause that is certain, so that only the interrupt ends the wait.
    engine = deploy(lambda: service("lonely", namespace) and None).engine
    threading.Thread(target=interrupt).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        engine.up()
    assert time.monotonic() - started < LIMITS.longest
    assert engine.destroy().changes["delete"] == 2


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


def service(name: str, namespace: str, kind: str = "ClusterIP") -> k8s.core.v1.Service:
    return k8s.core.v1.Service(
        name,
        metadata={"name": name, "namespace": namespace},
        spec={"type": kind, "selector": {"app": name}, "ports": [{"port": 80}]},
    )


def test_workloads_of_every_kind_become_ready(deploy: Deploy, namespace: str) -> None:
    def program() -> None:
        deployment("web", namespace, gpus(1))
        service("web", namespace)
        k8s.apps.v1.StatefulSet(
            "store",
            metadata={"name": "store", "namespace": namespace},
            spec=workload("store", replicas=2, serviceName="store"),
        )
        k8s.apps.v1.DaemonSet("agent", metadata={"name": "agent", "namespace": namespace}, spec=workload("agent"))
        fetch = workload("fetch", {"restartPolicy": "Never"})
        k8s.batch.v1.Job(
            "fetch", metadata={"name": "fetch", "namespace": namespace}, spec={"template": fetch["template"]}
        )

    engine = deploy(program).engine
    assert engine.up().changes == {"create": 6}
    assert engine.up().changes == {"same": 6}


def claim(name: str, namespace: str, storage_class: pulumi.Input[str]) -> k8s.core.v1.PersistentVolumeClaim:
    spec: Any = {
        "storageClassName": storage_class,
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return k8s.core.v1.PersistentVolumeClaim(name, metadata={"name": name, "namespace": namespace}, spec=spec)


def quota(namespace: str, pods: int) -> k8s.core.v1.ResourceQuota:
    return k8s.core.v1.ResourceQuota("quota", metadata={"namespace": namespace}, spec={"hard": {"pods": str(pods)}})


def test_volumes_bind(deploy: Deploy, namespace: str, api: Api) -> None:
    def program() -> None:
        storage = k8s.storage.v1.StorageClass(
            "storage", metadata={"name": namespace}, provisioner="nfs.csi.k8s.io", volume_binding_mode="Immediate"
        )
        claim("data", namespace, storage.id)

    assert deploy(program).engine.up().succeeded
    bound = api.get(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/data")
    assert bound["status"]["phase"] == "Bound"


def short_of_gpus(namespace: str) -> None:
    deployment("big", namespace, gpus(9))


def without_class(namespace: str) -> None:
    claim("data", namespace, "missing")


def over_quota(namespace: str) -> None:
    allowed = quota(namespace, pods=0)
    allowed.id.apply(lambda _: deployment("web", namespace))


def without_addresses(namespace: str) -> None:
    deployment("web", namespace)
    service("web", namespace, "LoadBalancer")


@pytest.mark.parametrize(
    ("declare", "cause"),
    [
        (short_of_gpus, "Insufficient nvidia.com/gpu"),
        (without_class, 'storageclass.storage.k8s.io "missing" not found'),
        (over_quota, "exceeded quota"),
        (without_addresses, "no available IPs"),
    ],
)
def test_cause_is_named_long_before_the_time_limit(
    deploy: Deploy, namespace: str, declare: Callable[[str], None], cause: str
) -> None:
    engine = deploy(lambda: declare(namespace)).engine
    started = time.monotonic()
    assert cause in only_error(engine.up())
    assert time.monotonic() - started < 15


def test_object_that_never_became_ready_stays_in_the_state(deploy: Deploy, namespace: str) -> None:
    engine = deploy(lambda: short_of_gpus(namespace)).engine
    engine.up()
    assert any(resource["type"] == "kubernetes:apps/v1:Deployment" for resource in engine.export_state()["resources"])
    assert engine.destroy().changes["delete"] == 2


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
