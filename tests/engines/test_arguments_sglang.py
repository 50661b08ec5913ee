"""What is peculiar to SGLang's arguments."""

from __future__ import annotations

import pytest

from hearth.engines import sglang
from hearth.engines.flags import newest, release, versions
from tests.engines.rendered import option, pinned
from tests.engines.test_arguments import serve

MODULE = ("python3", "-m", "sglang.launch_server")
COMMAND = ("sglang", "serve")


@pytest.mark.parametrize(
    ("version", "command"),
    [("0.4.0", MODULE), ("0.4.10.post2", MODULE), ("0.5.4.post3", MODULE), ("0.5.5", COMMAND), ("0.5.23", COMMAND)],
)
def test_is_started_by_the_command_of_the_version(version: str, command: tuple[str, ...]) -> None:
    assert serve("sglang", version).command == command


@pytest.mark.parametrize("version", ["0.5.3", pinned("sglang"), newest("sglang")])
def test_takes_its_key_from_a_file(version: str) -> None:
    serving = serve("sglang", version)
    assert serving.args[0] == "--config" and serving.args[1].endswith(sglang.KEY_FILE)
    assert (len(serving.mounts), serving.secret_env) == (1, ())


@pytest.mark.parametrize("version", ["0.4.0", "0.5.2"])
def test_takes_its_key_from_a_variable_before_it_reads_files(version: str) -> None:
    serving = serve("sglang", version)
    assert serving.args[0] == "--api-key=$(SGLANG_API_KEY)"
    assert (serving.mounts, serving.secret_env) == ((), ("SGLANG_API_KEY",))


def test_chooses_its_memory_unless_told() -> None:
    assert option(serve("sglang").args, "mem-fraction-static") is None
    assert option(serve("sglang", gpu_memory_utilization=0.8).args, "mem-fraction-static") == "0.8"


def test_is_ready_without_generating_a_token_where_it_can() -> None:
    ready = [v for v in versions("sglang") if serve("sglang", v).ready_path == "/ready"]
    assert ready[0] == "0.5.20"
    assert serve("sglang").env["SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION"] == "false"


def test_probes_use_paths_that_need_no_key() -> None:
    # sglang srt/utils.py, later srt/utils/auth.py: all others are answered with 401.
    paths = {path for v in versions("sglang") for s in [serve("sglang", v)] for path in (s.alive_path, s.ready_path)}
    assert paths == {"/health", "/ready"}


@pytest.mark.parametrize(("version", "switch"), [("0.4.0.post1", True), ("0.5.2", True), ("0.5.3", False)])
def test_expert_parallel_needs_a_switch_until_0_5_2(version: str, switch: bool) -> None:
    args = serve("sglang", version, expert_parallel=True).args
    assert ("--enable-ep-moe" in args) is switch
    assert option(args, "expert-parallel-size") == "4"


@pytest.mark.parametrize(("flag", "since"), [("tool-call-parser", "0.4.2"), ("reasoning-parser", "0.4.3.post3")])
def test_parsers_are_named_since(flag: str, since: str) -> None:
    names = {"tool_call_parser": "qwen25", "reasoning_parser": "deepseek-r1"}
    named = [v for v in versions("sglang") if option(serve("sglang", v, **names).args, flag)]
    assert named == [v for v in versions("sglang") if release(v) >= release(since)]


def test_adapters_are_told_apart_by_requests_since_0_5_4() -> None:
    old, new = serve("sglang", "0.5.3", adapters=("legal",)), serve("sglang", "0.5.4", adapters=("legal",))
    assert not [a for a in old.args if "lora" in a] and "0.5.4 or newer" in old.unsupported[0].remedy
    assert "--enable-lora" in new.args and "--lora-paths" in new.args


def test_gpt_oss_finds_its_vocabulary_on_the_volume() -> None:
    assert serve("sglang", source="openai/gpt-oss-20b").env["TIKTOKEN_ENCODINGS_BASE"] == "/weights/tiktoken"
