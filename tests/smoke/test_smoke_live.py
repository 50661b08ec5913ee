"""`smoke` against a real engine: llama.cpp with a tiny model that thinks before it answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.live import packages
from tests.live.conftest import progress
from tests.live.servers import engine
from tests.smoke.servers import KEY
from tests.smoke.stack_files import HOST, model, write
from tests.smoke.test_smoke import run

pytestmark = pytest.mark.live


def test_a_real_engine_passes(tmp_path: Path) -> None:
    if reason := packages.left_out():
        pytest.skip(reason)
    write(tmp_path, **HOST, models=[model("thinker", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B")])
    options = {"role": "openai", "name": "thinker", "key": KEY, "text": "<think>Numbers are compared.</think>It is so."}

    with engine(options, tmp_path, packages.tools(progress)) as server:
        result = run(tmp_path, "--base-url", f"http://127.0.0.1:{server.port}/v1", "--api-key", KEY, "--json")

    outcomes = {row["check"]: row["outcome"] for row in json.loads(result.stdout)["results"]}
    assert outcomes == dict.fromkeys(("models", "listed", "chat", "stream", "reasoning"), "passed"), result.stdout
