"""What each engine is started with."""

from __future__ import annotations

import dataclasses

import pytest

from hearth.engines import sglang, vllm
from hearth.engines.serving import Request, Serving

REQUEST = Request(
    source="Qwen/QwQ-32B",
    served_name="qwq",
    tensor_parallel=4,
    context_length=32768,
    gpu_memory_utilization=None,
    reasoning_parser=None,
    tool_call_parser=None,
    extra=(),
)
BOTH = pytest.mark.parametrize("serve", [vllm.serve, sglang.serve], ids=["vllm", "sglang"])


def option(serving: Serving, name: str) -> str | None:
    """Value of `--name=value`."""
    return next((a.partition("=")[2] for a in serving.args if a.startswith(f"--{name}=")), None)


@BOTH
def test_listens_on_every_address(serve) -> None:
    assert option(serve(REQUEST), "host") == "0.0.0.0"


@BOTH
def test_names_the_model_as_asked(serve) -> None:
    assert option(serve(REQUEST), "served-model-name") == "qwq"


@BOTH
def test_uses_all_gpus_of_the_replica(serve) -> None:
    assert option(serve(REQUEST), "tensor-parallel-size") == "4"


@BOTH
def test_never_calls_a_hub(serve) -> None:
    assert serve(REQUEST).env["HF_HUB_OFFLINE"] == "1"


@BOTH
def test_no_parser_unless_the_model_has_one(serve) -> None:
    assert not [a for a in serve(REQUEST).args if "parser" in a or "auto-tool" in a]


@BOTH
def test_passes_further_arguments_last(serve) -> None:
    assert serve(dataclasses.replace(REQUEST, extra=("--seed=1",))).args[-1] == "--seed=1"


@BOTH
def test_grace_exceeds_the_drain(serve) -> None:
    drain = serve(REQUEST).drain
    assert drain.grace_seconds > drain.endpoint_seconds + drain.engine_seconds


def test_vllm_takes_the_context_length_and_its_share_of_memory() -> None:
    serving = vllm.serve(REQUEST)
    assert (option(serving, "max-model-len"), option(serving, "gpu-memory-utilization")) == ("32768", "0.9")


def test_vllm_tool_calls_need_both_flags() -> None:
    args = vllm.serve(dataclasses.replace(REQUEST, tool_call_parser="hermes")).args
    assert "--enable-auto-tool-choice" in args and "--tool-call-parser=hermes" in args


def test_vllm_finishes_answers_before_it_ends() -> None:
    assert int(option(vllm.serve(REQUEST), "shutdown-timeout") or 0) > 0


def test_vllm_takes_its_key_from_the_environment() -> None:
    assert vllm.serve(REQUEST).secret_env == ("VLLM_API_KEY",)


def test_sglang_takes_its_key_from_a_file() -> None:
    serving = sglang.serve(REQUEST)
    assert serving.args[0] == "--config" and serving.args[1].endswith(sglang.KEY_FILE)


def test_sglang_chooses_its_memory_unless_told() -> None:
    assert option(sglang.serve(REQUEST), "mem-fraction-static") is None
    told = sglang.serve(dataclasses.replace(REQUEST, gpu_memory_utilization=0.8))
    assert option(told, "mem-fraction-static") == "0.8"


def test_sglang_is_ready_without_generating_a_token() -> None:
    serving = sglang.serve(REQUEST)
    assert serving.ready_path == "/ready" and serving.env["SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION"] == "false"
