"""What a change of the stack file changes in the stack: as little as possible."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from hearth.evaluation import evaluate
from hearth.settings.loading import load_config
from tests.planning.stacks import chat, config, model

BEFORE = {"webUi": chat(redis={}), "ollama": {"models": ["llama3.2:1b"]}}


def resources(**changes: Any) -> Mapping[str, str]:
    """Inputs of every resource of the stack, as text, by URN."""
    loaded = load_config(config(**BEFORE, **changes), "test")
    return {r.urn: json.dumps(r.inputs, sort_keys=True) for r in evaluate(loaded).resources}


@pytest.fixture(scope="module")
def before() -> Mapping[str, str]:
    return resources()


@pytest.fixture(scope="module")
def with_another_model() -> Mapping[str, str]:
    return resources(models=[model(), model(name="another")])


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Type and name of each resource that is in both with different inputs."""
    return {"::".join(urn.split("::")[-2:]) for urn in before if urn in after and before[urn] != after[urn]}


def test_the_same_stack_changes_nothing(before: Mapping[str, str]) -> None:
    assert changed(before, resources()) == set()


def test_another_model_removes_nothing(before: Mapping[str, str], with_another_model: Mapping[str, str]) -> None:
    assert before.keys() <= with_another_model.keys()


def test_another_model_adds_only_its_own_resources(
    before: Mapping[str, str], with_another_model: Mapping[str, str]
) -> None:
    added = with_another_model.keys() - before.keys()
    assert added and all("another" in urn.rpartition("::")[2] for urn in added)


def test_another_model_changes_only_the_web_ui(
    before: Mapping[str, str], with_another_model: Mapping[str, str]
) -> None:
    found = changed(before, with_another_model)
    assert found and all(name.endswith("::chat-web-ui") for name in found)


def test_another_model_on_a_mixed_pool_restarts_none_of_its_neighbours() -> None:
    neighbours = [model(tensorParallel=4), model(name="small")]
    found = changed(resources(models=neighbours), resources(models=[*neighbours, model(name="another")]))
    assert found and all(name.endswith("::chat-web-ui") for name in found)


def test_a_longer_context_changes_only_its_own_server(before: Mapping[str, str]) -> None:
    after = resources(models=[model(contextLength=16384)])
    assert {name.rpartition(":")[2] for name in changed(before, after)} == {"chat-qwq"}
