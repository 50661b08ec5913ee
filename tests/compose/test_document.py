"""Compose files of stacks, against the specification's schema and what containers need."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest

from hearth.compose.document import document
from hearth.compose.variables import Secrets
from hearth.evaluation import evaluate
from hearth.planning.stack import make_plan
from hearth.rehearsal.build import Module, module_folder
from tests.containers import stacks

SPECIFICATION = Module(
    "github.com/compose-spec/compose-go/v2", "v2.16.2", "h1:pTp1DqQwJzFd85GzlWsSszKA1ABrV/ySqsClujIcWA8="
)
SGLANG: Mapping[str, Any] = {
    "models": [
        {
            "name": "sg",
            "source": "Qwen/Qwen3-8B",
            "engine": "sglang",
            "pool": "local",
            "contextLength": 1024,
        }
    ],
    "docker": {},
}
BUILT: Mapping[str, Any] = {"engines": {"vllm": {"build": {"pipPackages": ["pandas==2.3.0"]}}}}
NFS: Mapping[str, Any] = {"storage": {"nfs": {"server": "nfs.example.org", "share": "/export"}}}
FOLDERS: Mapping[str, Any] = {"storage": {"hostPath": "/srv/hearth"}}


def compose(**changes: Any) -> dict[str, Any]:
    loaded = stacks.loaded(**changes)
    return document(make_plan(loaded), Secrets(evaluate(loaded)))


@pytest.fixture(scope="module")
def gpu() -> dict[str, Any]:
    return compose(**{**stacks.GPU, **stacks.POSTGRES})


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    folder = module_folder(SPECIFICATION, "schema", lambda line: None)
    return json.loads((folder / "compose-spec.json").read_text())


@pytest.mark.packages
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {**stacks.GPU, **stacks.POSTGRES},
        {**stacks.GPU, **SGLANG, **NFS, **stacks.POSTGRES},
        {**stacks.GPU, **BUILT},
        FOLDERS,
        {"docker": {"ipc": "host"}},
    ],
    ids=["one light model", "GPUs", "SGLang on NFS", "an image that is built", "folders", "host IPC"],
)
def test_the_file_meets_the_specification(schema: dict[str, Any], changes: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(schema).validate(compose(**changes))


@pytest.mark.packages
def test_the_schema_would_tell(schema: dict[str, Any]) -> None:
    wrong = compose()
    wrong["services"]["web-ui"]["healthchek"] = {}

    with pytest.raises(jsonschema.ValidationError, match="healthchek"):
        jsonschema.Draft202012Validator(schema).validate(wrong)


def test_a_server_starts_after_what_it_calls_is_healthy(gpu: dict[str, Any]) -> None:
    assert gpu["services"]["web-ui"]["depends_on"] == {
        "postgres": {"condition": "service_healthy"},
        "qwen3-8b": {"condition": "service_healthy"},
        "pair": {"condition": "service_healthy"},
        "redis": {"condition": "service_healthy"},
        "web-ui-migration": {"condition": "service_completed_successfully"},
        "web-ui-prepare": {"condition": "service_completed_successfully"},
    }


def test_every_dependency_is_a_service(gpu: dict[str, Any]) -> None:
    services = gpu["services"]

    assert {name for service in services.values() for name in service.get("depends_on", {})} <= set(services)


def test_gpus_are_reserved_by_their_ids(gpu: dict[str, Any]) -> None:
    (device,) = gpu["services"]["pair"]["deploy"]["resources"]["reservations"]["devices"]

    assert device == {"driver": "nvidia", "device_ids": ["2", "1"], "capabilities": ["gpu"]}


def test_only_published_workloads_have_ports(gpu: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in gpu["services"].items() if "ports" in service}

    assert ports == {
        "web-ui": [{"host_ip": "127.0.0.1", "published": "3000", "target": 8080, "protocol": "tcp"}],
        "qwen3-8b": [{"host_ip": "127.0.0.1", "published": "8000", "target": 8000, "protocol": "tcp"}],
    }


def test_a_health_check_keeps_the_variables_of_its_shell(gpu: dict[str, Any]) -> None:
    check = gpu["services"]["qwen3-8b"]["healthcheck"]

    assert "/dev/tcp/127.0.0.1/$$0" in check["test"][3]
    assert check["test"][4:] == ["8000", "/health"]


def test_a_container_that_takes_files_has_a_root_that_they_can_be_put_into(gpu: dict[str, Any]) -> None:
    services = gpu["services"].values()

    assert all(service["read_only"] != bool(service.get("configs")) for service in services)


def test_every_file_has_its_content(gpu: dict[str, Any]) -> None:
    used = [config["source"] for service in gpu["services"].values() for config in service.get("configs", [])]

    assert sorted(used) == sorted(gpu["configs"])


def test_generated_secrets_are_variables_wherever_they_occur(gpu: dict[str, Any]) -> None:
    said = ":?is a secret of the stack, see hearth compose --env-file}"
    environment = gpu["services"]["web-ui"]["environment"]

    assert environment["DATABASE_URL"] == f"postgresql://hearth:${{CHAT_POSTGRES{said}@postgres:5432/hearth"
    assert environment["OPENAI_API_KEYS"] == f"${{CHAT_QWEN3_8B{said};${{CHAT_PAIR{said}"
    assert gpu["services"]["qwen3-8b"]["environment"]["VLLM_API_KEY"] == f"${{CHAT_QWEN3_8B{said}"


def test_no_marker_of_a_generated_value_is_left(gpu: dict[str, Any]) -> None:
    assert "generated-" not in json.dumps(gpu)


def test_a_secret_of_the_stack_file_is_not_in_the_compose_file() -> None:
    content = compose(**{**stacks.GPU, "huggingFace": {"token": "hf_given"}})

    assert "hf_given" not in json.dumps(content)
    assert content["services"]["qwen3-8b-download"]["environment"]["HF_TOKEN"].startswith("${HF_TOKEN:?")


def test_secrets_in_files_are_variables() -> None:
    content = compose(**{**stacks.GPU, **SGLANG})["configs"]["sg-run-secrets-hearth-engine.yaml"]["content"]

    assert content.startswith('api-key: "${CHAT_SG:?')


def test_caches_keep_the_name_that_all_stacks_know_them_by() -> None:
    volumes = compose()["volumes"]

    assert [name for name in volumes if name.startswith("hearth-ollama-")]
    assert all(volume["name"] == name for name, volume in volumes.items())


def test_folders_of_the_host_are_bound() -> None:
    mounts = compose(**FOLDERS)["services"]["ollama"]["volumes"]

    assert mounts[0]["type"] == "bind"
    assert mounts[0]["source"].startswith("/srv/hearth/")


def test_an_image_of_the_stack_is_built() -> None:
    service = compose(**{**stacks.GPU, **BUILT})["services"]["qwen3-8b"]

    assert service["build"]["args"]["PIP_PACKAGES"] == "pandas==2.3.0"
