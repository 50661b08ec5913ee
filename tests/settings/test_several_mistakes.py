"""All mistakes of a stack file are found at once, without follow-up errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import yaml

from hearth.problems import Problem
from hearth.settings.loading import LoadedStack, unaffected

Load = Callable[..., LoadedStack]

CASES: Mapping[str, tuple[str, set[str]]] = {
    "of structure and across settings": (
        """
        models[0].tensorParallel: eight
        models[1].pool: adda
        webUi.colour: blue
        webUi.database.engine: sqlite
        timeZone: Mars/Olympus
        loadBalancer.addressPool: [nowhere]
        """,
        {
            "hearth:models[0].tensorParallel",
            "hearth:models[1].pool",
            "hearth:webUi.colour",
            "hearth:webUi.database.engine",
            "hearth:timeZone",
            "hearth:loadBalancer.addressPool[0]",
        },
    ),
    "in two keys of one model": (
        "models[0].contextLength: long\nmodels[0].pool: h100",
        {"hearth:models[0].contextLength", "hearth:models[0].pool"},
    ),
    "in a section within a wrong section": (
        "webUi: {admin: 5, replica: 2}",
        {"hearth:webUi.admin", "hearth:webUi.replica"},
    ),
    "a wrong target hides what rests on it": ("target: swarm\ncluster: {}", {"hearth:target"}),
    "a misspelt section hides what misses it": ("storage: {nsf: {}}", {"hearth:storage.nsf"}),
    "a wrong pool hides that nobody finds it": (
        "gpuNodePools[0].name: H200!\nmodels[1].name: ollama",
        {"hearth:gpuNodePools[0].name", "hearth:models[1].name"},
    ),
    "a wrong list hides that it lacks entries": ("gpuNodePools: h200", {"hearth:gpuNodePools"}),
    "a wrong list of tags hides the embedding model": (
        "ollama.models: 5\nwebUi.embeddingModel: nomic-embed-text",
        {"hearth:ollama.models"},
    ),
    "a wrong number of replicas hides that Redis is missing": (
        "webUi.replicas: many\nwebUi.redis: null",
        {"hearth:webUi.replicas"},
    ),
    "a wrong range hides that a fixed address is outside": (
        "loadBalancer.addressPool: [nowhere]\nwebUi.exposure.address: 10.0.0.1",
        {"hearth:loadBalancer.addressPool[0]"},
    ),
}


@pytest.mark.parametrize(("changes", "keys"), [pytest.param(*case, id=name) for name, case in CASES.items()])
def test_every_mistake_is_reported_once(changes: str, keys: set[str], load_changed: Load) -> None:
    loaded = load_changed(yaml.safe_load(changes))

    assert sorted(problem.key for problem in loaded.problems) == sorted(keys)


def test_the_rest_of_a_wrong_file_is_understood(load_changed: Load) -> None:
    settings = load_changed({"models[0].contextLength": "long", "webUi.colour": "blue"}).settings

    assert settings is not None
    assert [model.name for model in settings.models] == ["deepseek-r1", "qwq-32b"]


def test_a_stand_in_never_takes_a_name_that_is_in_use(load_changed: Load) -> None:
    settings = load_changed({"gpuNodePools[1].name": 5}).settings

    assert settings is not None
    assert len({pool.name for pool in settings.gpu_node_pools}) == 2


@pytest.mark.parametrize(
    ("path", "depends_on", "kept"),
    [
        pytest.param(("webUi", "redis"), (), True, id="beside"),
        pytest.param(("models", 1), (), True, id="another entry"),
        pytest.param(("models", 0, "pool"), (), True, id="another key of the entry"),
        pytest.param(("models", 0, "contextLength"), (), False, id="itself"),
        pytest.param(("models", 0), (), False, id="what contains it"),
        pytest.param(("quota",), (("models", 0),), False, id="depends on what contains it"),
        pytest.param(("quota",), (("models", 1),), True, id="depends on another entry"),
    ],
)
def test_findings_that_rest_on_a_pruned_part_are_left_out(
    path: tuple[str | int, ...], depends_on: tuple[tuple[str | int, ...], ...], kept: bool
) -> None:
    finding = Problem(path, None, "why", "remedy", depends_on)

    assert (unaffected([finding], [("models", 0, "contextLength")]) == [finding]) is kept
