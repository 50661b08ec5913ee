"""What is peculiar to vLLM's arguments."""

from __future__ import annotations

import pytest

from hearth.engines.flags import newest, oldest, versions
from tests.engines.rendered import option
from tests.engines.test_arguments import serve


def test_takes_the_context_length_and_its_share_of_memory() -> None:
    args = serve("vllm", gpu_memory_utilization=0.8).args
    assert (option(args, "max-model-len"), option(args, "gpu-memory-utilization")) == ("32768", "0.8")


def test_tool_calls_need_both_flags() -> None:
    args = serve("vllm", tool_call_parser="hermes").args
    assert "--enable-auto-tool-choice" in args and "--tool-call-parser=hermes" in args


def test_reasoning_is_switched_on_only_where_it_has_a_switch() -> None:
    switched = [v for v in versions("vllm") if "--enable-reasoning" in serve("vllm", v, reasoning_parser="x").args]
    assert (switched[0], switched[-1]) == ("0.8.0", "0.9.2")


@pytest.mark.parametrize(("version", "seconds"), [("0.17.1", None), ("0.18.0", "60"), ("0.33.0", "60")])
def test_finishes_answers_before_it_ends_where_it_can(version: str, seconds: str | None) -> None:
    serving = serve("vllm", version)
    assert option(serving.args, "shutdown-timeout") == seconds
    assert serving.drain.engine_seconds == int(seconds or 0)


@pytest.mark.parametrize("version", [oldest("vllm"), newest("vllm")])
def test_takes_its_key_from_the_environment(version: str) -> None:
    assert serve("vllm", version).secret_env == ("VLLM_API_KEY",)


def test_sleeps_only_where_asked_to() -> None:
    awake, sleepy = serve("vllm"), serve("vllm", sleep_mode=True)
    assert "VLLM_SERVER_DEV_MODE" not in awake.env
    assert sleepy.env["VLLM_SERVER_DEV_MODE"] == "1" and "--enable-sleep-mode" in sleepy.args


def test_prefix_caching_is_switched_off_by_its_negative() -> None:
    assert "--no-enable-prefix-caching" in serve("vllm", prefix_caching=False).args


def test_parallel_sizes_of_one_are_not_written() -> None:
    assert not [a for a in serve("vllm", tensor_parallel=1).args if "pipeline" in a or "data-parallel" in a]
