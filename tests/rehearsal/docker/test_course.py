"""A Docker stack rehearsed from preview to destroy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from hearth.catalog.versions import images as catalog_images
from hearth.containers import images
from hearth.planning.stack import make_plan
from hearth.rehearsal.causes import settings_behind
from hearth.rehearsal.docker.course import rehearse
from hearth.rehearsal.docker.images import StandIn, ensure_images, stand_in
from hearth.settings.loading import load_stack
from tests.conftest import ROOT
from tests.live import packages
from tests.rehearsal.docker.open_webui import real_open_webui

pytestmark = pytest.mark.docker


def command(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "hearth", "rehearse", *arguments]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **(env or {})})


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    done = command("-s", "dev", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_dev_stack_becomes_healthy(report: dict[str, Any]) -> None:
    states = {container["workload"]: container["state"] for container in report["containers"]}
    assert states == {"ollama-pull": "completed", "ollama": "healthy", "web-ui": "healthy"}


def test_port_of_the_web_ui_answers(report: dict[str, Any]) -> None:
    (port,) = report["ports"]
    assert (port["address"], port["port"], port["answer"]) == ("127.0.0.1", 3000, "HTTP 200")


def test_second_up_changes_nothing(report: dict[str, Any]) -> None:
    (phase,) = [phase for phase in report["phases"] if phase["name"] == "second up"]
    assert [*phase["changes"]] == ["same"]


def test_destroy_leaves_nothing_but_the_cache(report: dict[str, Any]) -> None:
    (kept,) = report["kept"]
    assert kept.startswith("hearth-ollama-")


def test_weights_reach_a_model_on_a_gpu() -> None:
    """The real scripts fetch and check weights of a hub that stands in; the GPU is left out."""
    pool = {"name": "local", "gpu": "RTX4090-24GB", "gpusPerNode": 1}
    model = {"name": "qwen3-8b", "source": "Qwen/Qwen3-8B", "engine": "vllm", "pool": "local", "contextLength": 8192}
    overrides = {
        "cpuNodes": {"cpus": 16, "memoryGib": 64},
        "gpuNodePools": [pool],
        "models": [model],
        "docker": {"publish": {"web-ui": 3000, "qwen3-8b": 8000}},
    }
    loaded = load_stack(ROOT, "dev", [f"{key}={json.dumps(value)}" for key, value in overrides.items()])
    report = rehearse(loaded, make_plan(loaded), 300, lambda line: None)
    assert report.succeeded, report
    assert [port.answer for port in report.ports] == ["HTTP 200", "HTTP 200"]


@pytest.fixture(scope="module")
def open_webui() -> Mapping[str, StandIn]:
    """The real one, made before a test's time counts."""
    image = catalog_images()["openWebUi"]
    plan = make_plan(load_stack(ROOT, "dev"))
    real = {image: real_open_webui()}
    ensure_images({**{name: stand_in(name) for name in images(plan)}, **real}, lambda line: None)
    return real


@pytest.mark.live
@pytest.mark.skipif(packages.left_out() is not None, reason=str(packages.left_out()))
def test_real_open_webui_becomes_healthy(open_webui: Mapping[str, StandIn]) -> None:
    loaded = load_stack(ROOT, "dev")
    report = rehearse(loaded, make_plan(loaded), 500, lambda line: None, stand_ins=open_webui)
    assert report.succeeded, report
    assert [port.answer for port in report.ports] == ["HTTP 200"]


def test_options_of_clusters_are_refused() -> None:
    done = command("-s", "dev", "--keep", "--without-node", "a")
    assert done.returncode == 2
    assert "only for stacks on clusters" in " ".join(done.stderr.split())


def test_port_that_is_taken_leads_to_its_setting() -> None:
    loaded = load_stack(ROOT, "dev")
    assert loaded.settings is not None
    message = "Bind for 127.0.0.1:3000 failed: port is already allocated"
    found = settings_behind("Container", "chat-web-ui", message, make_plan(loaded), loaded.settings)
    assert found == ("hearth:docker.publish.web-ui", "hearth:webUi")
