"""Wrong settings of models: values that are none, arguments that Hearth sets, names that are taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import yaml

from hearth.engines.flags import canonical, engine_table
from hearth.problems import render
from hearth.settings.checks.engines import deciding_setting
from hearth.settings.loading import LoadedStack
from tests.engines.rendered import ENGINES, checked_versions
from tests.engines.test_arguments import everything, serve
from tests.settings.stack_files import Wrong

Load = Callable[..., LoadedStack]
LONG = "m" + "x" * 39
CASES: Mapping[str, Wrong] = {
    # values
    "context of no tokens": Wrong(
        "models[0].contextLength: 0", "hearth:models[0].contextLength", "is not a whole number of tokens", "32768"
    ),
    "context in words": Wrong(
        "models[0].contextLength: longest", "hearth:models[0].contextLength", "at least 1, or auto", "32768"
    ),
    "context in quotes": Wrong(
        'models[0].contextLength: "8192"', "hearth:models[0].contextLength", "at least 1, or auto", "contextLength:"
    ),
    "fraction of a token": Wrong(
        "models[0].contextLength: 8192.5", "hearth:models[0].contextLength", "at least 1, or auto", "contextLength:"
    ),
    "nobody at once": Wrong(
        "models[0].concurrentUsers: 0", "hearth:models[0].concurrentUsers", "of at least 1", "concurrentUsers: 1"
    ),
    "no stage": Wrong(
        "models[0].pipelineParallel: 0", "hearth:models[0].pipelineParallel", "of at least 1", "pipelineParallel: 1"
    ),
    "negative copies": Wrong(
        "models[0].dataParallel: -1", "hearth:models[0].dataParallel", "of at least 1", "dataParallel: 1"
    ),
    "number of experts": Wrong(
        "models[0].expertParallel: 8", "hearth:models[0].expertParallel", "where true or false", "expertParallel: true"
    ),
    "type with a space": Wrong(
        "models[0].kvCacheDtype: fp8 e4m3", "hearth:models[0].kvCacheDtype", "is not a KV cache type", "fp8"
    ),
    "bits for a type": Wrong(
        "models[0].kvCacheDtype: 8", "hearth:models[0].kvCacheDtype", "is a whole number, where a KV cache type", "fp8"
    ),
    "empty quantisation": Wrong(
        "models[0].quantization: ''", "hearth:models[0].quantization", "is not text that is not empty", "quantization:"
    ),
    "no request": Wrong("models[0].maxNumSeqs: 0", "hearth:models[0].maxNumSeqs", "of at least 1", "maxNumSeqs: 1"),
    "no token": Wrong(
        "models[0].maxNumBatchedTokens: 0", "hearth:models[0].maxNumBatchedTokens", "of at least 1", "Tokens: 1"
    ),
    "word for prefix caching": Wrong(
        "models[0].prefixCaching: 'off'", "hearth:models[0].prefixCaching", "where true or false", "prefixCaching: true"
    ),
    "word for sleep": Wrong("models[0].sleepMode: deep", "hearth:models[0].sleepMode", "true or false", "sleepMode"),
    "empty template": Wrong(
        "models[0].chatTemplate: ''", "hearth:models[0].chatTemplate", "is not text that is not empty", "chatTemplate:"
    ),
    "template as a mapping": Wrong(
        "models[0].chatTemplate: {file: x.jinja}", "hearth:models[0].chatTemplate", "is a mapping", "chatTemplate:"
    ),
    # adapters
    "adapter by its source alone": Wrong(
        "models[1].adapters: [acme/legal]", "hearth:models[1].adapters[0]", "is text, where a section", "name: legal"
    ),
    "adapter without a source": Wrong(
        "models[1].adapters: [{name: legal}]", "hearth:models[1].adapters[0].source", "is required", "add source:"
    ),
    "adapter of a path": Wrong(
        "models[1].adapters: [{name: legal, source: /adapters/legal}]",
        "hearth:models[1].adapters[0].source",
        "of the form organisation/model",
        "source: Qwen/QwQ-32B",
    ),
    "adapter with capitals": Wrong(
        "models[1].adapters: [{name: Legal, source: acme/x}]",
        "hearth:models[1].adapters[0].name",
        "is not a name of at most 40",
        "name: legal",
    ),
    "adapter of no size": Wrong(
        "models[1].adapters: [{name: legal, source: acme/x, sizeGib: 0}]",
        "hearth:models[1].adapters[0].sizeGib",
        "of at least 1",
        "sizeGib: 1",
    ),
    "adapters of one name": Wrong(
        "models[1].adapters: [{name: legal, source: acme/x}, {name: legal, source: acme/y}]",
        "hearth:models[1].adapters[1].name",
        "hearth:models[1].adapters[0].name is served by this name already",
        "another name",
    ),
    "adapters of one name on two models": Wrong(
        "models[0].adapters: [{name: legal, source: acme/x}]\nmodels[1].adapters: [{name: legal, source: acme/y}]",
        "hearth:models[1].adapters[0].name",
        "hearth:models[0].adapters[0].name is served by this name already",
        "another name",
    ),
    "adapter named like a model": Wrong(
        "models[1].adapters: [{name: deepseek-r1, source: acme/x}]",
        "hearth:models[1].adapters[0].name",
        "hearth:models[0].name is served by this name already",
        "another name",
    ),
    "adapter named as a model is served": Wrong(
        "models[1].servedName: legal\nmodels[1].adapters: [{name: legal, source: acme/x}]",
        "hearth:models[1].adapters[0].name",
        "hearth:models[1].servedName is served by this name already",
        "another name",
    ),
    "adapter named like a tag": Wrong(
        "models[1].adapters: [{name: nomic-embed-text, source: acme/x}]",
        "hearth:models[1].adapters[0].name",
        "hearth:ollama.models[1] is served by this name already",
        "another name",
    ),
    "adapter whose volume is a model's": Wrong(
        "models[0].name: qwq-32b-legal\nmodels[1].adapters: [{name: legal, source: acme/x}]",
        "hearth:models[1].adapters[0].name",
        "its volume would be named qwq-32b-legal-weights, as that of hearth:models[0] is",
        "another name",
    ),
    "adapter with a name too long for its Job": Wrong(
        f"models[1].name: {LONG}\nmodels[1].adapters: [{{name: fourteen-chars, source: acme/x}}]",
        "hearth:models[1].adapters[0].name",
        "would be longer than the 63 characters",
        "shorten the adapter's name or the model's by 1",
    ),
    # arguments
    **{
        f"argument {argument}": Wrong(
            f"models[{index}].engineArgs: ['{argument}']",
            f"hearth:models[{index}].engineArgs[0]",
            "Hearth sets",
            f"the setting {setting} of this model" if setting else "remove it",
        )
        for index, argument, setting in [
            (1, "--kv-cache-dtype=fp8", "kvCacheDtype"),
            (1, "--kv_cache_dtype=fp8", "kvCacheDtype"),
            (1, "--max-num-seqs=4", "maxNumSeqs"),
            (1, "--enable-lora", "adapters"),
            (1, "--lora-modules", "adapters"),
            (1, "-tp=4", "tensorParallel"),
            (1, "-pp=2", "pipelineParallel"),
            (1, "-dp=2", "dataParallel"),
            (1, "--no-enable-prefix-caching", "prefixCaching"),
            (1, "--no-enable-expert-parallel", "expertParallel"),
            (1, "-q=fp8", "quantization"),
            (1, "--api-key=x", ""),
            (0, "--tp=4", "tensorParallel"),
            (0, "--ep-size=8", "expertParallel"),
            (0, "--pp-size=2", "pipelineParallel"),
            (0, "--max-running-requests=4", "maxNumSeqs"),
            (0, "--disable-radix-cache", "prefixCaching"),
            (0, "--config=x.yaml", ""),
        ]
    },
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_wrong_model_is_one_problem(case: Wrong, load_changed: Load) -> None:
    loaded = load_changed(yaml.safe_load(case.changes), case.without)

    assert [problem.key for problem in loaded.problems] == [case.key], render(loaded.problems, loaded.source)
    assert case.why in loaded.problems[0].why
    assert case.remedy in loaded.problems[0].remedy


@pytest.mark.parametrize(
    ("engine", "version"), [(engine, version) for engine in ENGINES for version in checked_versions(engine)]
)
def test_every_flag_that_hearth_sets_is_refused_as_an_argument(engine: str, version: str) -> None:
    rendered = (*everything(engine, version).args, *serve(engine, version).args)
    flags = [argument for argument in rendered if argument.startswith("-")]
    assert [flag for flag in flags if deciding_setting(flag, engine) is None] == []


@pytest.mark.parametrize("engine", ENGINES)
def test_every_spelling_of_a_flag_is_refused_alike(engine: str) -> None:
    for version in checked_versions(engine):
        for spelling, flag in engine_table(engine, version).flags.items():
            if deciding_setting(flag.name, engine) is not None and canonical(spelling, engine) == flag.name:
                assert deciding_setting(spelling, engine) == deciding_setting(flag.name, engine)
