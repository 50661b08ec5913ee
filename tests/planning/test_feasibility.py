"""What cannot run is refused, with its arithmetic and a remedy."""

from __future__ import annotations

from typing import Any

import pytest

from hearth.problems import ConfigurationError
from tests.planning.stacks import BASE, chat, model, plan

REFUSED: list[tuple[str, dict[str, Any], str, list[str]]] = [
    (
        "heads not divisible",
        {"models": [model(tensorParallel=3)]},
        "hearth:models[0].tensorParallel",
        ["40 attention heads", "not divisible by 3", "1, 2, 4, 8"],
    ),
    (
        "more GPUs than a node has",
        {"models": [model(pool="ada", tensorParallel=8)]},
        "hearth:models[0].tensorParallel",
        ["1 x 4 = 4 GPUs", "a node of pool ada has 4 GPUs"],
    ),
    (
        "pool too small",
        {"models": [model(tensorParallel=8, replicas=3)]},
        "hearth:models[0].pool",
        ["2 x 8 = 16 GPUs", "asked for are 24", "add nodes"],
    ),
    (
        "no node with enough GPUs together",
        {"models": [model(source="acme/x", weightsGib=60, attentionHeads=40, tensorParallel=5, replicas=3)]},
        "hearth:models[0].pool",
        ["gpu-01 3", "on one node"],
    ),
    (
        "Ollama has no GPU left",
        {"models": [model(pool="ada", tensorParallel=4)], "ollama": {"models": ["gemma3:4b"], "pool": "ada"}},
        "hearth:ollama.pool",
        ["asked for are 5", "ollama cannot be placed"],
    ),
    (
        "unknown model",
        {"models": [model(source="acme/secret-70b")]},
        "hearth:models[0].source",
        ["catalog", "weightsGib"],
    ),
    (
        "context beyond the model",
        {"models": [model(contextLength=200_000)]},
        "hearth:models[0].contextLength",
        ["at most 40960"],
    ),
    (
        "weights larger than the GPUs",
        {"models": [model(source="deepseek-ai/DeepSeek-R1", tensorParallel=8)]},
        "hearth:models[0].tensorParallel",
        ["of the 79.1 GiB of a H100-80GB", "weights take 80.", "before any KV cache", "larger GPUs"],
    ),
    (
        "context larger than the memory that is left",
        {"models": [model(contextLength=40_960)]},
        "hearth:models[0].contextLength",
        ["a request of 40,960 tokens needs 10.00", "contextLength: ", "(the longest that fits)"],
    ),
    (
        "engine too old",
        {"engines": {"vllm": {"image": "vllm/vllm-openai:v0.7.3"}}},
        "hearth:engines.vllm.image",
        ["vLLM 0.7.3 is older than 0.8.0", "use vllm 0.8.0 to "],
    ),
    (
        "unknown Ollama tag",
        {"ollama": {"models": ["acme-chat:9b"]}},
        "hearth:ollama.models[0]",
        ["size of this tag", "memoryGib"],
    ),
    (
        "CPU nodes too small",
        {"cpuNodes": {"count": 1, "cpus": 2, "memoryGib": 2}},
        "hearth:cpuNodes",
        ["on one node", "1 nodes have 2 GiB"],
    ),
    (
        "workers that no node can hold",
        {"webUi": chat(workers=64, redis={})},
        "hearth:cpuNodes",
        ["web-ui needs 80.5 GiB"],
    ),
]


@pytest.mark.parametrize(("changes", "key", "words"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_is_refused(changes: dict[str, Any], key: str, words: list[str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        plan(**changes)
    assert [problem.key for problem in refused.value.problems] == [key]
    assert [word for word in words if word not in str(refused.value)] == []


def test_all_problems_are_found_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        plan(models=[model(tensorParallel=3), model(name="b", source="acme/x"), model(name="c", engine="vlm")])
    assert {p.key for p in refused.value.problems} == {
        "hearth:models[0].tensorParallel",
        "hearth:models[1].source",
        "hearth:models[2].engine",
    }


def test_a_wrong_pool_makes_no_follow_up_problems() -> None:
    pools = [{**BASE["gpuNodePools"][0], "gpusPerNode": "eight"}]
    with pytest.raises(ConfigurationError) as refused:
        plan(gpuNodePools=pools, models=[model(tensorParallel=8)])
    assert [p.key for p in refused.value.problems] == ["hearth:gpuNodePools[0].gpusPerNode"]


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("a model outside the catalog with its size", {"models": [model(source="acme/x", weightsGib=30)]}),
    ("scaled positions", {"models": [model(contextLength=45_000, tensorParallel=2, engineArgs=["--hf-overrides={}"])]}),
    ("exactly full", {"models": [model(tensorParallel=8, replicas=2)]}),
    ("an unknown tag with its sizes", {"ollama": {"models": ["acme-chat:9b"], "memoryGib": 8, "volumeGib": 20}}),
    ("an image without a version in its tag", {"engines": {"vllm": {"image": "registry.local/vllm-openai:office-7"}}}),
]


@pytest.mark.parametrize("changes", [a[1] for a in ACCEPTED], ids=[a[0] for a in ACCEPTED])
def test_is_accepted(changes: dict[str, Any]) -> None:
    assert plan(**changes).workloads
