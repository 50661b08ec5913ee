"""A model that its engine would not serve as asked is refused, with the setting, the reason and what to write."""

from __future__ import annotations

from typing import Any

import pytest

from hearth.problems import ConfigurationError, Problem
from tests.planning.stacks import BASE, model, plan

HYBRID = {"source": "Qwen/Qwen3-Next-80B-A3B-Instruct", "tensorParallel": 2}
LEGAL = {"name": "legal", "source": "acme/legal-lora"}
LATENT = {"source": "deepseek-ai/DeepSeek-R1", "tensorParallel": 8}
LARGE = [{**BASE["gpuNodePools"][0], "gpusPerNode": 128}]
A100 = [{**BASE["gpuNodePools"][0], "gpu": "A100-80GB"}]


def problems(**changes: Any) -> list[Problem]:
    with pytest.raises(ConfigurationError) as refused:
        plan(**changes)
    return list(refused.value.problems)


def problem(**changes: Any) -> Problem:
    [found] = problems(**changes)
    return found


def vllm(version: str, **changes: Any) -> dict[str, Any]:
    return {"engines": {"vllm": {"image": f"vllm/vllm-openai:v{version}"}}, "models": [model(**changes)]}


def sglang(version: str, **changes: Any) -> dict[str, Any]:
    image = {"image": f"lmsysorg/sglang:v{version}"}
    return {"engines": {"sglang": image}, "models": [model(engine="sglang", **changes)]}


def only(**changes: Any) -> dict[str, Any]:
    return {"models": [model(**changes)]}


CASES: list[tuple[str, dict[str, Any], str, str, str]] = [
    # parallel sizes
    ("KV heads", only(tensorParallel=5), "tensorParallel", "8 KV heads can be neither", "1, 2, 4, 8"),
    ("stages", {"gpuNodePools": LARGE, **only(pipelineParallel=80)}, "pipelineParallel", "has 64 layers", "at most 64"),
    ("stages x copies", only(pipelineParallel=3, dataParallel=4), "dataParallel", "1 x 12 GPUs", "pipelineParallel or"),
    ("experts of none", only(expertParallel=True), "expertParallel", "has no experts", "remove it"),
    (
        "heads outside the catalog",
        only(source="acme/x", weightsGib=20, attentionHeads=40, tensorParallel=3),
        "tensorParallel",
        "40 attention heads",
        "choose one of 1, 2, 4, 8",
    ),
    # KV cache types
    ("no type at all", only(kvCacheDtype="fp9"), "kvCacheDtype", "whose size Hearth knows", "fp8_e4m3"),
    ("type of the other engine", sglang("0.5.21", kvCacheDtype="fp8"), "kvCacheDtype", "sglang 0.5.21", "fp8_e4m3"),
    ("type to come", vllm("0.19.1", kvCacheDtype="nvfp4"), "kvCacheDtype", "came with 0.20", "use one of auto"),
    (
        "GPU without FP8",
        {"gpuNodePools": A100, "models": [model(kvCacheDtype="fp8")]},
        "kvCacheDtype",
        "compute capability",
        "use auto",
    ),
    (
        "type for other attention",
        {"gpuNodePools": [{**BASE["gpuNodePools"][0], "gpu": "H200-141GB"}], **only(**LATENT, kvCacheDtype="fp8_e5m2")},
        "kvCacheDtype",
        "latent attention (MLA) does not take it",
        "use auto",
    ),
    (
        "type outside the catalog",
        only(source="acme/x", weightsGib=10, kvCacheDtype="fp9"),
        "kvCacheDtype",
        "takes no 'fp9' in vLLM 0.33.0",
        "write fp8",
    ),
    # other values
    ("no such quantisation", only(quantization="awq5"), "quantization", "takes no 'awq5'", "write awq"),
    ("rank that is none", only(adapters=[LEGAL], adapterRank=24), "adapterRank", "takes no '24'", "8, 16, 32"),
    (
        "parser of the other engine",
        only(reasoningParser="deepseek-r1"),
        "reasoningParser",
        "vLLM 0.33.0",
        "deepseek_r1",
    ),
    (
        "parser of SGLang",
        sglang("0.5.21", toolCallParser="deepseek_v3"),
        "toolCallParser",
        "SGLang 0.5.21 has no such parser",
        "deepseekv3",
    ),
    (
        "parser to come",
        vllm("0.8.5", reasoningParser="qwen3"),
        "reasoningParser",
        "no such parser",
        "catalog's is used",
    ),
    # settings that a version has no flag for
    ("copies to come", vllm("0.8.0", dataParallel=2), "dataParallel", "came with vLLM 0.8.3", "another version"),
    ("sleep to come", sglang("0.4.0", sleepMode=True), "sleepMode", "came with SGLang 0.4.1.post6", "another version"),
    (
        "adapters to come",
        sglang("0.5.3", adapters=[LEGAL], tensorParallel=2),
        "adapters",
        "no names for adapters",
        "0.5.4 or newer",
    ),
    # arguments
    ("no such flag", only(engineArgs=["--sed=1"]), "engineArgs[0]", "has no flag --sed", "did you mean --seed"),
    ("flag that left", only(engineArgs=["--swap-space=4"]), "engineArgs[0]", "left vLLM in 0.18.0", "remove"),
    (
        "flag that was replaced",
        only(engineArgs=["--guided-decoding-backend=xgrammar"]),
        "engineArgs[0]",
        "--guided-decoding-backend left vLLM in 0.11.0",
        "write --structured-outputs-config.backend=NAME",
    ),
    (
        "flag to come",
        vllm("0.9.2", engineArgs=["--async-scheduling"]),
        "engineArgs[0]",
        "came with vLLM 0.10.0",
        "use vLLM 0.10.0 or newer",
    ),
    (
        "flag that SGLang replaced",
        sglang("0.5.21", engineArgs=["--enable-deepep-moe"]),
        "engineArgs[0]",
        "left SGLang in 0.5.3",
        "--moe-a2a-backend",
    ),
    ("value that is none", only(engineArgs=["--load-format=zip"]), "engineArgs[0]", "takes no 'zip'", "safetensors"),
    ("value in the same word", only(engineArgs=["--seed 1"]), "engineArgs[0]", "space included", "write --seed=1"),
    ("argument of the other engine", only(engineArgs=["--disable-overlap-schedule"]), "engineArgs[0]", "no flag", "--"),
    # context
    ("context of none", only(contextLength=50_000), "contextLength", "at most 40960", "--hf-overrides={...}"),
    (
        "context of SGLang",
        sglang("0.5.21", contextLength=50_000, tensorParallel=2),
        "contextLength",
        "at most 40960",
        "--json-model-override-args={...}",
    ),
    (
        "longest of a model of unknown shape",
        only(source="acme/x", weightsGib=10, contextLength="auto"),
        "contextLength",
        "does not know the shape of acme/x",
        "catalog add acme/x, or give a number",
    ),
    (
        "longest of what does not fit at all",
        only(contextLength="auto", pool="ada"),
        "contextLength",
        "before any KV cache",
        "tensorParallel: 4 (takes 4 GPUs)",
    ),
    (
        "longest of too many users",
        only(contextLength="auto", concurrentUsers=1_000_000),
        "contextLength",
        "1000000 requests of",
        "fewer concurrentUsers",
    ),
]


@pytest.mark.parametrize(("changes", "key", "why", "remedy"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_is_refused(changes: dict[str, Any], key: str, why: str, remedy: str) -> None:
    found = problem(**changes)
    assert found.key == f"hearth:models[0].{key}"
    assert why in found.why
    assert remedy in found.remedy


def test_an_unknown_model_without_a_size_is_one_problem() -> None:
    found = problem(**only(source="acme/x", contextLength="auto"))
    assert found.key == "hearth:models[0].source"
    assert "python -m hearth catalog add acme/x" in found.remedy


@pytest.mark.parametrize(
    ("version", "why"), [("0.7.3", "is older than 0.8.0"), ("0.99.0", "is newer than"), ("2025.11", "is newer than")]
)
def test_an_image_beyond_the_tables_is_refused(version: str, why: str) -> None:
    found = problem(**vllm(version))
    assert found.key == "hearth:engines.vllm.image"
    assert why in found.why
    assert "use vllm 0.8.0 to " in found.remedy


def test_an_image_of_an_engine_that_no_model_uses_is_nobodys_problem() -> None:
    assert plan(engines={"sglang": {"image": "lmsysorg/sglang:v0.3.0"}}).models


@pytest.mark.parametrize("argument", ["--port 80", "--max_num_seqs=3", "--no-enable-prefix-caching", "-tp=2"])
def test_an_argument_that_hearth_sets_is_one_problem(argument: str) -> None:
    found = problem(**only(engineArgs=[argument]))
    assert "Hearth sets" in found.why


@pytest.mark.parametrize(
    ("changes", "remedies"),
    [
        ({"contextLength": 40_960}, ["contextLength: ", "kvCacheDtype: fp8 ", "tensorParallel: 2 "]),
        ({"contextLength": 16_384, "concurrentUsers": 8}, ["contextLength: ", "concurrentUsers: 1 "]),
        ({"contextLength": 16_384, "engine": "sglang"}, ["contextLength: ", "kvCacheDtype: fp8_e4m3 "]),
        ({"contextLength": 8192, "gpuMemoryUtilization": 0.8}, ["gpuMemoryUtilization: 0.95 ", "tensorParallel: 2 "]),
    ],
)
def test_a_model_that_does_not_fit_is_told_what_would(changes: dict[str, Any], remedies: list[str]) -> None:
    found = problem(**only(**changes))
    assert [remedy for remedy in remedies if remedy not in found.remedy] == []


@pytest.mark.parametrize("words", ["79.1 GiB of a H100-80GB", "weights take 61.0", "40,960 tokens needs 10.00"])
def test_a_model_that_does_not_fit_is_shown_the_arithmetic(words: str) -> None:
    assert words in problem(**only(contextLength=40_960)).why


@pytest.mark.parametrize(
    "changes",
    [
        {"contextLength": 40_960},
        {"contextLength": 16_384, "concurrentUsers": 8},
        {"contextLength": 16_384, "engine": "sglang"},
        {"contextLength": "auto", "pool": "ada"},
        {**HYBRID, "contextLength": 65_536},
    ],
)
def test_every_remedy_works(changes: dict[str, Any]) -> None:
    for remedy in problem(**only(**changes)).remedy.split("; or "):
        key, _, value = remedy.partition(" (")[0].partition(": ")
        given = int(value) if value.isdigit() else float(value) if value.startswith("0.") else value
        assert plan(**only(**{**changes, key: given})).models, remedy


def test_no_remedy_needs_more_gpus_than_a_node_has() -> None:
    assert "tensorParallel" not in problem(**only(**LATENT)).remedy
