from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable

import pulumi
import pytest
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, Secret, Service
from pulumi_random import RandomPassword

from hearth.evaluation import Evaluation, EvaluationError, evaluate, record
from hearth.recording import Resource, Timeouts
from hearth.settings.loading import LoadedStack, load_config, load_stack
from tests.conftest import ROOT


class Group(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Group", name, None, opts)
        self.register_outputs({})


def config_map(name: str, opts: pulumi.ResourceOptions | None = None, **data: pulumi.Input[str]) -> ConfigMap:
    return ConfigMap(name, metadata={"name": name, "namespace": "chat"}, data=data, opts=opts)


def recorded(declare: Callable[[], object], name: str) -> Resource:
    return record(declare).named("ConfigMap", name)


def test_a_resource_has_type_name_and_resolved_inputs() -> None:
    settings = recorded(lambda: config_map("settings", key=pulumi.Output.from_input("value")), "settings")
    assert settings.type == "kubernetes:core/v1:ConfigMap"
    assert settings.inputs == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "chat"},
        "data": {"key": "value"},
    }


def test_whole_numbers_stay_whole() -> None:
    def program() -> None:
        Service("web", spec={"ports": [{"port": 8080}]})

    assert repr(record(program).named("Service", "web").inputs["spec"]["ports"][0]["port"]) == "8080"


def test_a_child_names_its_parent() -> None:
    def program() -> None:
        group = Group("group")
        config_map("inside", pulumi.ResourceOptions(parent=group))
        config_map("outside")

    evaluation = record(program)
    group = evaluation.named("Group", "group")
    assert [child.name for child in evaluation.children_of(group)] == ["inside"]


def test_a_urn_is_the_one_that_the_engine_gives() -> None:
    def program() -> None:
        inner = Group("inner", pulumi.ResourceOptions(parent=Group("outer")))
        config_map("settings", pulumi.ResourceOptions(parent=inner))

    qualified = "test:index:Group$test:index:Group$kubernetes:core/v1:ConfigMap"
    settings = record(program, stack="prod").named("ConfigMap", "settings")
    assert settings.urn == f"urn:pulumi:prod::hearth::{qualified}::settings"


def test_dependencies_are_explicit_ones_and_those_of_the_inputs() -> None:
    def program() -> None:
        first = config_map("first")
        namespace = Namespace("chat", metadata={"name": "chat"})
        name = namespace.metadata.name
        ConfigMap("last", metadata={"namespace": name}, opts=pulumi.ResourceOptions(depends_on=[first]))

    evaluation = record(program)
    first, namespace = evaluation.named("ConfigMap", "first"), evaluation.named("Namespace", "chat")
    last = evaluation.named("ConfigMap", "last")
    assert set(last.dependencies) == {first.urn, namespace.urn}
    assert last.property_dependencies == {"metadata": (namespace.urn,)}


def test_the_path_of_a_secret_input_is_known_and_its_value_kept() -> None:
    def program() -> None:
        Namespace("chat", metadata={"name": "chat", "annotations": {"sum": pulumi.Output.secret("s3cret")}})

    chat = record(program).named("Namespace", "chat")
    assert chat.secret_paths == (("metadata", "annotations", "sum"),)
    assert chat.inputs["metadata"]["annotations"] == {"sum": "s3cret"}


def test_options_are_recorded() -> None:
    options = pulumi.ResourceOptions(
        protect=True,
        delete_before_replace=True,
        ignore_changes=["data"],
        custom_timeouts=pulumi.CustomTimeouts(create="20m"),
        aliases=[pulumi.Alias(name="earlier")],
    )
    found = recorded(lambda: config_map("settings", options), "settings").options
    assert found.protect
    assert found.delete_before_replace
    assert found.ignore_changes == ("data",)
    assert found.timeouts == Timeouts(create="20m")
    assert "earlier" in found.aliases


def test_options_that_were_not_given_have_no_value() -> None:
    found = recorded(lambda: config_map("settings"), "settings").options
    assert (found.protect, found.retain_on_delete, found.delete_before_replace) == (False, False, None)


def test_a_child_inherits_what_the_engine_lets_it_inherit() -> None:
    def program() -> None:
        namespace = Namespace("chat")
        options = pulumi.ResourceOptions(deleted_with=namespace, retain_on_delete=True, ignore_changes=["data"])
        config_map("inside", pulumi.ResourceOptions(parent=Group("group", options)))

    evaluation = record(program)
    found = evaluation.named("ConfigMap", "inside").options
    assert found.deleted_with == evaluation.named("Namespace", "chat").urn
    assert found.retain_on_delete
    assert not found.ignore_changes


def test_an_explicit_provider_is_named() -> None:
    def program() -> None:
        config_map("settings", pulumi.ResourceOptions(provider=Provider("cluster", context="prod")))

    evaluation = record(program)
    provider = evaluation.named("pulumi:providers:kubernetes", "cluster")
    assert evaluation.named("ConfigMap", "settings").provider == f"{provider.urn}::cluster"


def test_generated_passwords_are_distinct_repeatable_secrets() -> None:
    def program() -> None:
        for name in ("one", "two"):
            Secret(name, string_data={"password": RandomPassword(name, length=20).result})

    def passwords() -> list[str]:
        return [secret.inputs["stringData"]["password"] for secret in record(program).of_type("Secret")]

    assert len(set(passwords())) == 2
    assert passwords() == passwords()
    assert record(program).named("Secret", "one").secret_paths


def test_a_load_balancer_has_an_address() -> None:
    def program() -> None:
        service = Service("web", spec={"type": "LoadBalancer"})
        pulumi.export("address", service.status.load_balancer.ingress[0].ip)

    assert record(program).outputs == {"address": "192.0.2.1"}


def test_outputs_say_which_of_them_are_secret() -> None:
    def program() -> None:
        pulumi.export("url", "https://chat.example.org")
        pulumi.export("password", pulumi.Output.secret("s3cret"))

    evaluation = record(program)
    assert evaluation.outputs == {"url": "https://chat.example.org", "password": "s3cret"}
    assert evaluation.secret_outputs == (("password",),)


def test_kubernetes_objects_are_those_with_a_manifest() -> None:
    def program() -> None:
        Group("group")
        Provider("cluster")
        RandomPassword("password", length=20)
        config_map("settings")

    assert [found.name for found in record(program).kubernetes_objects()] == ["settings"]


def test_a_resource_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="ConfigMap settings"):
        record(lambda: None).named("ConfigMap", "settings")


def test_many_resources_are_all_recorded() -> None:
    def program() -> None:
        for number in range(300):
            config_map(f"settings-{number}")

    assert len(record(program).resources) == 300


def failing_program() -> None:
    raise ValueError("the program is wrong")


def failing_apply() -> None:
    def fail(_: str) -> str:
        raise ValueError("the apply is wrong")

    pulumi.Output.from_input("x").apply(fail)


def failing_await() -> None:
    async def fail() -> str:
        await asyncio.sleep(0)
        raise ValueError("the awaitable is wrong")

    config_map("settings", key=fail())


def same_name_twice() -> None:
    config_map("settings")
    config_map("settings")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (failing_program, "the program is wrong"),
        (failing_apply, "the apply is wrong"),
        (failing_await, "the awaitable is wrong"),
        (same_name_twice, "same type and name"),
    ],
)
def test_a_failure_is_an_error_that_says_what_failed(program: Callable[[], object], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        record(program)


@pytest.mark.programs
def test_a_failure_prints_nothing_of_its_own() -> None:
    code = (
        "from hearth.evaluation import EvaluationError, record; from tests.test_evaluation import failing_await as f\n"
        "try: record(f)\nexcept EvaluationError: pass"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def test_nothing_of_a_run_is_left_for_the_next() -> None:
    with pytest.raises(EvaluationError):
        record(failing_apply, config={"hearth:key": "value"})
    evaluation = record(lambda: pulumi.export("key", pulumi.Config("hearth").get("key")))
    assert evaluation == Evaluation(resources=(), invokes=(), outputs={}, secret_outputs=())
    assert pulumi.runtime.get_root_resource() is None


def test_the_environment_does_not_reach_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", '{"hearth:key": "from the environment"}')
    monkeypatch.setenv("KUBECONFIG", "/some/kubeconfig")

    def program() -> None:
        pulumi.export("key", pulumi.Config("hearth").get("key") or "none")
        pulumi.export("kubeconfig", os.environ.get("KUBECONFIG", "none"))

    assert record(program).outputs == {"key": "none", "kubeconfig": "none"}
    assert os.environ["KUBECONFIG"] == "/some/kubeconfig"


def test_it_can_be_used_where_an_event_loop_is_running() -> None:
    async def main() -> Evaluation:
        return record(lambda: config_map("settings"))

    assert len(asyncio.run(main()).resources) == 1


def test_a_stack_evaluates_to_the_same_every_time(prod: LoadedStack, prod_evaluation: Evaluation) -> None:
    assert evaluate(prod) == prod_evaluation


def test_every_resource_of_a_stack_is_within_the_platform(prod_evaluation: Evaluation) -> None:
    urns = {resource.urn for resource in prod_evaluation.resources}
    roots = [resource.type for resource in prod_evaluation.resources if resource.parent not in urns]
    assert roots == ["hearth:index:ChatPlatform"]


def test_the_small_stack_evaluates() -> None:
    evaluation = evaluate(load_stack(ROOT, "small"))
    assert evaluation.outputs["namespace"] == "hearth-small"


def test_a_stack_that_is_refused_fails_with_its_problems() -> None:
    with pytest.raises(EvaluationError, match=r"hearth:target"):
        evaluate(load_config({}, "empty"))


def test_given_secrets_stay_secret_in_the_program(prod: LoadedStack) -> None:
    config = {**prod.config, "hearth:huggingFace": '{"token": "hf_marker"}'}
    evaluation = evaluate(load_config(config, "prod", {"hearth:huggingFace"}))
    holders = [resource for resource in evaluation.resources if "hf_marker" in str(resource.inputs)]
    encoded = [resource for resource in evaluation.of_type("Secret") if "HF_TOKEN" in str(resource.inputs)]
    assert not [resource for resource in holders if not resource.secret_paths]
    assert encoded
    assert all(resource.secret_paths for resource in encoded)
