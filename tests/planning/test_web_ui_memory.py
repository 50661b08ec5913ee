"""The web tier's memory against what was measured."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hearth.evaluation import evaluate
from hearth.settings.loading import load_config
from tests.planning.stacks import chat, config, plan

MEASURED_MIB: Mapping[int, float] = {1: 1244, 2: 2007, 4: 3433}
"""Sum of PSS of a replica by its workers, under the load of bench/web_tier.py.

Of open-webui 0.12.4 with torch 2.15.0, both from PyPI; the image has torch's build for CPUs, which is smaller.
"""

DOCUMENT_MIB = 133
"""What a worker takes more while it reads a PDF of 600 pages, or 11 MB of text."""


def limit_gib(workers: int, **settings: float) -> float:
    server = plan(webUi=chat(workers=workers, redis={}, **settings)).web_ui.server
    return server.container.resources.memory_gib


@pytest.mark.parametrize("workers", MEASURED_MIB)
def test_the_limit_has_room_for_a_long_document_in_every_worker(workers: int) -> None:
    assert limit_gib(workers) * 1024 > MEASURED_MIB[workers] + workers * DOCUMENT_MIB


@pytest.mark.parametrize("workers", MEASURED_MIB)
def test_memory_is_not_wasted(workers: int) -> None:
    assert limit_gib(workers) * 1024 < MEASURED_MIB[workers] * 1.75


def test_each_worker_adds_what_the_stack_says() -> None:
    assert limit_gib(3, memoryGibPerWorker=2) - limit_gib(2, memoryGibPerWorker=2) == 2


def test_what_workers_share_counts_once() -> None:
    assert 2 * limit_gib(1) - limit_gib(2) == 0.5


def test_requests_and_limits_are_rendered_alike() -> None:
    evaluation = evaluate(load_config(config(webUi=chat(workers=2, redis={})), "test"))
    objects = [resource.inputs for resource in evaluation.kubernetes_objects()]
    (server,) = [found for found in objects if found["kind"] == "Deployment" and found["metadata"]["name"] == "web-ui"]
    (container,) = server["spec"]["template"]["spec"]["containers"]
    memory = {kind: values["memory"] for kind, values in container["resources"].items()}
    assert memory == {"requests": "3Gi", "limits": "3Gi"}
