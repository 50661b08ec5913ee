"""What the flag tables say, and what is wrong with an argument."""

from __future__ import annotations

import re

import pytest
import yaml

from hearth.engines.flags import (
    TABLES,
    UnknownVersion,
    canonical,
    check_argument,
    engine_table,
    first_with,
    newest,
    oldest,
    release,
    versions,
)

ENGINES = pytest.mark.parametrize("engine", ["vllm", "sglang"])
REPLACEMENTS = [
    (engine, flag, text)
    for engine, flags in yaml.safe_load((TABLES / "replacements.yaml").read_text()).items()
    for flag, text in flags.items()
]


def why(argument: str, version: str, engine: str = "vllm") -> str:
    misfit = check_argument(argument, engine, version)
    assert misfit
    return misfit.why


def remedy(argument: str, version: str, engine: str = "vllm") -> str:
    misfit = check_argument(argument, engine, version)
    assert misfit
    return misfit.remedy


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("0.9.0", "0.9.0.1"),
        ("0.9.0.1", "0.9.1"),
        ("0.9.2", "0.10.0"),
        ("0.10.0rc1", "0.10.0"),
        ("0.4.6", "0.4.6.post5"),
        ("0.4.6.post5", "0.4.6.post10"),
        ("0.4.6.post5", "0.4.7"),
    ],
)
def test_versions_are_in_the_order_of_their_release(older: str, newer: str) -> None:
    assert release(older) < release(newer)


@pytest.mark.parametrize("tag", ["0.33", "v0.33.0", "0.33.0-cu130", "v0.33.0-x86_64", "0.33.0+cu130"])
def test_an_image_tag_names_its_version(tag: str) -> None:
    assert release(tag) == release("0.33.0")


@pytest.mark.parametrize("text", ["", "latest", "nightly-abc", "0.x", "cu130"])
def test_no_version_is_refused(text: str) -> None:
    with pytest.raises(UnknownVersion, match="no version"):
        release(text)


@ENGINES
def test_versions_are_sorted_and_distinct(engine: str) -> None:
    releases = [release(version) for version in versions(engine)]
    assert releases == sorted(set(releases))


def test_a_version_between_two_has_the_older_ones_flags() -> None:
    assert engine_table("vllm", "0.18.0.1").version == "0.18.0"


@ENGINES
def test_older_than_the_table_is_refused(engine: str) -> None:
    with pytest.raises(UnknownVersion, match=re.escape(oldest(engine))):
        engine_table(engine, "0.1.0")


@ENGINES
def test_newer_than_the_table_is_refused(engine: str) -> None:
    with pytest.raises(UnknownVersion, match=re.escape(newest(engine))):
        engine_table(engine, "99.0.0")


@pytest.mark.parametrize(
    ("flag", "version", "default"),
    [
        ("--gpu-memory-utilization", "0.19.1", 0.9),
        ("--gpu-memory-utilization", "0.20.0", 0.92),
        ("--kv-cache-dtype", "0.8.0", "auto"),
        ("--swap-space", "0.17.1", 4),
        ("--shutdown-timeout", "0.18.0", 0),
        ("--max-num-seqs", "0.33.0", None),
        ("--enable-reasoning", "0.8.0", False),
    ],
)
def test_defaults_of_vllm(flag: str, version: str, default: object) -> None:
    assert engine_table("vllm", version).flags[flag].default == default


@pytest.mark.parametrize(
    ("flag", "version", "kind"),
    [
        ("--max-model-len", "0.33.0", "value"),
        ("--enable-auto-tool-choice", "0.8.0", "switch"),
        ("--enable-auto-tool-choice", "0.10.0", "pair"),
        ("--served-model-name", "0.33.0", "list"),
        ("--hf-token", "0.33.0", "optional"),
        ("--api-key", "0.8.0", "value"),
        ("--api-key", "0.10.1", "list"),
    ],
)
def test_kinds_of_vllm(flag: str, version: str, kind: str) -> None:
    assert engine_table("vllm", version).flags[flag].kind == kind


def test_a_deprecated_flag_is_marked_from_the_version_that_says_so() -> None:
    marked = [v for v in versions("vllm") if engine_table("vllm", v).has("--enable-reasoning")]
    assert next(v for v in marked if engine_table("vllm", v).flags["--enable-reasoning"].deprecated) == "0.9.0"


@pytest.mark.parametrize("spelling", ["-tp", "--tensor_parallel_size", "--no-enable-prefix-caching", "-O"])
def test_every_spelling_of_vllm_is_known(spelling: str) -> None:
    assert engine_table("vllm", "0.33.0").has(spelling)


def test_sglang_takes_no_underscores() -> None:
    assert "--max-running-requests" in remedy("--max_running_requests=8", newest("sglang"), "sglang")


@ENGINES
def test_health_has_a_path_in_every_version(engine: str) -> None:
    assert all("/health" in engine_table(engine, version).paths for version in versions(engine))


@pytest.mark.parametrize(
    ("version", "parser", "known"),
    [("0.8.5", "qwen3", False), ("0.9.0", "qwen3", True), ("0.10.0", "glm4_moe", True), ("0.10.1", "glm4_moe", False)],
)
def test_reasoning_parsers_come_and_go(version: str, parser: str, known: bool) -> None:
    assert (parser in engine_table("vllm", version).reasoning_parsers) is known


@pytest.mark.parametrize(("version", "known"), [("0.9.2", False), ("0.10.0", True)])
def test_tool_call_parsers_come(version: str, known: bool) -> None:
    assert ("kimi_k2" in engine_table("vllm", version).tool_call_parsers) is known


def test_a_metric_that_was_renamed_is_found_under_either_name() -> None:
    names = ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"]
    found = [first_with(names, engine_table("vllm", version).metrics) for version in ("0.8.0", "0.33.0")]
    assert found == ["vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"]


def test_first_with_knows_none() -> None:
    assert first_with(["a"], set()) is None


def test_a_counter_has_the_name_it_is_scraped_by() -> None:
    assert all("vllm:prompt_tokens_total" in engine_table("vllm", v).metrics for v in versions("vllm"))


@pytest.mark.parametrize(
    "argument",
    [
        "--max-model-len=4096",
        "--max_model_len=4096",
        "--max-model-len",
        "4096",
        "-1",
        "-tp=2",
        "-O3",
        "-O",
        "--compilation-config.pass_config.enable_fusion=true",
        "--kv-cache-dtype=fp8",
        "--no-enable-prefix-caching",
        "--disable-prefix-caching",
        '--hf-overrides={"a": "b c"}',
        "--quantization=None",
        "--moe-backend=FlashInfer-TRTLLM",
    ],
)
def test_the_newest_vllm_takes(argument: str) -> None:
    assert check_argument(argument, "vllm", newest("vllm")) is None


@pytest.mark.parametrize(
    ("argument", "version", "reason"),
    [
        ("--max-modellen=4096", "0.33.0", "vLLM 0.33.0 has no flag --max-modellen"),
        ("--gpu-mem=0.9", "0.33.0", "no flag --gpu-mem"),
        ("-x", "0.33.0", "no flag -x"),
        ("--enable-reasoning", "0.10.0", "left vLLM in 0.10.0"),
        ("--no-enable-reasoning", "0.33.0", "left vLLM in 0.10.0"),
        ("--swap_space=4", "0.18.0", "--swap-space left vLLM in 0.18.0"),
        ("--shutdown-timeout=60", "0.17.1", "came with vLLM 0.18.0"),
        ("--disable-prefix-caching", "0.32.0", "has --enable-prefix-caching but no --disable-prefix-caching"),
        ("-cc.mode=3", "0.11.2", "has --compilation-config but no -cc"),
        ("--kv-cache-dtype=fp9", "0.33.0", "takes no 'fp9'"),
        ("--kv-cache-dtype=nvfp4", "0.19.1", "takes no 'nvfp4' in vLLM 0.19.1"),
        ("--enable-expert-parallel=true", "0.33.0", "takes no value"),
        ("--enable-auto-tool-choice=true", "0.8.0", "takes no value"),
        ("--port 80", "0.33.0", "space"),
    ],
)
def test_vllm_refuses(argument: str, version: str, reason: str) -> None:
    assert reason in why(argument, version)


@pytest.mark.parametrize(
    ("argument", "version", "what"),
    [
        ("--max-modellen=4096", "0.33.0", "did you mean --max-model-len"),
        ("--gpu-mem=0.9", "0.33.0", "did you mean --gpu-memory-utilization?"),
        ("--enable-reasoning", "0.10.0", "--reasoning-parser"),
        ("--swap-space=4", "0.18.0", "remove --swap-space"),
        ("--shutdown-timeout=60", "0.17.1", "use vLLM 0.18.0 or newer"),
        ("--disable-prefix-caching", "0.32.0", "write --no-enable-prefix-caching"),
        ("--disable-expert-parallel", "0.8.0", "leave --enable-expert-parallel out"),
        ("-cc.mode=3", "0.11.2", "write --compilation-config"),
        ("--kv-cache-dtype=fp8e4m3", "0.33.0", "write fp8_e4m3"),
        ("--kv-cache-dtype=x", "0.8.0", "choose one of auto, fp8, fp8_e5m2, fp8_e4m3"),
        ("--enable-expert-parallel=false", "0.33.0", "--no-enable-expert-parallel for the opposite"),
        ("--port 80", "0.33.0", "write --port=80"),
    ],
)
def test_the_remedy_says_what_to_write(argument: str, version: str, what: str) -> None:
    assert what in remedy(argument, version)


@pytest.mark.parametrize(("engine", "flag", "text"), REPLACEMENTS, ids=[f"{e} {f}" for e, f, _ in REPLACEMENTS])
def test_a_replacement_is_what_the_engine_has(engine: str, flag: str, text: str) -> None:
    table = engine_table(engine, newest(engine))
    assert all(table.has(named) for named in re.findall(r"--[a-z0-9][a-z0-9-]*", text))


@pytest.mark.parametrize(("engine", "flag", "text"), REPLACEMENTS, ids=[f"{e} {f}" for e, f, _ in REPLACEMENTS])
def test_a_replacement_is_for_a_flag_that_left(engine: str, flag: str, text: str) -> None:
    # --disable-log-requests came back as another spelling.
    if flag != "--disable-log-requests":
        assert remedy(flag, newest(engine), engine) == text


@pytest.mark.parametrize(
    ("argument", "engine", "flag"),
    [
        ("--max-model-len=4096", "vllm", "--max-model-len"),
        ("--max_model_len", "vllm", "--max-model-len"),
        ("--max-model=4096", "vllm", "--max-model-len"),
        ("-tp=2", "vllm", "--tensor-parallel-size"),
        ("--no-enable-prefix-caching", "vllm", "--enable-prefix-caching"),
        ("--compilation-config.mode=3", "vllm", "--compilation-config"),
        ("--enable-reasoning", "vllm", "--enable-reasoning"),
        ("--port 80", "vllm", "--port"),
        ("--tp=2", "sglang", "--tensor-parallel-size"),
        ("--tp_size=2", "sglang", "--tensor-parallel-size"),
        ("--max", "vllm", None),
        ("--", "vllm", None),
        ("-x", "vllm", None),
        ("4096", "vllm", None),
        ("", "vllm", None),
    ],
)
def test_the_flag_of_an_argument(argument: str, engine: str, flag: str | None) -> None:
    assert canonical(argument, engine) == flag
