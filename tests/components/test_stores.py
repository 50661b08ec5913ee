"""Components of the stores: sentinels, a cluster of CloudNativePG, external servers."""

from __future__ import annotations

import base64
from typing import Any

import pulumi
import pytest

from components.postgres import PostgresTier, PostgresTierArgs
from components.redis import RedisTier, RedisTierArgs
from components.runtimes.kubernetes import KubernetesRuntime
from hearth.evaluation import Evaluation, EvaluationError, record
from hearth.planning.plan import StorePlan
from tests.planning.stacks import chat, plan

LABELS = {"app.kubernetes.io/instance": "prod"}
EXTERNAL_REDIS = {"engine": "external", "external": {"url": "redis://:pw@h/0"}}
EXTERNAL_POSTGRES = {"engine": "external", "external": {"url": "postgresql://u:pw@h/d"}}


def redis(wanted: dict[str, Any], *, url: str | None = None, retain: bool = False) -> Evaluation:
    found = plan(webUi=chat(redis=wanted)).redis
    assert found

    def program() -> None:
        runtime = KubernetesRuntime("chat", LABELS, retain)
        pulumi.export("url", RedisTier("redis", RedisTierArgs(found, runtime, url)).url)

    return record(program)


def postgres(found: StorePlan | None, *, url: str | None = None) -> Evaluation:
    assert found

    def program() -> None:
        args = PostgresTierArgs(found, KubernetesRuntime("chat", LABELS), url, "chat", LABELS)
        pulumi.export("url", PostgresTier("postgres", args).url)

    return record(program)


@pytest.fixture(scope="module")
def sentinel() -> Evaluation:
    return redis({"mode": "sentinel"})


@pytest.fixture(scope="module")
def cluster() -> Evaluation:
    return postgres(plan(webUi=chat(database={"engine": "cloudnativePg"})).postgres)


def one(evaluation: Evaluation, kind: str) -> dict[str, Any]:
    [found] = [r.inputs for r in evaluation.kubernetes_objects() if r.inputs["kind"] == kind]
    return dict(found)


def secret(evaluation: Evaluation) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in one(evaluation, "Secret")["data"].items()}


def test_pods_are_found_by_name_before_they_are_ready(sentinel: Evaluation) -> None:
    spec = one(sentinel, "Service")["spec"]
    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", True)
    assert one(sentinel, "StatefulSet")["spec"]["serviceName"] == one(sentinel, "Service")["metadata"]["name"]


def test_every_pod_gets_a_claim_that_its_volume_names(sentinel: Evaluation) -> None:
    spec = one(sentinel, "StatefulSet")["spec"]
    [template] = spec["volumeClaimTemplates"]
    pod = spec["template"]["spec"]
    mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
    declared = {volume["name"] for volume in pod["volumes"]}
    assert mounted - declared == {template["metadata"]["name"]}
    assert not sentinel.of_type("PersistentVolumeClaim")


@pytest.mark.parametrize(("retain", "policy"), [(True, "Retain"), (False, "Delete")])
def test_claims_of_pods_end_with_the_stack_unless_kept(retain: bool, policy: str) -> None:
    spec = one(redis({"mode": "sentinel"}, retain=retain), "StatefulSet")["spec"]
    assert spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == policy


def test_pods_reach_each_other_and_nobody_else_does(sentinel: Evaluation) -> None:
    spec = one(sentinel, "NetworkPolicy")["spec"]
    own = {"podSelector": spec["podSelector"]}
    ports = [6379, 26379]
    among = next(rule for rule in spec["ingress"] if own in rule["from"])
    assert [entry["port"] for entry in among["ports"]] == ports
    assert [rule for rule in spec["egress"] if own in rule["to"]]
    assert len(spec["ingress"]) == 2


def test_both_containers_have_the_password_from_the_secret(sentinel: Evaluation) -> None:
    for container in one(sentinel, "StatefulSet")["spec"]["template"]["spec"]["containers"]:
        [given] = [entry for entry in container["env"] if entry["name"] == "REDISCLI_AUTH"]
        assert "secretKeyRef" in given["valueFrom"]


def test_passwords_have_letters_and_digits_only(sentinel: Evaluation) -> None:
    [password] = sentinel.of_type("RandomPassword")
    assert password.inputs["special"] is False


def test_the_url_names_the_service_of_the_sentinels(sentinel: Evaluation) -> None:
    password = secret(sentinel)["REDISCLI_AUTH"]
    assert sentinel.outputs["url"] == f"redis://:{password}@mymaster:6379/0"


def test_two_of_three_pods_stay(sentinel: Evaluation) -> None:
    assert one(sentinel, "PodDisruptionBudget")["spec"]["minAvailable"] == 2


def test_dragonfly_gets_its_password_under_its_own_name() -> None:
    evaluation = redis({"engine": "dragonfly"})
    assert set(secret(evaluation)) == {"DFLY_requirepass", "REDISCLI_AUTH"}


def test_an_external_redis_declares_nothing() -> None:
    evaluation = redis(EXTERNAL_REDIS, url="redis://:marker@h/0")
    assert evaluation.kubernetes_objects() == ()
    assert evaluation.outputs["url"] == "redis://:marker@h/0" and ("url",) in evaluation.secret_outputs


def test_an_external_redis_without_its_url_says_so() -> None:
    with pytest.raises(EvaluationError, match=r"RedisTierArgs\.url"):
        redis(EXTERNAL_REDIS)


def test_an_external_postgres_declares_nothing() -> None:
    evaluation = postgres(plan(webUi=chat(database=EXTERNAL_POSTGRES)).postgres, url="postgresql://u:marker@h/d")
    assert evaluation.kubernetes_objects() == () and ("url",) in evaluation.secret_outputs


def test_an_external_postgres_without_its_url_says_so() -> None:
    with pytest.raises(EvaluationError, match=r"PostgresTierArgs\.url"):
        postgres(plan(webUi=chat(database=EXTERNAL_POSTGRES)).postgres)


def test_the_operator_is_asked_for_a_database_with_vectors(cluster: Evaluation) -> None:
    spec = one(cluster, "Cluster")["spec"]
    assert spec["bootstrap"]["initdb"]["postInitApplicationSQL"] == ["CREATE EXTENSION IF NOT EXISTS vector"]
    assert all(isinstance(value, str) for value in spec["postgresql"]["parameters"].values())


def test_the_owner_has_the_generated_password(cluster: Evaluation) -> None:
    owner = secret(cluster)
    name = one(cluster, "Cluster")["spec"]["bootstrap"]["initdb"]["secret"]["name"]
    assert one(cluster, "Secret")["metadata"]["name"] == name
    assert one(cluster, "Secret")["type"] == "kubernetes.io/basic-auth"
    assert cluster.outputs["url"] == f"postgresql://{owner['username']}:{owner['password']}@postgres-rw:5432/hearth"


def test_a_cluster_is_awaited_and_kept(cluster: Evaluation) -> None:
    [found] = cluster.of_type("Cluster")
    assert found.inputs["metadata"]["annotations"] == {"pulumi.com/waitFor": "condition=Ready"}
    assert found.options.retain_on_delete


def test_instances_reach_each_other_and_the_api_server(cluster: Evaluation) -> None:
    spec = one(cluster, "NetworkPolicy")["spec"]
    own = {"podSelector": spec["podSelector"]}
    assert [rule for rule in spec["egress"] if own in rule.get("to", ())]
    assert [rule for rule in spec["egress"] if "to" not in rule]
    assert [rule for rule in spec["ingress"] if own in rule["from"]]
