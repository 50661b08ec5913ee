"""What `fit` says to wrong questions: which option or key, why, and what would be right."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from typer.testing import Result

from tests.test_fit_command import FITS, ON_AN_L4, run, without, write

WRONG_OPTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "no model": (("--gpu", "H100-80GB"), ("MODEL is missing", "Qwen3-8B")),
    "no GPU": (("QwQ-32B",), ("--gpu is missing", "H100-80GB")),
    "unknown model": (("Qwen3-9B", "--gpu", "L4-24GB"), ("Qwen3-9B", "not in the catalog", "Qwen/Qwen3-8B")),
    "a model like none": (("zzzz", "--gpu", "L4-24GB"), ("zzzz", "catalog add")),
    "unknown GPU": (("QwQ-32B", "--gpu", "H100-79GB"), ("H100-79GB", "H100-80GB")),
    "a GPU without memory": (("QwQ-32B", "--gpu", "H200"), ("'H200'", "H200-141GB")),
    "a GPU like none": (("QwQ-32B", "--gpu", "Voodoo2"), ("Voodoo2", "RTX4090-24GB")),
    "heads": (("QwQ-32B", "--gpu", "H100-80GB", "--count", "3"), ("40 attention heads", "not divisible by 3", "4, 8")),
    "blocks": (
        ("DeepSeek-R1", "--gpu", "H200-141GB", "--count", "32"),
        ("--tensor-parallel 32", "blocks of 128", "8, 16"),
    ),
    "stages": (
        ("Qwen3-8B", "--gpu", "L4-24GB", "--count", "64", "--pipeline-parallel", "64"),
        ("--pipeline-parallel 64", "36 layers"),
    ),
    "MLA with a dtype it lacks": (
        ("DeepSeek-R1", "--gpu", "H200-141GB", "--count", "8", "--kv-cache-dtype", "fp8_e5m2"),
        ("--kv-cache-dtype fp8_e5m2", "MLA", "use auto or fp8_e4m3"),
    ),
    "unknown dtype": ((*FITS, "--kv-cache-dtype", "float7"), ("--kv-cache-dtype float7", "fp8_e4m3")),
    "dtype of the other engine": (
        (*FITS, "--engine", "sglang", "--kv-cache-dtype", "int8_per_token_head"),
        ("int8_per_token_head", "sglang"),
    ),
    "a GPU without FP8": (
        ("QwQ-32B", "--gpu", "A100-80GB", "--count", "2", "--kv-cache-dtype", "fp8"),
        ("--kv-cache-dtype fp8", "compute capability 8.9", "8.0"),
    ),
    "a dtype newer than the version": (
        (*FITS, "--kv-cache-dtype", "nvfp4", "--engine-version", "0.10.2"),
        ("nvfp4", "0.10.2", "came with"),
    ),
    "unknown engine": ((*FITS, "--engine", "tgi"), ("--engine tgi", "vllm or sglang")),
    "no version": ((*FITS, "--engine-version", "latest"), ("--engine-version latest", "0.10.2")),
    "no GPUs": ((*FITS, "--count", "0"), ("--count 0", "between 1 and")),
    "fewer than no GPUs": ((*FITS, "--count", "-1"), ("--count -1", "between 1 and")),
    "a million GPUs": ((*FITS, "--count", "1000000"), ("--tensor-parallel 1000000", "not divisible")),
    "no context": ((*FITS, "--context", "0"), ("--context 0", "between 1 and")),
    "a negative context": ((*FITS, "--context", "-5"), ("--context -5", "between 1 and")),
    "a context beyond the model's": (
        ("Qwen3-8B", "--gpu", "H100-80GB", "--context", "999999"),
        ("--context 999999", "at most 40960", "rope_scaling"),
    ),
    "a huge context": ((*FITS, "--context", str(10**12)), ("--context 1000000000000",)),
    "more ranks than GPUs": (
        (*FITS, "--count", "4", "--tensor-parallel", "4", "--pipeline-parallel", "2"),
        ("--count 4", "8 GPUs", "--count 8"),
    ),
    "more copies than GPUs": (
        (*FITS, "--tensor-parallel", "2", "--data-parallel", "2"),
        ("--count 2", "4 GPUs", "data parallel 2"),
    ),
    "GPUs that stages cannot share": (
        (*FITS, "--count", "3", "--pipeline-parallel", "2"),
        ("--count 3", "2 pipeline stages", "multiple of 2"),
    ),
    "no ranks": ((*FITS, "--tensor-parallel", "0"), ("--tensor-parallel 0", "between 1 and")),
    "negative stages": ((*FITS, "--pipeline-parallel", "-2"), ("--pipeline-parallel -2", "between 1 and")),
    "no copies": ((*FITS, "--data-parallel", "0"), ("--data-parallel 0", "between 1 and")),
    "no requests": ((*FITS, "--max-num-seqs", "0"), ("--max-num-seqs 0", "between 1 and")),
    "no tokens": ((*FITS, "--max-num-batched-tokens", "-1"), ("--max-num-batched-tokens -1", "between 1 and")),
    "no share": ((*FITS, "--gpu-memory-utilization", "0"), ("--gpu-memory-utilization 0", "0.9")),
    "more than the GPU": ((*FITS, "--gpu-memory-utilization", "1.5"), ("--gpu-memory-utilization 1.5", "at most 1")),
    "a negative share": ((*FITS, "--gpu-memory-utilization", "-0.5"), ("--gpu-memory-utilization -0.5", "above 0")),
    "a share that is no number": ((*FITS, "--gpu-memory-utilization", "nan"), ("--gpu-memory-utilization nan",)),
    "no weights": ((*FITS, "--weights-gib", "0"), ("--weights-gib 0", "above zero")),
    "infinite weights": ((*FITS, "--weights-gib", "inf"), ("--weights-gib inf",)),
    "a negative cache": (("QwQ-32B", "--kv-cache-gib", "-1"), ("--kv-cache-gib -1", "above zero")),
    "a cache that is no number": (("QwQ-32B", "--kv-cache-gib", "nan"), ("--kv-cache-gib nan",)),
}


@pytest.mark.parametrize(("arguments", "fragments"), WRONG_OPTIONS.values(), ids=list(WRONG_OPTIONS))
def test_a_wrong_option_is_refused(arguments: tuple[str, ...], fragments: tuple[str, ...]) -> None:
    refused(run(*arguments), fragments)


@pytest.mark.parametrize(("arguments", "fragments"), WRONG_OPTIONS.values(), ids=list(WRONG_OPTIONS))
def test_a_wrong_option_is_refused_in_one_document(arguments: tuple[str, ...], fragments: tuple[str, ...]) -> None:
    refused_as_document(run(*arguments, "--json"), fragments)


WRONG_CONFIGS: dict[str, tuple[Mapping[str, object], tuple[str, ...]]] = {
    "unknown architecture": (without(model_type="flubber"), ("model_type", "flubber")),
    "no architecture": (without("model_type"), ("model_type", "is missing")),
    "no layers": (without("num_hidden_layers"), ("num_hidden_layers", "is missing", "complete config.json")),
    "negative layers": (without(num_hidden_layers=-3), ("num_hidden_layers", "-3")),
    "layers in words": (without(num_hidden_layers="many"), ("num_hidden_layers", "many")),
    "a thousand million layers": (without(num_hidden_layers=10**9), ("num_hidden_layers", "no model has so many")),
    "layers and their types": (
        without(model_type="qwen3", layer_types=["full_attention"] * 5),
        ("layer_types", "5 layers", "32"),
    ),
    "no heads": (without("num_attention_heads"), ("num_attention_heads", "is missing")),
    "zero heads": (without(num_attention_heads=0), ("num_attention_heads", "0")),
    "KV heads": (without(num_key_value_heads=3), ("num_key_value_heads", "32 attention heads")),
    "heads and hidden size": (without("head_dim", hidden_size=4097), ("head_dim", "4097")),
    "half a number": (without(hidden_size=4096.5), ("hidden_size", "4096.5")),
    "an infinite context": (without(max_position_embeddings=float("inf")), ("max_position_embeddings", "inf")),
    "element type": (without(torch_dtype="int4"), ("torch_dtype", "int4", "bfloat16")),
    "quantisation": (without(quantization_config={"quant_method": "foo"}), ("quant_method", "foo", "awq")),
    "nested": (without(text_config=3), ("text_config", "is not a mapping")),
    "nothing": ({}, ("model_type", "is missing")),
}


@pytest.mark.parametrize(("config", "fragments"), WRONG_CONFIGS.values(), ids=list(WRONG_CONFIGS))
def test_a_wrong_config_is_refused(config: Mapping[str, object], fragments: tuple[str, ...], tmp_path: Path) -> None:
    refused(run("any", "--model-config", write(tmp_path / "config.json", config), *ON_AN_L4), fragments)


def test_kv_heads_that_ranks_cannot_share_are_refused(tmp_path: Path) -> None:
    config = write(tmp_path / "c.json", without("head_dim", num_attention_heads=48, hidden_size=6144))
    result = run("any", "--model-config", config, "--gpu", "H100-80GB", "--count", "12")
    refused(result, ("--tensor-parallel 12", "8 KV heads", "1, 2, 4, 8"))


def _garbage(folder: Path) -> Path:
    (folder / "config.json").write_bytes(bytes(range(256)))
    return folder / "config.json"


def _list(folder: Path) -> Path:
    (folder / "config.json").write_text("[1]", encoding="utf-8")
    return folder / "config.json"


def _cut_off(folder: Path) -> Path:
    (folder / "config.json").write_text('{"model_type": ', encoding="utf-8")
    return folder / "config.json"


def _gguf(folder: Path) -> Path:
    (folder / "model-Q4_K_M.gguf").touch()
    return folder


WRONG_FILES: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "no file": (lambda folder: folder / "none.json", ("--model-config", "none.json", "No such file")),
    "garbage": (_garbage, ("--model-config", "is no JSON")),
    "a list": (_list, ("--model-config", "is no JSON object")),
    "cut off": (_cut_off, ("--model-config", "is no JSON")),
    "an empty folder": (lambda folder: folder, ("has no config.json",)),
    "GGUF only": (_gguf, ("has no config.json", "GGUF", "safetensors")),
}


@pytest.mark.parametrize(("make", "fragments"), WRONG_FILES.values(), ids=list(WRONG_FILES))
def test_a_wrong_file_is_refused(make: Callable[[Path], Path], fragments: tuple[str, ...], tmp_path: Path) -> None:
    refused(run("any", "--model-config", make(tmp_path), *ON_AN_L4), fragments)


@pytest.mark.parametrize(("make", "fragments"), WRONG_FILES.values(), ids=list(WRONG_FILES))
def test_a_wrong_file_is_refused_in_one_document(
    make: Callable[[Path], Path], fragments: tuple[str, ...], tmp_path: Path
) -> None:
    refused_as_document(run("any", "--model-config", make(tmp_path), *ON_AN_L4, "--json"), fragments)


def test_every_mistake_is_named_at_once() -> None:
    result = run("DeepSeek-R1", "--gpu", "H200-141GB", "--count", "3", "--context", "999999")
    refused(result, ("--tensor-parallel 3", "--context 999999"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--engine-version", "0.0.0"),
        ("--engine-version", "99.0"),
        ("--engine", "sglang", "--engine-version", "0.0.1"),
        ("--max-num-seqs", "1000000000"),
        ("--max-num-batched-tokens", "1000000000"),
        ("--weights-gib", "900000000"),
        ("--gpu-memory-utilization", "0.001"),
        ("--count", "1000000000", "--tensor-parallel", "1"),
    ],
)
def test_extreme_figures_get_an_answer(arguments: tuple[str, ...]) -> None:
    assert run("Qwen3-8B", "--gpu", "H100-80GB", *arguments).exit_code in (0, 1)


@pytest.mark.parametrize("arguments", [("--flub",), ("extra",), ("--count", "many"), ("--context",)])
def test_what_is_no_option_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert run(*FITS, *arguments).exit_code == 2


def refused(result: Result, fragments: tuple[str, ...]) -> None:
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("hearth fit: ")
    assert [fragment for fragment in fragments if fragment not in result.stderr] == []


def refused_as_document(result: Result, fragments: tuple[str, ...]) -> None:
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["fits"], result.stderr) == (2, False, "")
    assert [fragment for fragment in fragments if fragment not in answer["reason"]] == []
