"""Backups as objects of the cluster."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from hearth.evaluation import Evaluation, evaluate
from hearth.settings.loading import load_config
from tests.planning import stacks

BUCKET = {
    "endpoint": "https://s3.example.org",
    "bucket": "chat-backups",
    "accessKey": "marker-access",
    "secretKey": "marker-secret",
}


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    config = stacks.config(backup={"to": {"s3": BUCKET}, "keep": 3})
    return evaluate(load_config(config, "test", frozenset({"hearth:backup"})))


def objects(evaluation: Evaluation, kind: str) -> dict[str, Any]:
    found = (resource.inputs for resource in evaluation.of_type(kind))
    return {inputs["metadata"]["name"]: inputs for inputs in found}


def test_two_never_run_at_once(evaluation: Evaluation) -> None:
    spec = objects(evaluation, "CronJob")["web-ui-backup"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid" and spec["suspend"] is False


def test_a_restore_is_suspended(evaluation: Evaluation) -> None:
    assert objects(evaluation, "CronJob")["web-ui-restore"]["spec"]["suspend"] is True


def test_keys_are_in_secrets_only(evaluation: Evaluation) -> None:
    for resource in evaluation.kubernetes_objects():
        if resource.inputs["kind"] != "Secret":
            assert "marker-" not in str(resource.inputs)
    data = objects(evaluation, "Secret")["web-ui-backup"]["data"]
    assert base64.b64decode(data["AWS_SECRET_ACCESS_KEY"]).decode() == "marker-secret"


def test_keys_stay_secret_in_the_state(evaluation: Evaluation) -> None:
    for resource in evaluation.of_type("Secret"):
        if resource.inputs["metadata"]["name"].startswith("web-ui-"):
            assert any(path[0] == "data" for path in resource.secret_paths)


@pytest.mark.parametrize("name", ["web-ui-backup", "web-ui-restore"])
def test_its_pods_are_not_root_and_hold_no_token(evaluation: Evaluation, name: str) -> None:
    pod = objects(evaluation, "CronJob")[name]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"]["readOnlyRootFilesystem"] and container["resources"]["limits"]["memory"]


def test_it_reaches_the_database_and_the_bucket_only(evaluation: Evaluation) -> None:
    policy = objects(evaluation, "NetworkPolicy")["web-ui-backup"]["spec"]
    ports = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    assert ports == [53, 53, 5432, 443] and "ingress" not in policy


def test_the_web_ui_is_deployed_before(evaluation: Evaluation) -> None:
    [server] = [r for r in evaluation.of_type("Deployment") if r.inputs["metadata"]["name"] == "web-ui"]
    [backup] = [r for r in evaluation.of_type("CronJob") if r.inputs["metadata"]["name"] == "web-ui-backup"]
    assert server.urn in backup.dependencies
