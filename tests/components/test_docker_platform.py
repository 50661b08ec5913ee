"""A whole stack on one Docker host."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.platform import ChatPlatform, ChatPlatformArgs
from hearth.evaluation import Evaluation, evaluate, record
from hearth.planning.plan import Plan
from hearth.planning.stack import make_plan
from hearth.problems import render
from hearth.settings.loading import load_stack
from tests.conftest import ROOT
from tests.containers.stacks import GPU, POSTGRES, plan
from tests.planning import stacks

BUILD = {"vllm": {"build": {"pipPackages": ["pillow==12.3.0"], "aptPackages": ["ffmpeg"]}}}


def deploy(planned: Plan) -> Evaluation:
    return record(lambda: ChatPlatform("chat", ChatPlatformArgs(planned)))


@pytest.fixture(scope="module")
def dev() -> Evaluation:
    return evaluate(load_stack(ROOT, "dev"))


def container(evaluation: Evaluation, name: str) -> Any:
    [found] = [r for r in evaluation.of_type("Container") if r.inputs["name"] == name]
    return found


def test_every_object_is_made_on_the_engine_of_the_plan() -> None:
    found = deploy(plan(docker={"host": "ssh://gpu-01"}))
    [engine] = found.of_type("pulumi:providers:docker")
    assert engine.inputs["host"] == "ssh://gpu-01"
    made = [r for r in found.resources if r.type.startswith("docker:")]
    assert made and all((r.provider or "").startswith(engine.urn) for r in made)


def test_the_outputs_tell_where_the_chat_is(dev: Evaluation) -> None:
    assert dev.outputs["url"] == "http://localhost:3000"
    assert dev.outputs["namespace"] == "hearth-dev"
    assert "loadBalancerAddress" not in dev.outputs


def test_images_are_pinned_and_stay_on_the_host(dev: Evaluation) -> None:
    images = dev.of_type("RemoteImage")
    assert images and all(image.inputs["keepLocally"] for image in images)
    assert {c.inputs["image"] for c in dev.of_type("Container")} <= {
        c.inputs["image"] for c in dev.of_type("Container") if c.inputs["image"].startswith("generated-")
    }


def test_everything_is_labelled_with_its_stack(dev: Evaluation) -> None:
    for resource in (*dev.of_type("Container"), *dev.of_type("Network")):
        assert {"label": "dev.hearth.stack", "value": "dev"} in resource.inputs["labels"]


def test_only_caches_outlive_the_stack(dev: Evaluation) -> None:
    kept = [r.inputs["name"] for r in dev.resources if r.options.retain_on_delete]
    assert len(kept) == 1 and kept[0].startswith("hearth-ollama-")


def test_data_outlives_the_stack_where_it_says_so() -> None:
    kept = {r.inputs["name"] for r in deploy(plan(**POSTGRES)).resources if r.options.retain_on_delete}
    assert {"hearth-test-postgres-data", "hearth-test-redis-data", "hearth-test-web-ui-files"} < kept


def test_another_version_of_the_web_ui_never_meets_the_old_one() -> None:
    found = deploy(plan(**POSTGRES))
    migration = container(found, "hearth-test-web-ui-migration")
    server = container(found, "hearth-test-web-ui")
    assert migration.urn in server.options.replace_with and migration.urn in server.dependencies
    assert migration.options.delete_before_replace


def test_the_web_ui_comes_after_the_models() -> None:
    found = deploy(plan(**GPU))
    assert container(found, "hearth-test-qwen3-8b").urn in container(found, "hearth-test-web-ui").dependencies


def test_the_state_of_the_web_ui_is_brought_about_once_it_is_there() -> None:
    chat = {"admin": {"email": "admin@example.org"}, "provision": {"groups": [{"name": "staff"}]}}
    found = deploy(plan(webUi=chat))
    job = container(found, "hearth-test-web-ui-provision")
    assert container(found, "hearth-test-web-ui").urn in job.dependencies
    assert job.inputs["attach"]


def test_secret_values_are_secret() -> None:
    planned = plan(**GPU)
    args = ChatPlatformArgs(planned, admin_password="planted-password")
    found = record(lambda: ChatPlatform("chat", args))
    for resource in found.of_type("Container"):
        for index, variable in enumerate(resource.inputs["envs"]):
            if "planted-" in variable or "generated-" in variable:
                assert ("envs", index) in resource.secret_paths or ("envs",) in resource.secret_paths


def test_two_platforms_fit_into_one_program() -> None:
    def program() -> None:
        ChatPlatform("one", ChatPlatformArgs(plan()))
        ChatPlatform("two", ChatPlatformArgs(plan(namespace="two")))

    urns = [r.urn for r in record(program).resources]
    assert len(set(urns)) == len(urns)


@pytest.mark.programs
@pytest.mark.parametrize(("stack", "other"), [("prod", "pulumi_docker"), ("dev", "pulumi_kubernetes")])
def test_a_plan_loads_the_provider_of_its_target_alone(stack: str, other: str) -> None:
    program = (
        "import sys; from hearth.cli import app; app(['plan', '-s', sys.argv[1]], standalone_mode=False); "
        "print(sys.argv[2] in sys.modules)"
    )
    command = [sys.executable, "-c", program, stack, other]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_an_image_is_built_with_the_time_zone_and_packages_of_the_stack() -> None:
    found = deploy(plan(**GPU, engines=BUILD, timeZone="Asia/Seoul"))
    [image] = found.of_type("docker:index/image:Image")
    assert image.inputs["build"]["args"] == {
        "BASE": "vllm/vllm-openai:v0.33.0",
        "TIME_ZONE": "Asia/Seoul",
        "APT_PACKAGES": "ffmpeg",
        "PIP_PACKAGES": "pillow==12.3.0",
    }
    assert image.inputs["skipPush"]
    assert Path(image.inputs["build"]["dockerfile"]).is_file()
    assert container(found, "hearth-test-qwen3-8b").inputs["image"].startswith("generated-")
    assert image.urn in container(found, "hearth-test-qwen3-8b-download").dependencies


def test_a_built_image_of_a_cluster_is_pushed_before_anything_runs_in_it() -> None:
    registry = {"vllm": {"build": {**BUILD["vllm"]["build"], "registry": "registry.lan:5000/hearth"}}}
    found = deploy(stacks.plan(engines=registry))
    [image] = found.of_type("docker:index/image:Image")
    assert image.inputs["imageName"].startswith("registry.lan:5000/hearth/vllm:v0.33.0-")
    assert image.inputs["registry"] == {"server": "registry.lan:5000"} and not image.inputs["skipPush"]
    [download] = [r for r in found.of_type("Job") if "download" in r.inputs["metadata"]["name"]]
    assert image.urn in download.dependencies
    [server] = [r for r in found.of_type("Deployment") if r.inputs["metadata"]["name"] == "qwq"]
    assert server.inputs["spec"]["template"]["spec"]["containers"][0]["image"] == image.inputs["imageName"]


def test_a_built_image_has_another_name_only_when_its_inputs_change() -> None:
    names = [
        plan(**GPU, engines={"vllm": {"build": build}}, timeZone=zone).builds[0].name
        for build, zone in (({}, "UTC"), ({}, "UTC"), ({}, "Asia/Seoul"), ({"aptPackages": ["ffmpeg"]}, "UTC"))
    ]
    assert names[0] == names[1] and len(set(names)) == 3


def test_nothing_is_built_that_no_model_uses() -> None:
    assert plan(engines={"vllm": {"build": {}}}).builds == ()


def test_the_variant_with_a_gpu_is_right(tmp_path: Path) -> None:
    """The lines of Pulumi.dev.yaml that are commented out, in place of those that they replace."""
    lines = (ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8").splitlines()
    variant = [line.replace("  # ", "  ", 1) for line in lines if line.startswith(("  # hearth:", "  #   "))]
    replaced = {line.split(": ")[0] for line in variant if "hearth:" in line} | {"  hearth:ollama"}
    kept = [line for line in lines if not line.startswith("  #") and line.split(": ")[0] not in replaced]
    (tmp_path / "Pulumi.gpu.yaml").write_text("\n".join([*kept, *variant]), encoding="utf-8")
    loaded = load_stack(tmp_path, "gpu")
    assert not loaded.problems, render(loaded.problems, loaded.source)
    [model] = make_plan(loaded).models
    assert (model.source, model.context_length) == ("Qwen/Qwen3-8B", 8192)
    assert "--gpu-memory-utilization=0.9" in model.server.container.args
    assert yaml.safe_load("\n".join(variant))
