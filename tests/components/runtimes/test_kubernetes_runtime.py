"""What the Kubernetes runtime declares for a workload, as the engine receives it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components.runtimes.kubernetes import KubernetesRuntime
from hearth.evaluation import Evaluation, EvaluationError, record
from hearth.workload import FilesVolume, Mount, Rollout, Workload

SECRETS = {"API_KEY": "marker-key", "auth.conf": "marker-password\n", "UNUSED": "marker-unused"}
LABELS = {
    "app.kubernetes.io/instance": "prod",
    "app.kubernetes.io/managed-by": "hearth",
    "app.kubernetes.io/name": "qwq",
    "app.kubernetes.io/component": "inference",
}
SELECTOR = {"app.kubernetes.io/name": "qwq", "app.kubernetes.io/instance": "prod"}


def one(evaluation: Evaluation, kind: str) -> Any:
    [found] = evaluation.of_type(kind)
    return found


def kinds(evaluation: Evaluation) -> list[str]:
    return sorted(resource.inputs["kind"] for resource in evaluation.kubernetes_objects())


def dependencies(evaluation: Evaluation, kind: str) -> set[str]:
    return {urn.split("::")[2].split(":")[-1] for urn in one(evaluation, kind).dependencies}


def test_a_server_and_everything_around_it(server: Workload, realise: Any) -> None:
    assert kinds(realise(server, SECRETS)) == [
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "Secret",
        "Service",
    ]


def test_a_plain_server_has_nothing_that_it_does_not_need(plain: Workload, realise: Any) -> None:
    assert kinds(realise(plain)) == ["Deployment", "NetworkPolicy", "Service"]


def test_every_object_is_named_and_labelled(server: Workload, realise: Any) -> None:
    for found in realise(server, SECRETS).kubernetes_objects():
        metadata = found.inputs["metadata"]
        assert (metadata["namespace"], metadata["labels"]) == ("chat", LABELS)
        assert metadata["name"] in {"qwq", "qwq-cache"}


def test_every_object_belongs_to_the_given_parent(server: Workload, realise: Any) -> None:
    evaluation = realise(server, SECRETS)
    [parent] = evaluation.of_type("test:index:Parent")
    assert {found.parent for found in evaluation.kubernetes_objects()} == {parent.urn}


def test_logical_names_begin_with_the_given_name(server: Workload, realise: Any) -> None:
    assert all(found.name.startswith("stack-part") for found in realise(server, SECRETS).kubernetes_objects())


def test_a_deployment_selects_and_labels_its_pods(server: Workload, realise: Any) -> None:
    spec = one(realise(server, SECRETS), "Deployment").inputs["spec"]
    assert spec["selector"] == {"matchLabels": SELECTOR}
    assert spec["template"]["metadata"]["labels"] == LABELS
    assert (spec["replicas"], spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (2, 3, 1200)


@pytest.mark.parametrize(
    ("rollout", "strategy"),
    [
        (Rollout("recreate"), {"type": "Recreate"}),
        (
            Rollout("rolling", max_surge=0, max_unavailable=1),
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        ),
    ],
)
def test_a_deployment_rolls_out_as_planned(
    plain: Workload, realise: Any, rollout: Rollout, strategy: Mapping[str, Any]
) -> None:
    evaluation = realise(replace(plain, rollout=rollout))
    assert one(evaluation, "Deployment").inputs["spec"]["strategy"] == strategy


def test_a_deployment_is_awaited_as_long_as_planned(server: Workload, realise: Any) -> None:
    timeouts = one(realise(server, SECRETS), "Deployment").options.timeouts
    assert (timeouts.create, timeouts.update) == ("1260s", "1260s")


def test_a_deployment_comes_after_all_that_its_pods_need(server: Workload, realise: Any) -> None:
    evaluation = realise(server, SECRETS)
    assert dependencies(evaluation, "Deployment") == {
        "ConfigMap",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Secret",
        "Service",
    }


def test_what_comes_after_a_server_comes_after_its_pods(plain: Workload, realise: Any) -> None:
    realise(plain)
    assert type(realise.running.ready).__name__ == "Deployment"
    assert realise.running.host == "plain"


def test_a_secret_holds_the_declared_keys_only(server: Workload, realise: Any) -> None:
    data = one(realise(server, SECRETS), "Secret").inputs["data"]
    assert {key: base64.b64decode(value).decode() for key, value in data.items()} == {
        "API_KEY": "marker-key",
        "auth.conf": "marker-password\n",
    }


def test_secret_values_are_in_secrets_only(server: Workload, realise: Any) -> None:
    for found in realise(server, SECRETS).kubernetes_objects():
        if found.inputs["kind"] != "Secret":
            assert "marker" not in str(found.inputs)
            assert not found.secret_paths


def test_a_missing_secret_is_named(server: Workload, realise: Any) -> None:
    with pytest.raises(EvaluationError, match=r"workload qwq needs the secrets auth\.conf"):
        realise(server, {"API_KEY": "x"})


def checksum(evaluation: Evaluation) -> str:
    template = one(evaluation, "Deployment").inputs["spec"]["template"]
    return template["metadata"]["annotations"]["hearth.dev/config-checksum"]


def test_pods_are_replaced_when_a_secret_changes(server: Workload, realise: Any) -> None:
    assert checksum(realise(server, SECRETS)) != checksum(realise(server, {**SECRETS, "API_KEY": "other"}))


def test_pods_stay_when_only_a_foreign_secret_changes(server: Workload, realise: Any) -> None:
    assert checksum(realise(server, SECRETS)) == checksum(realise(server, {**SECRETS, "UNUSED": "other"}))


def test_pods_are_replaced_when_a_file_changes(plain: Workload, realise: Any) -> None:
    def with_file(text: str) -> Workload:
        mounts = (Mount("/etc/app", FilesVolume({"app.conf": text})),)
        return replace(plain, container=replace(plain.container, mounts=mounts))

    assert checksum(realise(with_file("a"))) != checksum(realise(with_file("b")))


def test_claims_are_shared_or_exclusive(server: Workload, job: Workload, realise: Any) -> None:
    exclusive = one(realise(server, SECRETS), "PersistentVolumeClaim").inputs["spec"]
    shared = one(realise(job, {"HF_TOKEN": "x"}), "PersistentVolumeClaim").inputs["spec"]
    assert exclusive["accessModes"] == ["ReadWriteOnce"]
    assert shared == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "100Gi"}},
        "storageClassName": "nfs",
    }


@pytest.mark.parametrize("retain", [True, False])
def test_claims_are_retained_when_told(job: Workload, realise: Any, retain: bool) -> None:
    evaluation = realise(job, {"HF_TOKEN": "x"}, retain_claims=retain)
    assert one(evaluation, "PersistentVolumeClaim").options.retain_on_delete is retain


def test_a_job_runs_to_its_end_within_its_time(job: Workload, realise: Any) -> None:
    found = one(realise(job, {"HF_TOKEN": "x"}), "Job")
    assert found.inputs["spec"]["activeDeadlineSeconds"] == 3600
    assert found.inputs["spec"]["backoffLimit"] == 3
    assert "ttlSecondsAfterFinished" not in found.inputs["spec"]
    assert found.options.timeouts.create == "3660s"


def test_a_job_is_not_tried_again_where_that_cannot_help(job: Workload, realise: Any) -> None:
    found = one(realise(replace(job, final_exit_codes=(2, 3)), {"HF_TOKEN": "x"}), "Job")
    rules = found.inputs["spec"]["podFailurePolicy"]["rules"]
    assert [rule["onExitCodes"]["values"] for rule in rules if rule["action"] == "FailJob"] == [[2, 3]]


def test_a_job_has_no_service(job: Workload, realise: Any) -> None:
    assert kinds(realise(job, {"HF_TOKEN": "x"})) == [
        "ConfigMap",
        "Job",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Secret",
    ]


def job_name(job: Workload, realise: Any, token: str = "x") -> str:
    return one(realise(job, {"HF_TOKEN": token}), "Job").inputs["metadata"]["name"]


def test_a_changed_job_has_another_name(job: Workload, realise: Any) -> None:
    changed = replace(job, container=replace(job.container, image="tools:2"))
    assert job_name(job, realise) != job_name(changed, realise)


def test_a_job_whose_script_changes_has_another_name(job: Workload, realise: Any) -> None:
    mounts = (Mount("/opt", FilesVolume({"fetch.sh": "false"})), *job.container.mounts[1:])
    changed = replace(job, container=replace(job.container, mounts=mounts))
    assert job_name(job, realise) != job_name(changed, realise)


def test_a_job_does_not_run_again_for_another_token(job: Workload, realise: Any) -> None:
    assert job_name(job, realise, "old") == job_name(job, realise, "new")


def test_a_stateful_set_is_governed_by_its_service(plain: Workload, realise: Any) -> None:
    evaluation = realise(replace(plain, kind="statefulset"))
    spec = one(evaluation, "StatefulSet").inputs["spec"]
    assert spec["serviceName"] == one(evaluation, "Service").inputs["metadata"]["name"]
    assert spec["podManagementPolicy"] == "Parallel"


def test_a_service_reaches_every_port(server: Workload, realise: Any) -> None:
    service = one(realise(server, SECRETS), "Service").inputs
    assert service["spec"] == {
        "type": "ClusterIP",
        "selector": SELECTOR,
        "ports": [{"name": "http", "port": 8000, "targetPort": 8000, "protocol": "TCP"}],
    }


def test_a_disruption_leaves_enough_replicas(server: Workload, realise: Any) -> None:
    spec = one(realise(server, SECRETS), "PodDisruptionBudget").inputs["spec"]
    assert (spec["minAvailable"], spec["selector"]) == (1, {"matchLabels": SELECTOR})


def test_a_runtime_without_instance_selects_by_name(plain: Workload) -> None:
    def program() -> None:
        parent = pulumi.ComponentResource("test:index:Parent", "parent")
        KubernetesRuntime("chat", {}).run("plain", plain, parent=parent, secrets={})

    assert one(record(program), "Service").inputs["spec"]["selector"] == {"app.kubernetes.io/name": "plain"}
