"""Models as their engines are told of them: every flag is one of the version's, for the stacks of this repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hearth.catalog.models import Parsers, catalog_model, families, model_names
from hearth.engines.flags import EngineTable, engine_table, versions
from hearth.engines.serving import Serving
from hearth.planning.model_serving import serving_of
from hearth.settings.loading import load_stack
from hearth.settings.models import Model
from tests.engines.rendered import ENGINES, checked_versions, not_understood, option, pinned

ROOT = Path(__file__).parents[2]
STACKS = sorted(file.suffixes[0].removeprefix(".") for file in ROOT.glob("Pulumi.*.yaml"))
OPTIONS: dict[str, Any] = {
    "pipelineParallel": 2,
    "dataParallel": 2,
    "expertParallel": True,
    "gpuMemoryUtilization": 0.8,
    "kvCacheDtype": "fp8_e5m2",
    "quantization": "fp8",
    "maxNumSeqs": 32,
    "maxNumBatchedTokens": 4096,
    "prefixCaching": False,
    "sleepMode": True,
    "adapters": [{"name": "legal", "source": "acme/legal"}],
    "adapterRank": 32,
    "chatTemplate": "{{ messages }}",
}
TABLES = {engine: [engine_table(engine, version) for version in checked_versions(engine)] for engine in ENGINES}
SERVED = [
    pytest.param(model, table, id=f"{stack} {model.name} {table.engine} {table.version}")
    for stack in STACKS
    for settings in [load_stack(ROOT, stack).settings]
    for model in (settings.models if settings else ())
    for engine in ENGINES
    for table in TABLES[engine]
]
SOURCE_OF = {model.family: model.source for model in map(catalog_model, model_names()) if model}
FAMILIES = pytest.mark.parametrize("family", sorted(SOURCE_OF))


def model(source: str, engine: str, **changes: Any) -> Model:
    given = {"name": "m", "source": source, "engine": engine, "pool": "h100", "contextLength": 8192}
    return Model.model_validate(given | changes)


def served(model: Model, table: EngineTable, **changes: Any) -> Serving:
    """On any engine, whatever the stack chose."""
    given = model.model_dump(by_alias=True) | {"engine": table.engine} | changes
    return serving_of(Model.model_validate(given), 8192, table)


def first_known(names: tuple[str, ...], known: frozenset[str]) -> str | None:
    return next((name for name in names if name in known), None)


@pytest.mark.parametrize(("model", "table"), SERVED)
def test_the_models_of_a_stack_are_served_with_flags_of_the_version(model: Model, table: EngineTable) -> None:
    serving = served(model, table)
    assert [*not_understood(serving.args, table)] == []
    assert serving.unsupported == ()


@pytest.mark.parametrize(("model", "table"), SERVED)
def test_with_every_option_what_is_not_reported_is_a_flag_of_the_version(model: Model, table: EngineTable) -> None:
    serving = served(model, table, **OPTIONS)
    assert [*not_understood(serving.args, table)] == []
    assert {found.setting for found in serving.unsupported} <= set(OPTIONS)


@FAMILIES
@pytest.mark.parametrize("engine", ENGINES)
def test_no_version_misunderstands_what_a_family_needs(family: str, engine: str) -> None:
    asked = model(SOURCE_OF[family], engine)
    for version in versions(engine):
        table = engine_table(engine, version)
        serving = served(asked, table)
        assert ([*not_understood(serving.args, table)], serving.unsupported) == ([], ()), version


@FAMILIES
@pytest.mark.parametrize("engine", ENGINES)
def test_a_family_has_the_first_parsers_that_the_version_knows(family: str, engine: str) -> None:
    asked, parsers = model(SOURCE_OF[family], engine), families()[family].get(engine, Parsers())
    for table in TABLES[engine]:
        args = served(asked, table).args
        assert option(args, "reasoning-parser") == first_known(parsers.reasoning, table.reasoning_parsers)
        assert option(args, "tool-call-parser") == first_known(parsers.tool_call, table.tool_call_parsers)


@FAMILIES
@pytest.mark.parametrize("engine", ENGINES)
def test_the_pinned_version_knows_every_parser_of_a_family(family: str, engine: str) -> None:
    table, parsers = engine_table(engine, pinned(engine)), families()[family].get(engine, Parsers())
    assert not parsers.reasoning or first_known(parsers.reasoning, table.reasoning_parsers)
    assert not parsers.tool_call or first_known(parsers.tool_call, table.tool_call_parsers)


@pytest.mark.parametrize(
    ("source", "engine", "version", "reasoning", "tools"),
    [
        ("Qwen/QwQ-32B", "vllm", "0.8.0", "deepseek_r1", "hermes"),
        ("Qwen/Qwen3-8B", "vllm", "0.8.5", "deepseek_r1", "hermes"),
        ("Qwen/Qwen3-8B", "vllm", "0.9.0", "qwen3", "hermes"),
        ("openai/gpt-oss-20b", "vllm", "0.10.1", "GptOss", None),
        ("openai/gpt-oss-20b", "vllm", "0.33.0", "openai_gptoss", "openai"),
        ("deepseek-ai/DeepSeek-R1", "sglang", "0.4.0", None, None),
        ("deepseek-ai/DeepSeek-R1", "sglang", "0.5.21", "deepseek-r1", "deepseekv3"),
        ("Qwen/Qwen3-8B", "sglang", "0.4.6.post5", "qwen3", "qwen25"),
        ("Qwen/Qwen3-8B", "sglang", "0.5.23", "qwen3", "qwen"),
        ("meta-llama/Llama-3.1-8B-Instruct", "vllm", "0.33.0", None, "llama3_json"),
    ],
)
def test_parsers_by_version(source: str, engine: str, version: str, reasoning: str | None, tools: str | None) -> None:
    args = served(model(source, engine), engine_table(engine, version)).args
    assert (option(args, "reasoning-parser"), option(args, "tool-call-parser")) == (reasoning, tools)


def test_a_template_for_tool_calls_is_left_out_where_the_parser_is_missing() -> None:
    asked = model("deepseek-ai/DeepSeek-R1", "sglang")
    old, new = (served(asked, engine_table("sglang", version)).args for version in ("0.4.0", "0.5.21"))
    assert (option(old, "chat-template"), bool(option(new, "chat-template"))) == (None, True)
