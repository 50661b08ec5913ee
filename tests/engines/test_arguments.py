"""What each engine is started with, at each version."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from hearth.engines import sglang, vllm
from hearth.engines.flags import engine_table, versions
from hearth.engines.serving import Request, Serving
from tests.engines.rendered import ENGINES, checked_versions, not_understood, option, pinned

REQUEST = Request(source="Qwen/QwQ-32B", served_name="qwq", tensor_parallel=4, context_length=32768)
EVERYTHING: dict[str, Any] = {
    "pipeline_parallel": 2,
    "data_parallel": 2,
    "expert_parallel": True,
    "gpu_memory_utilization": 0.85,
    "quantization": "fp8",
    "max_num_seqs": 64,
    "max_num_batched_tokens": 4096,
    "prefix_caching": False,
    "sleep_mode": True,
    "adapters": ("legal", "tax"),
    "adapter_rank": 32,
    "chat_template": "/etc/hearth/chat_template.jinja",
}
"""Every option on, but those whose values have other names on each engine."""
NAMES: dict[str, dict[str, Any]] = {
    "vllm": {"kv_cache_dtype": "fp8", "reasoning_parser": "deepseek_r1", "tool_call_parser": "hermes"},
    "sglang": {"kv_cache_dtype": "fp8_e5m2", "reasoning_parser": "deepseek-r1", "tool_call_parser": "qwen25"},
}
BOTH = pytest.mark.parametrize("engine", ENGINES)
VERSIONS = pytest.mark.parametrize(
    ("engine", "version"), [(engine, version) for engine in ENGINES for version in checked_versions(engine)]
)


def serve(engine: str, version: str = "", **changes: Any) -> Serving:
    module = {"vllm": vllm, "sglang": sglang}[engine]
    return module.serve(dataclasses.replace(REQUEST, **changes), engine_table(engine, version or pinned(engine)))


def everything(engine: str, version: str = "") -> Serving:
    return serve(engine, version, **EVERYTHING, **NAMES[engine])


def unsupported(serving: Serving) -> set[str]:
    return {found.setting for found in serving.unsupported}


@BOTH
def test_every_version_understands_the_least_that_it_is_told(engine: str) -> None:
    wrong = {v: [*not_understood(serve(engine, v).args, engine_table(engine, v))] for v in versions(engine)}
    assert not {version: found for version, found in wrong.items() if found}


@BOTH
def test_every_version_understands_the_most_that_it_is_told(engine: str) -> None:
    wrong = {v: [*not_understood(everything(engine, v).args, engine_table(engine, v))] for v in versions(engine)}
    assert not {version: found for version, found in wrong.items() if found}


@BOTH
def test_every_version_has_what_a_server_cannot_do_without(engine: str) -> None:
    assert not {v for v in versions(engine) if "" in unsupported(everything(engine, v)) or serve(engine, v).unsupported}


@pytest.mark.parametrize(
    ("engine", "version", "settings"),
    [
        ("vllm", "0.8.0", {"dataParallel"}),
        ("vllm", "0.8.3", set[str]()),
        (
            "sglang",
            "0.4.0",
            {
                "adapterRank",
                "adapters",
                "expertParallel",
                "pipelineParallel",
                "reasoningParser",
                "sleepMode",
                "toolCallParser",
            },
        ),
        ("sglang", "0.5.3", {"adapters"}),
        ("sglang", "0.5.4", set[str]()),
    ],
)
def test_old_versions_lack(engine: str, version: str, settings: set[str]) -> None:
    assert unsupported(everything(engine, version)) == settings


@pytest.mark.parametrize(
    ("engine", "changes", "setting", "remedy"),
    [
        ("sglang", {"kv_cache_dtype": "fp8"}, "kvCacheDtype", "fp8"),
        ("vllm", {"quantization": "awq4"}, "quantization", "write awq"),
        ("vllm", {"adapters": ("legal",), "adapter_rank": 24}, "adapterRank", "8, 16, 32"),
        ("sglang", {"reasoning_parser": "deepseek_r1"}, "reasoningParser", "write deepseek-r1"),
    ],
)
def test_a_value_that_the_version_does_not_take_is_reported(
    engine: str, changes: dict[str, Any], setting: str, remedy: str
) -> None:
    [found] = serve(engine, **changes).unsupported
    assert found.setting == setting
    assert remedy in found.remedy


def test_what_is_missing_says_since_when_it_is_there() -> None:
    [found] = serve("vllm", "0.8.0", data_parallel=2).unsupported
    assert found.why == "--data-parallel-size came with vLLM 0.8.3"


@VERSIONS
def test_listens_on_every_address(engine: str, version: str) -> None:
    assert option(serve(engine, version).args, "host") == "0.0.0.0"


@VERSIONS
def test_names_the_model_as_asked(engine: str, version: str) -> None:
    assert option(serve(engine, version).args, "served-model-name") == "qwq"


@VERSIONS
def test_uses_all_gpus_of_the_replica(engine: str, version: str) -> None:
    assert option(serve(engine, version).args, "tensor-parallel-size") == "4"


@VERSIONS
def test_never_calls_a_hub(engine: str, version: str) -> None:
    assert serve(engine, version).env["HF_HUB_OFFLINE"] == "1"


@VERSIONS
def test_no_parser_unless_the_model_has_one(engine: str, version: str) -> None:
    assert not [a for a in serve(engine, version).args if "parser" in a or "auto-tool" in a or "reasoning" in a]


@VERSIONS
def test_leaves_to_the_engine_what_nobody_decides(engine: str, version: str) -> None:
    named = ("memory", "mem-", "dtype", "quant", "seqs", "requests", "batched", "prefill", "lora", "template")
    assert not [a for a in serve(engine, version).args if any(word in a for word in named)]


@VERSIONS
def test_passes_further_arguments_last(engine: str, version: str) -> None:
    assert serve(engine, version, extra=("--seed=1",)).args[-1] == "--seed=1"


@VERSIONS
def test_grace_exceeds_the_drain(engine: str, version: str) -> None:
    drain = serve(engine, version).drain
    assert drain.grace_seconds > drain.endpoint_seconds + drain.engine_seconds


@BOTH
def test_probes_use_paths_that_the_version_has(engine: str) -> None:
    for version in versions(engine):
        serving, table = serve(engine, version), engine_table(engine, version)
        assert {serving.alive_path, serving.ready_path} <= table.paths


@BOTH
def test_metrics_have_the_names_of_the_version(engine: str) -> None:
    for version in versions(engine):
        metrics = dataclasses.astuple(serve(engine, version).metrics)
        assert set(metrics) <= engine_table(engine, version).metrics, version


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("0.8.0", "vllm:gpu_cache_usage_perc"),
        ("0.9.1", "vllm:gpu_cache_usage_perc"),
        ("0.9.2", "vllm:kv_cache_usage_perc"),
    ],
)
def test_the_use_of_vllms_kv_cache_has_the_name_of_the_version(version: str, name: str) -> None:
    assert serve("vllm", version).metrics.kv_cache_usage == name


@BOTH
def test_lora_adapters_are_read_from_their_mounts(engine: str) -> None:
    args = serve(engine, adapters=("legal", "tax")).args
    assert {"legal=/adapters/legal", "tax=/adapters/tax"} <= set(args)


@pytest.mark.parametrize(("engine", "name"), [("vllm", "legal"), ("sglang", "qwq:legal")])
def test_requests_choose_an_adapter_by_the_name_that_the_engine_knows(engine: str, name: str) -> None:
    assert serve(engine, adapters=("legal",)).adapters == (name,)
