from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from hearth.cli import app
from tests.conftest import ROOT


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["plan", "-C", str(ROOT), *arguments])


@pytest.fixture(scope="module")
def text() -> str:
    return run("-s", "prod").stdout


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(run("-s", "prod", "--json").stdout)


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("manifests") / "prod"
    assert run("-s", "prod", "--manifests", str(directory)).exit_code == 0
    return directory


@pytest.mark.programs
def test_the_process_ends_with_0_and_a_plan() -> None:
    command = [sys.executable, "-m", "hearth", "plan", "-s", "prod"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "deepseek-r1" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "row",
    [
        r"deepseek-r1 +sglang +1 x 8 +h200 .* 65,536 ",
        r"h200 +H200-141GB +2 +16 +10 +6",
        r"web-ui +deployment +3 ",
        r"qwq-32b +http://qwq-32b:8000/v1",
        r"csiDriverNfs +managed +[0-9.]+ +hearth:storage.nfs",
        r"namespace metallb-system +.*privileged",
        r"\d+ resources",
        r"memory +.* 1 x [0-9.]+ GiB for workers are .* in each of 3 replicas",
        r"connections +3 x 1 workers .*",
        r"max_connections is 150",
    ],
)
def test_the_text_shows(text: str, row: str) -> None:
    assert re.search(row, text)


def test_the_text_fits_100_columns_without_colour_when_it_is_piped(text: str) -> None:
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "\x1b" not in text


def test_a_stack_without_a_second_look_has_no_warning(text: str, document: Any) -> None:
    assert document["warnings"] == []
    assert "Warning" not in text


def test_warnings_are_shown() -> None:
    assert re.search(r"Warning nothing is backed up", run("-s", "small").stdout)


def test_the_arithmetic_of_the_web_tier_is_in_the_document(document: Any) -> None:
    assert document["webUiMemory"].endswith("GiB")
    [database] = [store for store in document["stores"] if store["name"] == "database"]
    assert "4 x 32, and 20 in reserve, are 148 connections; max_connections is 150" in database["connections"]


def test_a_stack_without_gpus_has_no_table_of_pools() -> None:
    assert "GPU pools" not in run("-s", "dev").stdout


def test_free_gpus_are_those_that_no_replica_uses(document: Any) -> None:
    h200 = next(pool for pool in document["pools"] if pool["name"] == "h200")
    models = [model for model in document["models"] if model["pool"] == "h200"]
    assert h200["used"] == sum(model["replicas"] * model["gpusPerReplica"] for model in models)
    assert h200["free"] == h200["gpus"] - h200["used"]


def test_every_key_of_the_document_is_explained(document: Any) -> None:
    page = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"[A-Za-z]+", " ".join(re.findall(r"`([^`]+)`", page))))
    used = set(document) | {key for value in document.values() if isinstance(value, list) for key in _keys(value)}
    assert used <= explained


def _keys(entries: list[Any]) -> set[str]:
    return {key for entry in entries if isinstance(entry, dict) for key in entry}


def test_an_override_changes_the_plan() -> None:
    changed = json.loads(run("-s", "prod", "--json", "--config", "webUi.replicas=5").stdout)
    assert next(tier["replicas"] for tier in changed["tiers"] if tier["name"] == "web-ui") == 5


def test_each_object_has_a_file_of_its_own(manifests: Path) -> None:
    deployment = yaml.safe_load((manifests / "15-deployment-qwq-32b.yaml").read_text(encoding="utf-8"))
    assert (deployment["kind"], deployment["metadata"]["namespace"]) == ("Deployment", "hearth")


def test_files_in_their_order_can_be_applied(manifests: Path) -> None:
    kinds = [file.name.split("-")[1] for file in sorted(manifests.iterdir())]
    assert kinds.index("namespace") < kinds.index("secret") < kinds.index("deployment")


def test_a_secret_keeps_its_keys_and_loses_its_values(manifests: Path) -> None:
    secret = yaml.safe_load((manifests / "08-secret-qwq-32b.yaml").read_text(encoding="utf-8"))
    assert secret["data"] == {"VLLM_API_KEY": "***"}


def test_generated_secrets_appear_nowhere(text: str, document: Any, manifests: Path) -> None:
    written = "".join(file.read_text(encoding="utf-8") for file in manifests.iterdir())
    assert "generated-" not in text + json.dumps(document) + written


def test_files_of_objects_that_are_gone_are_removed_and_others_kept(tmp_path: Path) -> None:
    gone, other = tmp_path / "15-deployment-gone.yaml", tmp_path / "notes.yaml"
    gone.touch()
    other.touch()
    run("-s", "small", "--manifests", str(tmp_path))
    assert not gone.exists()
    assert other.exists()


def test_manifests_are_the_same_every_time(manifests: Path, tmp_path: Path) -> None:
    run("-s", "prod", "--manifests", str(tmp_path))
    assert _contents(tmp_path) == _contents(manifests)


def _contents(directory: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in directory.iterdir()}


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("-s", "small", "--manifests", str(tmp_path / "file" / "below"))
    assert done.exit_code == 1
    assert str(tmp_path / "file") in done.stderr


def test_a_refused_stack_ends_with_1_and_its_problems_on_stderr() -> None:
    done = run("-s", "prod", "--config", "models[0].pool=h100")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "hearth:models[0].pool" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refused_stack_is_json_where_json_was_asked_for() -> None:
    done = run("-s", "prod", "--json", "--config", "models[0].pool=h100")
    assert done.exit_code == 1
    problem = json.loads(done.stdout)["problems"][0]
    assert set(problem) == {"key", "value", "why", "remedy", "line"}
    assert problem["key"] == "hearth:models[0].pool"


def test_an_unknown_stack_names_those_that_exist() -> None:
    done = run("-s", "production")
    assert done.exit_code == 1
    assert "dev, prod, small" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("-s", "prod", "--jason"), ("-s", "prod", "-C", "/nowhere")])
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.programs
def test_a_plan_needs_no_home_and_leaves_no_file(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    command = [sys.executable, "-m", "hearth", "plan", "-s", "dev", "-C", str(tmp_path)]
    environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(tmp_path / "none")}
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["Pulumi.dev.yaml", "Pulumi.yaml"]


@pytest.mark.programs
def test_the_command_line_imports_nothing_slow() -> None:
    program = "import sys, hearth.cli; print({'grpc', 'kubernetes', 'pulumi', 'pydantic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "row",
    [
        r"dev +target docker, namespace hearth-dev, http://localhost:3000",
        r"engine +DOCKER_HOST, or unix:///var/run/docker.sock",
        r"port +127.0.0.1:3000 +web-ui",
        r"volume +hearth-ollama-\w+ +shared by all stacks, kept",
        r"volume +hearth-dev-web-ui-files +destroyed",
        r"llama3.2:1b +http://ollama:11434",
    ],
)
def test_the_text_of_a_docker_stack_shows(docker_text: str, row: str) -> None:
    assert re.search(row, docker_text)


@pytest.fixture(scope="module")
def docker_text() -> str:
    return run("-s", "dev").stdout


def test_a_docker_stack_is_told_as_data() -> None:
    document = json.loads(run("-s", "dev", "--json", "--config", "storage={hostPath: /srv/hearth}").stdout)
    assert document["docker"] == {
        "host": None,
        "ports": [{"workload": "web-ui", "address": "127.0.0.1", "port": 3000}],
        "volumes": [],
        "folder": "/srv/hearth",
        "gpus": {},
    }


def test_a_docker_stack_has_no_manifests(tmp_path: Path) -> None:
    done = run("-s", "dev", "--manifests", str(tmp_path / "new"))
    assert done.exit_code == 1
    assert "python -m hearth compose -s dev" in done.stderr
    assert not (tmp_path / "new").exists()
