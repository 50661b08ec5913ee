"""Every object of every stack, put before the real API server."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hearth.evaluation import Evaluation, evaluate
from hearth.planning.plan import Plan
from hearth.planning.stack import make_plan
from hearth.rehearsal.api import Api
from hearth.rehearsal.cluster import start
from hearth.rehearsal.errors import ApiError
from hearth.rehearsal.simulate import simulate
from hearth.settings.loading import LoadedStack, load_stack

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
STACKS = ("prod", "small")
NAMESPACE = "restricted"


@pytest.fixture(scope="module", params=STACKS)
def loaded(request: pytest.FixtureRequest) -> LoadedStack:
    return load_stack(ROOT, request.param)


@pytest.fixture(scope="module")
def plan(loaded: LoadedStack) -> Plan:
    return make_plan(loaded)


@pytest.fixture(scope="module")
def evaluation(loaded: LoadedStack) -> Evaluation:
    return evaluate(loaded)


@pytest.fixture(scope="module")
def site(plan: Plan, evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A cluster of the stack's own nodes, with its namespaces and RuntimeClass and a namespace for restricted pods."""
    with start(simulate(plan), tmp_path_factory.mktemp("site") / "cluster", lambda line: None) as running:
        api = Api(running.kubeconfig)
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        api.create(
            "/api/v1/namespaces",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}},
        )
        for resource in evaluation.kubernetes_objects():
            if resource.inputs["kind"] in {"Namespace", "RuntimeClass"}:
                api.create(api.collection(resource.inputs), resource.inputs)
        yield api


def objects(evaluation: Evaluation) -> list[Mapping[str, Any]]:
    """What the stack creates; patches of nodes are left to the rehearsal."""
    made_by_fixture = {"Namespace", "RuntimeClass", "Node"}
    return [r.inputs for r in evaluation.kubernetes_objects() if r.inputs["kind"] not in made_by_fixture]


def pod_specs(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """Pod spec of each workload, by its name label."""
    templates = [o["spec"]["template"] for o in objects(evaluation) if "template" in o.get("spec", {})]
    return {t["metadata"]["labels"]["app.kubernetes.io/name"]: t["spec"] for t in templates}


def test_every_object_is_accepted(site: Api, evaluation: Evaluation) -> None:
    refused: list[str] = []
    for obj in objects(evaluation):
        try:
            site.create(site.collection(obj), obj)
        except ApiError as error:
            refused.append(f"{obj['kind']} {obj['metadata']['name']}: {error}")
    assert refused == []


def test_a_misspelt_field_would_be_refused(site: Api, evaluation: Evaluation) -> None:
    service = next(o for o in objects(evaluation) if o["kind"] == "Service")
    metadata = {**service["metadata"], "name": "wrong"}
    wrong = {**service, "metadata": metadata, "spec": {**service["spec"], "selektor": {}}}
    with pytest.raises(ApiError, match="selektor"):
        site.create(site.collection(wrong), wrong)


def test_pods_are_restricted_but_for_those_with_a_reason(site: Api, plan: Plan, evaluation: Evaluation) -> None:
    below: set[str] = set()
    for name, spec in pod_specs(evaluation).items():
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}
        try:
            site.create(f"/api/v1/namespaces/{NAMESPACE}/pods", pod)
        except ApiError as error:
            assert "PodSecurity" in str(error), error
            below.add(name)
    assert below == {w.name for w in plan.workloads if w.security.root_reason}


def test_every_container_says_what_it_needs(evaluation: Evaluation) -> None:
    silent = [
        f"{name}/{container['name']}"
        for name, spec in pod_specs(evaluation).items()
        for container in [*spec["containers"], *spec.get("initContainers", [])]
        if {"cpu", "memory", "ephemeral-storage"} - container["resources"]["requests"].keys()
        or "memory" not in container["resources"]["limits"]
    ]
    assert silent == []


def test_no_service_variables_are_injected(evaluation: Evaluation) -> None:
    assert all(spec["enableServiceLinks"] is False for spec in pod_specs(evaluation).values())


def test_secrets_stand_only_in_secrets(evaluation: Evaluation) -> None:
    """Every value of every Secret, looked for in the text of all other objects."""
    secrets = [r.inputs for r in evaluation.kubernetes_objects() if r.inputs["kind"] == "Secret"]
    values = {base64.b64decode(value).decode() for secret in secrets for value in secret["data"].values()}
    assert values
    others = {
        f"{r.inputs['kind']} {r.name}": json.dumps(r.inputs)
        for r in evaluation.kubernetes_objects()
        if r.inputs["kind"] != "Secret"
    }
    assert [name for name, text in others.items() if any(value in text for value in values)] == []
