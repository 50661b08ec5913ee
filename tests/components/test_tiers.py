"""The tiers, each alone with a runtime of its own: what they run, which secrets they hand on, what they tell others."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pulumi
import pytest

from components.inference import InferenceTier, InferenceTierArgs
from components.model_weights import ModelWeights, ModelWeightsArgs
from components.ollama import OllamaTier, OllamaTierArgs
from components.postgres import PostgresTier, PostgresTierArgs
from components.redis import RedisTier, RedisTierArgs
from components.runtimes.kubernetes import KubernetesRuntime
from components.web_ui import WebUiTier, WebUiTierArgs
from hearth.evaluation import Evaluation, EvaluationError, record
from hearth.planning.plan import ModelPlan, Plan, WebUiPlan
from hearth.planning.stack import make_plan
from hearth.settings.loading import load_stack
from hearth.workload import Exposure

RUNTIME = KubernetesRuntime("chat", {"app.kubernetes.io/instance": "prod"})
T = TypeVar("T", bound=pulumi.ComponentResource)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(load_stack(Path(__file__).parents[2], "prod"))


def declare(make: Callable[[], T], tell: Callable[[T], Mapping[str, Any]] = lambda _: {}) -> Evaluation:
    """Declares a component; what `tell` picks from it becomes stack outputs."""

    def program() -> None:
        for key, value in tell(make()).items():
            pulumi.export(key, value)

    return record(program)


def secret_data(evaluation: Evaluation, name: str) -> dict[str, str]:
    [found] = [s for s in evaluation.of_type("Secret") if s.inputs["metadata"]["name"] == name]
    return {key: base64.b64decode(value).decode() for key, value in found.inputs["data"].items()}


def resource(evaluation: Evaluation, kind: str) -> Any:
    [found] = evaluation.of_type(kind)
    return found


def model(plan: Plan, engine: str) -> ModelPlan:
    return next(found for found in plan.models if found.engine == engine)


def inference(plan: Plan, engine: str) -> Evaluation:
    chosen = model(plan, engine)
    return declare(
        lambda: InferenceTier("tier", InferenceTierArgs(chosen.server, chosen.url, RUNTIME)),
        lambda tier: {"apiKey": tier.api_key, "url": tier.url},
    )


def test_vllm_gets_its_key_as_a_secret_variable(plan: Plan) -> None:
    evaluation = inference(plan, "vllm")
    key = evaluation.outputs["apiKey"]
    assert secret_data(evaluation, model(plan, "vllm").name) == {"VLLM_API_KEY": key}


def test_sglang_gets_its_key_as_a_secret_file(plan: Plan) -> None:
    evaluation = inference(plan, "sglang")
    key = evaluation.outputs["apiKey"]
    assert secret_data(evaluation, model(plan, "sglang").name) == {"engine.yaml": f'api-key: "{key}"\n'}


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_an_api_key_is_secret_wherever_it_is(plan: Plan, engine: str) -> None:
    evaluation = inference(plan, engine)
    key = evaluation.outputs["apiKey"]
    assert ("apiKey",) in evaluation.secret_outputs
    assert not [r.urn for r in evaluation.kubernetes_objects() if key in str(r.inputs)]


def test_weights_are_a_volume_and_the_job_that_fills_it(plan: Plan) -> None:
    [weights] = model(plan, "vllm").downloads
    evaluation = declare(lambda: ModelWeights("weights", ModelWeightsArgs(weights.job, RUNTIME)))
    claim = resource(evaluation, "PersistentVolumeClaim")
    assert claim.inputs["metadata"]["name"] == weights.claim.name
    assert claim.urn in resource(evaluation, "Job").dependencies


def with_token(plan: Plan) -> Any:
    job = model(plan, "vllm").downloads[0].job
    return replace(job, container=replace(job.container, secret_env=("HF_TOKEN",)))


def test_a_token_reaches_the_download_as_a_secret(plan: Plan) -> None:
    args = ModelWeightsArgs(with_token(plan), RUNTIME, "hf_marker")
    evaluation = declare(lambda: ModelWeights("weights", args))
    assert secret_data(evaluation, args.download.name) == {"HF_TOKEN": "hf_marker"}


def test_a_download_that_needs_a_token_says_so(plan: Plan) -> None:
    args = ModelWeightsArgs(with_token(plan), RUNTIME)
    with pytest.raises(EvaluationError, match="needs the secrets HF_TOKEN"):
        declare(lambda: ModelWeights("weights", args))


def test_ollama_starts_with_its_models_in_place(plan: Plan) -> None:
    assert plan.ollama is not None
    args = OllamaTierArgs(plan.ollama, RUNTIME)
    evaluation = declare(lambda: OllamaTier("ollama", args), lambda tier: {"url": tier.url})
    assert resource(evaluation, "Job").urn in resource(evaluation, "Deployment").dependencies
    assert evaluation.outputs["url"] == "http://ollama:11434"


def test_redis_reads_its_password_from_a_file(plan: Plan) -> None:
    assert plan.redis is not None
    args = RedisTierArgs(plan.redis, RUNTIME)
    evaluation = declare(lambda: RedisTier("redis", args), lambda tier: {"url": tier.url})
    data = secret_data(evaluation, "redis")
    password = data["REDISCLI_AUTH"]
    assert data["auth.conf"] == f"requirepass {password}\n"
    assert evaluation.outputs["url"] == f"redis://:{password}@redis:6379/0"
    assert evaluation.secret_outputs == (("url",),)


def test_postgres_tells_its_url_as_a_secret(plan: Plan) -> None:
    assert plan.postgres is not None
    args = PostgresTierArgs(plan.postgres, RUNTIME)
    evaluation = declare(lambda: PostgresTier("postgres", args), lambda tier: {"url": tier.url})
    password = secret_data(evaluation, "postgres")["POSTGRES_PASSWORD"]
    assert evaluation.outputs["url"] == f"postgresql://hearth:{password}@postgres:5432/hearth"
    assert evaluation.secret_outputs == (("url",),)


def web_ui(tier: WebUiPlan, **given: Any) -> Evaluation:
    args = {
        "plan": tier,
        "runtime": RUNTIME,
        "api_keys": {owner: f"key-of-{owner}" for owners in tier.keys.values() for owner in owners},
        "redis_url": "redis://marker",
        "database_url": "postgresql://marker",
    } | given
    return declare(
        lambda: WebUiTier("web", WebUiTierArgs(**args)),
        lambda tier: {"url": tier.url, "adminPassword": tier.admin_password},
    )


def test_the_web_ui_gets_the_secrets_of_all_that_it_connects_to(plan: Plan) -> None:
    evaluation = web_ui(plan.web_ui)
    data = secret_data(evaluation, "web-ui")
    assert data["OPENAI_API_KEYS"] == "key-of-deepseek-r1;key-of-gpt-oss-120b;key-of-qwq-32b"
    assert data["REDIS_URL"] == data["WEBSOCKET_REDIS_URL"] == "redis://marker"
    assert data["DATABASE_URL"] == "postgresql://marker"
    migration = secret_data(evaluation, "web-ui-migration")
    assert migration["WEBUI_ADMIN_PASSWORD"] == evaluation.outputs["adminPassword"]
    assert "WEBUI_ADMIN_PASSWORD" not in data


def test_keys_go_where_they_are_needed(plan: Plan) -> None:
    keys = {"OPENAI_API_KEYS": ("chat", "pipelines"), "RAG_OPENAI_API_KEY": ("bge",)}
    container = replace(plan.web_ui.server.container, secret_env=(*keys, "OAUTH_CLIENT_SECRET"))
    tier = replace(plan.web_ui, keys=keys, server=replace(plan.web_ui.server, container=container))
    data = secret_data(web_ui(tier, given={"OAUTH_CLIENT_SECRET": "marker"}), "web-ui")
    assert data == {
        "OPENAI_API_KEYS": "key-of-chat;key-of-pipelines",
        "RAG_OPENAI_API_KEY": "key-of-bge",
        "OAUTH_CLIENT_SECRET": "marker",
    }


def test_migration_and_servers_share_the_signing_key(plan: Plan) -> None:
    evaluation = web_ui(plan.web_ui)
    signing_key = secret_data(evaluation, "web-ui")["WEBUI_SECRET_KEY"]
    assert secret_data(evaluation, "web-ui-migration")["WEBUI_SECRET_KEY"] == signing_key
    assert signing_key != evaluation.outputs["adminPassword"]


def test_a_migration_ends_before_the_servers_start(plan: Plan) -> None:
    evaluation = web_ui(plan.web_ui)
    assert resource(evaluation, "Job").urn in resource(evaluation, "Deployment").dependencies


def test_the_servers_end_before_another_version_migrates(plan: Plan) -> None:
    evaluation = web_ui(plan.web_ui)
    assert resource(evaluation, "Deployment").options.replace_with == (resource(evaluation, "Job").urn,)
    assert resource(evaluation, "Job").options.delete_before_replace


def test_a_given_admin_password_is_used_and_stays_secret(plan: Plan) -> None:
    evaluation = web_ui(plan.web_ui, admin_password="chosen")
    assert secret_data(evaluation, "web-ui-migration")["WEBUI_ADMIN_PASSWORD"] == "chosen"
    assert ("adminPassword",) in evaluation.secret_outputs


def test_the_planned_url_is_told(plan: Plan) -> None:
    assert web_ui(plan.web_ui).outputs["url"] == "https://chat.example.go.kr"


def test_a_web_ui_that_is_not_exposed_has_no_url(plan: Plan) -> None:
    hidden = replace(plan.web_ui, url=None, server=replace(plan.web_ui.server, exposure=None))
    assert web_ui(hidden).outputs.get("url") is None


def test_a_missing_database_url_is_named(plan: Plan) -> None:
    with pytest.raises(EvaluationError, match="needs the secrets DATABASE_URL"):
        web_ui(plan.web_ui, database_url=None)


def test_a_load_balancer_without_planned_url_is_declared(plan: Plan) -> None:
    server = replace(plan.web_ui.server, exposure=Exposure("loadBalancer", 8080))
    evaluation = web_ui(replace(plan.web_ui, url=None, server=server))
    assert evaluation.named("Service", "web-external").inputs["spec"]["type"] == "LoadBalancer"
