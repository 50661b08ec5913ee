"""The whole platform: order, isolation, what a change touches, what stays behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.platform import ChatPlatform, ChatPlatformArgs
from hearth.evaluation import Evaluation, record
from hearth.planning.plan import ModelPlan, Plan
from hearth.planning.stack import make_plan
from hearth.settings.loading import load_stack

ROOT = Path(__file__).parents[2]
WEB_UI = {"web-ui", "web-ui-migration"}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(load_stack(ROOT, "prod"))


@pytest.fixture(scope="module")
def prod(plan: Plan) -> Evaluation:
    return deploy(plan)


def deploy(plan: Plan, **secrets: Any) -> Evaluation:
    return record(lambda: ChatPlatform("chat", ChatPlatformArgs(plan, **secrets)))


def find(evaluation: Evaluation, kind: str, name: str) -> Any:
    [found] = [r for r in evaluation.of_type(kind) if r.inputs["metadata"]["name"] == name]
    return found


def before(evaluation: Evaluation, urn: str) -> set[str]:
    """URNs of everything that a resource comes after, directly or not."""
    by_urn = {resource.urn: resource for resource in evaluation.resources}
    found: set[str] = set()
    waiting = [urn]
    while waiting:
        for dependency in by_urn[waiting.pop()].dependencies:
            if dependency not in found:
                found.add(dependency)
                waiting.append(dependency)
    return found


def serving(plan: Plan, *models: ModelPlan) -> Plan:
    """The plan with these models only."""
    keys = {**plan.web_ui.keys, "OPENAI_API_KEYS": tuple(model.name for model in models)}
    return replace(plan, models=models, web_ui=replace(plan.web_ui, keys=keys))


def renamed(model: ModelPlan, name: str) -> ModelPlan:
    [weights] = model.downloads
    claim = replace(weights.claim, name=f"{name}-weights")
    job = replace(weights.job, name=f"{name}-download", claims=(claim,))
    download = replace(weights, name=name, claim=claim, job=job)
    server = replace(model.server, name=name)
    return replace(model, name=name, served_name=name, downloads=(download,), server=server)


@pytest.mark.parametrize("stack", ["prod", "small"])
def test_no_two_objects_have_the_same_name(stack: str) -> None:
    evaluation = deploy(make_plan(load_stack(ROOT, stack)))
    names = [
        (r.type, r.inputs["metadata"].get("namespace"), r.inputs["metadata"]["name"])
        for r in evaluation.kubernetes_objects()
        if r.type != "kubernetes:helm.sh/v3:Release"
    ]
    assert len(set(names)) == len(names)


def test_every_object_is_made_in_the_cluster_of_the_plan(prod: Evaluation) -> None:
    [cluster] = prod.of_type("pulumi:providers:kubernetes")
    assert cluster.inputs["context"] == "prod"
    providers = {(r.provider or "").partition("::id")[0].rpartition("::")[0] for r in prod.kubernetes_objects()}
    assert providers == {cluster.urn}


def test_secrets_and_config_maps_change_in_place(prod: Evaluation) -> None:
    [cluster] = prod.of_type("pulumi:providers:kubernetes")
    assert cluster.inputs["enableSecretMutable"] == cluster.inputs["enableConfigMapMutable"] == "true"


def test_every_object_of_a_namespace_comes_after_it(prod: Evaluation) -> None:
    namespace = find(prod, "Namespace", "hearth")
    inside = [r for r in prod.kubernetes_objects() if r.inputs.get("metadata", {}).get("namespace") == "hearth"]
    assert all(namespace.urn in before(prod, r.urn) for r in inside)


@pytest.mark.parametrize("kind", ["StorageClass", "L2Advertisement"])
def test_the_namespace_ends_before_what_releases_its_volumes_and_addresses(prod: Evaluation, kind: str) -> None:
    [foundation] = prod.of_type(kind)
    assert foundation.urn in find(prod, "Namespace", "hearth").dependencies


def test_a_gpu_server_comes_after_weights_nodes_and_gpu_support(prod: Evaluation) -> None:
    earlier = before(prod, find(prod, "Deployment", "qwq-32b").urn)
    [runtime_class] = prod.of_type("RuntimeClass")
    [weights] = [r for r in prod.of_type("Job") if r.inputs["metadata"]["name"].startswith("qwq-32b-download")]
    nodes = [find(prod, "NodePatch", name) for name in ("gpu-03", "gpu-04")]
    assert {runtime_class.urn, weights.urn, *(node.urn for node in nodes)} <= earlier


def test_pods_without_gpus_find_the_gpu_nodes_tainted(prod: Evaluation) -> None:
    earlier = before(prod, find(prod, "StatefulSet", "redis").urn)
    assert {patch.urn for patch in prod.of_type("NodePatch")} <= earlier


def test_the_web_ui_comes_after_its_stores_but_not_after_models(prod: Evaluation) -> None:
    earlier = before(prod, find(prod, "Deployment", "web-ui").urn)
    assert {find(prod, "StatefulSet", "postgres").urn, find(prod, "StatefulSet", "redis").urn} <= earlier
    assert find(prod, "Deployment", "qwq-32b").urn not in earlier


def test_dependencies_of_a_server_do_not_grow_with_the_stack(plan: Plan, prod: Evaluation) -> None:
    more = deploy(replace(plan, models=(*plan.models, *(renamed(plan.models[2], f"extra-{i}") for i in range(5)))))
    few = len(find(prod, "Deployment", "qwq-32b").dependencies)
    assert len(find(more, "Deployment", "qwq-32b").dependencies) == few


def test_another_model_changes_only_itself_and_the_web_ui(plan: Plan, prod: Evaluation) -> None:
    more = deploy(serving(plan, *plan.models, renamed(plan.models[2], "extra")))
    known = {r.urn: r.inputs for r in prod.resources}
    changed = {r.inputs["metadata"]["name"] for r in more.kubernetes_objects() if known.get(r.urn) != r.inputs}
    assert {name for name in changed if not name.startswith("extra")} <= WEB_UI
    assert set(known) <= {r.urn for r in more.resources}


def test_secret_values_are_in_secrets_only(plan: Plan) -> None:
    evaluation = deploy(plan, admin_password="planted-password", hugging_face_token="planted-token")
    generated = ("generated-", "planted-")
    for resource in evaluation.kubernetes_objects():
        if resource.inputs["kind"] != "Secret":
            assert not any(mark in str(resource.inputs) for mark in generated), resource.urn


def test_the_endpoints_of_every_model_are_told(plan: Plan) -> None:
    found: list[ChatPlatform] = []
    record(lambda: found.append(ChatPlatform("chat", ChatPlatformArgs(plan))))
    assert found[0].endpoints == {
        "deepseek-r1": "http://deepseek-r1:30000/v1",
        "gpt-oss-120b": "http://gpt-oss-120b:8000/v1",
        "qwq-32b": "http://qwq-32b:8000/v1",
        "gemma3:4b": "http://ollama:11434",
        "nomic-embed-text": "http://ollama:11434",
    }


def test_an_adapter_has_the_endpoint_of_its_model(plan: Plan) -> None:
    found: list[ChatPlatform] = []
    chosen = serving(plan, replace(plan.models[2], adapters=("legal",)))
    record(lambda: found.append(ChatPlatform("chat", ChatPlatformArgs(chosen))))
    assert found[0].endpoints["legal"] == "http://qwq-32b:8000/v1"


def test_every_download_of_a_model_comes_before_its_server(plan: Plan) -> None:
    adapter = replace(renamed(plan.models[2], "qwq-32b-legal").downloads[0], name="qwq-32b-legal")
    chosen = replace(plan.models[2], downloads=(*plan.models[2].downloads, adapter))
    evaluation = deploy(serving(plan, chosen))
    jobs = {r.urn for r in evaluation.of_type("Job") if r.inputs["metadata"]["name"].startswith("qwq-32b")}
    assert len(jobs) == 2
    assert jobs <= before(evaluation, find(evaluation, "Deployment", "qwq-32b").urn)


def test_an_ephemeral_stack_ends_with_its_namespace(plan: Plan) -> None:
    evaluation = deploy(replace(plan, retain_claims=False))
    namespace = find(evaluation, "Namespace", "hearth")
    tiers = [r for r in evaluation.resources if not r.custom and r.type.endswith("Tier")]
    assert {tier.options.deleted_with for tier in tiers} == {namespace.urn}


def test_retained_claims_keep_their_namespace(plan: Plan) -> None:
    evaluation = deploy(replace(plan, retain_claims=True))
    kept = {r.type.rpartition(":")[2] for r in evaluation.resources if r.options.retain_on_delete}
    assert kept == {"Namespace", "PersistentVolumeClaim"}


def test_two_platforms_fit_into_one_program(plan: Plan) -> None:
    def program() -> None:
        ChatPlatform("one", ChatPlatformArgs(plan))
        ChatPlatform("two", ChatPlatformArgs(replace(plan, namespace="two")))

    urns = [r.urn for r in record(program).resources]
    assert len(set(urns)) == len(urns)
