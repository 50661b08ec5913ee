"""Services beside the web UI, each alone with a runtime of its own."""

from __future__ import annotations

import base64
from typing import Any

import pulumi
import pytest

from components.runtimes.kubernetes import KubernetesRuntime
from components.services import ServiceTier, ServiceTierArgs
from hearth.evaluation import Evaluation, record
from hearth.planning.plan import ServicePlan
from tests.planning.stacks import chat, plan

RUNTIME = KubernetesRuntime("chat", {"app.kubernetes.io/instance": "prod"})
SERVICES: dict[str, dict[str, Any]] = {
    "speech-to-text": {"speechToText": {"server": {}}},
    "content-extraction": {"contentExtraction": {"engine": "docling"}},
    "pipelines": {"pipelines": {}},
}


def service(**settings: Any) -> ServicePlan:
    [found] = plan(webUi=chat(**settings)).services
    return found


def declare(found: ServicePlan) -> Evaluation:
    def program() -> None:
        tier = ServiceTier("stack-service", ServiceTierArgs(found, RUNTIME))
        pulumi.export("key", tier.api_key)

    return record(program)


@pytest.mark.parametrize("name", SERVICES)
def test_the_key_is_generated_and_secret(name: str) -> None:
    found = service(**SERVICES[name])
    evaluation = declare(found)
    [data] = [s.inputs["data"] for s in evaluation.of_type("Secret") if s.inputs["metadata"]["name"] == name]
    assert {key: base64.b64decode(value).decode() for key, value in data.items()} == {
        found.key: evaluation.outputs["key"]
    }
    assert ("key",) in evaluation.secret_outputs
    assert evaluation.outputs["key"].startswith("generated-")


def test_a_service_without_a_key_has_no_secret() -> None:
    evaluation = declare(service(contentExtraction={"engine": "tika"}))
    assert not evaluation.of_type("Secret")
    assert evaluation.outputs.get("key") is None


def test_the_speech_model_is_there_before_its_server() -> None:
    evaluation = declare(service(speechToText={"server": {}}))
    [job], [server] = evaluation.of_type("Job"), evaluation.of_type("Deployment")
    assert job.urn in server.dependencies
