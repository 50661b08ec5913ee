"""A step that fails, on a real engine: nothing comes after it, and the next deployment runs it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components.foundations.docker import prepare_docker
from components.ollama import OllamaTier, OllamaTierArgs
from hearth.containers.attempts import failed_before
from hearth.planning.plan import OllamaPlan
from hearth.rehearsal.docker.engine import Engine
from tests.containers.stacks import plan
from tests.rehearsal.docker.conftest import Deploy

pytestmark = pytest.mark.docker

ONCE_MORE = 'test -e /models/seen || { touch /models/seen; echo "the line is down"; exit 3; }'
"""Fails the first time."""


def light_models(command: str) -> OllamaPlan:
    """Those of a small stack, with another way of pulling them."""
    wanted = plan().ollama
    assert wanted
    container = replace(wanted.pull.container, command=("sh", "-c", command), args=())
    return replace(wanted, pull=replace(wanted.pull, container=container))


def declare(host: str, command: str, attempts: Mapping[str, str]) -> None:
    planned = replace(plan(docker={"host": host}), ollama=light_models(command))
    assert planned.docker and planned.ollama
    parent = pulumi.ComponentResource("test:index:Parent", "parent")
    ground = prepare_docker("chat", planned, planned.docker, parent, attempts)
    OllamaTier("chat-ollama", OllamaTierArgs(planned.ollama, ground.runtime), ground.tier)


def names(client: Any) -> set[str]:
    return {name.removeprefix("/hearth-test-") for c in client.containers(all=True) for name in c["Names"]}


def test_a_failed_step_is_told_and_run_again(deploy: Deploy, client: Any, docker: Engine) -> None:
    engine = deploy(lambda: declare(docker.host, ONCE_MORE, failed_before(docker.host, "test"))).engine
    first = engine.up()
    assert not first.succeeded
    assert "hearth-test-ollama-pull" in str(first.errors) and "the line is down" in str(first.errors)
    assert names(client) == {"ollama-pull-prepare", "ollama-pull"}
    assert engine.up().succeeded
    assert names(client) == {"ollama-pull-prepare", "ollama-pull", "ollama"}
    third = engine.up()
    assert third.succeeded and set(third.changes) == {"same"}
