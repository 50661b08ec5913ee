"""The catalog of models agrees with itself, with published figures and with the engines' parsers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from hearth.catalog import models as catalog
from hearth.catalog.architecture import FullAttention, LatentAttention, LinearAttention, SlidingAttention
from hearth.catalog.config_json import RELEVANT_KEYS
from hearth.catalog.data import read
from hearth.catalog.models import (
    CatalogError,
    CatalogModel,
    UnknownModelError,
    catalog_model,
    families,
    find,
    model_from_entry,
    model_names,
)
from hearth.catalog.parameters import weight_bytes
from hearth.engines.flags import engine_table, newest

EACH = pytest.mark.parametrize("source", model_names())
ENTRY: dict[str, Any] = {
    "family": "qwen3",
    "weightsBytes": 16_381_470_720,
    "weightsSource": "index",
    "config": read("models/Qwen/Qwen3-8B.yaml")["config"],
}


def model(source: str) -> CatalogModel:
    known = catalog_model(source)
    assert known is not None
    return known


@EACH
def test_architecture_reads(source: str) -> None:
    assert model(source).architecture.layers


@EACH
def test_config_has_only_what_is_read(source: str) -> None:
    assert set(model(source).config) <= RELEVANT_KEYS


@EACH
def test_entry_says_where_its_figures_are_from(source: str) -> None:
    entry = read(f"models/{source}.yaml")
    assert entry["configSource"] and entry["collected"]


@pytest.mark.parametrize(
    "source", [name for name in model_names() if read(f"models/{name}.yaml")["weightsSource"] == "index"]
)
def test_counted_bytes_are_those_of_the_index(source: str) -> None:
    known = model(source)
    tolerance = 0.03 if known.architecture.quantization else 0.01
    assert weight_bytes(known.architecture) == pytest.approx(known.weights_bytes, rel=tolerance)


@EACH
def test_engines_hold_about_what_is_counted(source: str) -> None:
    known = model(source)
    counted = weight_bytes(known.architecture)
    assert counted == pytest.approx(known.weights_bytes, rel=0.09) or known.loaded_bytes is not None


@pytest.mark.parametrize(
    ("source", "parameters"),
    [
        ("Qwen/QwQ-32B", 32_763_876_352),
        ("Qwen/Qwen3-8B", 8_190_735_360),
        ("Qwen/Qwen3-235B-A22B", 235_093_634_560),
        ("Qwen/Qwen3-Coder-480B-A35B-Instruct", 480_154_875_392),
        ("meta-llama/Llama-3.1-405B-Instruct", 405_853_388_800),
        ("microsoft/phi-4", 14_659_507_200),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", 46_702_792_704),
    ],
)
def test_parameters_are_the_published_count(source: str, parameters: int) -> None:
    assert model(source).architecture.parameters.total == parameters


@pytest.mark.parametrize(
    ("source", "kv_bytes"),
    [
        ("Qwen/QwQ-32B", 262_144),
        ("Qwen/Qwen3-8B", 147_456),
        ("meta-llama/Llama-3.3-70B-Instruct", 327_680),
        ("openai/gpt-oss-120b", 36_864),
        ("google/gemma-3-27b-it", 81_920),
    ],
)
def test_cache_per_token_of_full_layers_is_the_published_figure(source: str, kv_bytes: int) -> None:
    groups = model(source).architecture.layers
    full = [(group.count, group.attention) for group in groups if isinstance(group.attention, FullAttention)]
    assert sum(n * each.kv_heads * (each.head_dim + each.value_dim) * 2 for n, each in full) == kv_bytes


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("deepseek-ai/DeepSeek-R1", {LatentAttention}),
        ("google/gemma-3-27b-it", {FullAttention, SlidingAttention}),
        ("openai/gpt-oss-20b", {FullAttention, SlidingAttention}),
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", {FullAttention, LinearAttention}),
        ("Qwen/Qwen3.5-27B", {FullAttention, LinearAttention}),
        ("moonshotai/Kimi-K2-Instruct", {LatentAttention}),
    ],
)
def test_attention_is_of_the_known_kinds(source: str, kinds: set[type]) -> None:
    assert {type(group.attention) for group in model(source).architecture.layers} == kinds


@pytest.mark.parametrize(
    ("source", "context"),
    [("Qwen/Qwen3-8B", 40_960), ("Qwen/Qwen3-30B-A3B-Thinking-2507", 262_144), ("deepseek-ai/DeepSeek-V3", 163_840)],
)
def test_context_is_the_models_own(source: str, context: int) -> None:
    assert model(source).architecture.max_context == context


def test_engines_hold_more_of_gpt_oss_than_its_files() -> None:
    known = model("openai/gpt-oss-120b")
    assert (known.loaded_bytes or 0) / 2**30 == pytest.approx(65.97, abs=0.01)


@pytest.mark.parametrize("name", ["Qwen/Qwen3-8B", "Qwen3-8B", "qwen3-8b", "qwen/qwen3-8b", " qwen3-8b "])
def test_found_by_id_and_short_name_in_any_case(name: str) -> None:
    assert find(name).source == "Qwen/Qwen3-8B"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("qwen3-8", "Qwen/Qwen3-8B"),
        ("meta/Llama-3.3-70B", "meta-llama/Llama-3.3-70B-Instruct"),
        ("QwQ", "Qwen/QwQ-32B"),
    ],
)
def test_wrong_name_brings_what_may_be_meant(name: str, meant: str) -> None:
    with pytest.raises(UnknownModelError, match="did you mean") as raised:
        find(name)
    assert meant in raised.value.candidates


def test_name_like_no_other_brings_the_remedy() -> None:
    with pytest.raises(UnknownModelError, match="catalog add") as raised:
        find("zzzz")
    assert raised.value.candidates == ()


def test_name_of_two_models_brings_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "model_names", lambda: ("a/model", "b/model"))
    with pytest.raises(UnknownModelError, match="a/model, b/model"):
        find("model")


@pytest.mark.parametrize("source", ["Qwen/Qwen3-9000B", "qwen/qwen3-8b", "../families", "Qwen", ""])
def test_model_without_an_entry_is_none(source: str) -> None:
    assert catalog_model(source) is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"family": "qwen33"}, "family: 'qwen33'"),
        ({"family": None}, "family: None"),
        ({"family": ["qwen3"]}, "family: "),
        ({"weightsBytes": "16 GB"}, "weightsBytes: '16 GB'"),
        ({"weightsBytes": 0}, "weightsBytes: 0"),
        ({"loadedBytes": True}, "loadedBytes: True"),
        ({"weightsSource": "guess"}, "weightsSource: 'guess'"),
        ({"config": None}, "config: None"),
    ],
)
def test_broken_entry_is_named_with_its_file(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CatalogError) as raised:
        model_from_entry("Qwen/Qwen3-8B", {**ENTRY, **change})
    assert str(raised.value).startswith(f"hearth/catalog/models/Qwen/Qwen3-8B.yaml: {complaint}")


def test_entry_that_is_no_mapping_is_named_with_its_file() -> None:
    with pytest.raises(CatalogError, match=r"Qwen3-8B\.yaml: is not a mapping"):
        model_from_entry("Qwen/Qwen3-8B", ["family"])


def test_config_that_cannot_be_read_is_named_with_its_file() -> None:
    broken = model_from_entry("Qwen/Qwen3-8B", {**ENTRY, "config": {**ENTRY["config"], "num_attention_heads": 0}})
    with pytest.raises(CatalogError, match=r"Qwen3-8B.yaml: config: num_attention_heads: 0"):
        _ = broken.architecture


def test_file_that_is_not_yaml_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_: str) -> object:
        raise yaml.YAMLError("found a tab")

    monkeypatch.setattr(catalog, "read", unreadable)
    with pytest.raises(CatalogError, match=r"Llama-3\.1-8B\.yaml: is not YAML: found a tab"):
        catalog.catalog_model.__wrapped__("meta-llama/Llama-3.1-8B")


def parser_names() -> Iterator[tuple[str, str, str, str]]:
    for family, engines in families().items():
        for engine, parsers in engines.items():
            yield from ((family, engine, "reasoning_parsers", name) for name in parsers.reasoning[:1])
            yield from ((family, engine, "tool_call_parsers", name) for name in parsers.tool_call[:1])


@pytest.mark.parametrize(("family", "engine", "kind", "name"), list(parser_names()))
def test_best_parser_is_known_to_the_newest_engine(family: str, engine: str, kind: str, name: str) -> None:
    assert name in getattr(engine_table(engine, newest(engine)), kind), family


@pytest.mark.parametrize(
    ("engine", "argument"),
    [(engine, each) for engines in families().values() for engine, of in engines.items() for each in of.extra_args],
)
def test_required_argument_is_known_to_the_newest_engine(engine: str, argument: str) -> None:
    assert engine_table(engine, newest(engine)).has(argument.partition("=")[0])


def test_every_family_has_a_model() -> None:
    assert {model(source).family for source in model_names()} == set(families())


@pytest.mark.parametrize(
    "family", [name for name, engines in families().items() for of in engines.values() if of.tool_call]
)
def test_tool_calls_are_parsed_on_both_engines(family: str) -> None:
    assert all(families()[family][engine].tool_call for engine in ("vllm", "sglang"))


def test_engines_have_their_own_parser_names() -> None:
    parsers = model("openai/gpt-oss-120b").parsers
    assert (parsers["vllm"].reasoning[0], parsers["sglang"].reasoning[0]) == ("openai_gptoss", "gpt-oss")


def test_model_that_only_answers_has_no_reasoning_parser() -> None:
    assert model("Qwen/Qwen3-30B-A3B-Instruct-2507").parsers["vllm"].reasoning == ()


def test_model_that_only_translates_needs_no_parsers() -> None:
    assert model("Infomaniak-AI/vllm-translategemma-27b-it").parsers == {}
