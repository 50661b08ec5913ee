"""The download Job's script, as a process of its own, against a server that behaves like the hub."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.scripts.hub import Faults, Hub

SCRIPT = Path(__file__).parents[2] / "hearth/planning/scripts/download_weights.py"
MARKER = ".hearth-complete"
TOKEN = "hf_" + "s3cret" * 5
MIB = 2**20
SHARD = bytes(range(256)) * 1024
INDEX = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
FILES = {
    "config.json": b'{"model_type": "example"}',
    "tokenizer.json": b"{}",
    "model.safetensors.index.json": json.dumps(INDEX).encode(),
    "model-00001-of-00002.safetensors": SHARD,
    "model-00002-of-00002.safetensors": SHARD[::-1],
}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(FILES) as hub:
        yield hub


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.mkdir()
    return path


def start(endpoint: str, volume: Path, env: Mapping[str, str], script: Path = SCRIPT) -> subprocess.Popen[str]:
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": str(volume.parent),
        "MODEL_SOURCE": "example/model",
        "MODEL_REVISION": "main",
        "MODEL_DIRECTORY": str(volume),
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DOWNLOAD_TIMEOUT": "2",
        "HF_HUB_ETAG_TIMEOUT": "2",
        "PROGRESS_SECONDS": "0.1",
        "RETRY_SECONDS": "0.01",
    }
    return subprocess.Popen(
        [sys.executable, str(script)],
        env=settings | dict(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=30)
    return process.returncode, output


def run(endpoint: str, volume: Path, **env: str) -> tuple[int, str]:
    return finish(start(endpoint, volume, env))


def until(process: subprocess.Popen[str], text: str) -> str:
    """The process's output up to the line that has the text."""
    lines: list[str] = []
    assert process.stdout
    for line in process.stdout:
        lines.append(line)
        if text in line:
            break
    return "".join(lines)


def content(volume: Path, files: Mapping[str, bytes] = FILES) -> dict[str, bytes]:
    return {name: (volume / name).read_bytes() for name in files if (volume / name).exists()}


def marker(volume: Path) -> dict[str, object]:
    return json.loads((volume / MARKER).read_text())


def the_error(output: str) -> str:
    """The only line that begins with error; no traceback besides."""
    assert "Traceback" not in output
    (line,) = [line for line in output.splitlines() if line.startswith("error:")]
    return line


def test_downloads_every_file(hub: Hub, volume: Path) -> None:
    code, output = run(hub.url, volume)
    assert code == 0, output
    assert content(volume) == FILES


def test_marker_names_the_commit_and_the_size_of_each_file(hub: Hub, volume: Path) -> None:
    run(hub.url, volume)
    written = marker(volume)
    assert (written["source"], written["revision"], written["commit"]) == ("example/model", "main", hub.commit)
    assert written["files"] == {name: len(data) for name, data in FILES.items()}
    assert written["bytes"] == sum(len(data) for data in FILES.values())


def test_gated_model_with_its_token(hub: Hub, volume: Path) -> None:
    hub.faults.gated_token = TOKEN
    code, output = run(hub.url, volume, HF_TOKEN=TOKEN)
    assert code == 0, output


@pytest.mark.parametrize("gated_token", [TOKEN, "hf_another"])
def test_token_is_not_in_the_log(hub: Hub, volume: Path, gated_token: str) -> None:
    hub.faults.gated_token = gated_token
    _, output = run(hub.url, volume, HF_TOKEN=TOKEN)
    assert TOKEN not in output


def test_token_does_not_reach_the_server_of_large_files(hub: Hub, volume: Path) -> None:
    run(hub.url, volume, HF_TOKEN=TOKEN)
    assert {request.authorization for request in hub.requests if request.path.startswith("/cdn/")} == {None}


def test_second_run_does_nothing_and_needs_no_network(hub: Hub, volume: Path) -> None:
    run(hub.url, volume)
    seen = len(hub.requests)
    code, output = run(hub.url, volume)
    assert code == 0
    assert "nothing to do" in output
    assert len(hub.requests) == seen


def test_another_revision_replaces_the_files_of_the_first(hub: Hub, volume: Path) -> None:
    run(hub.url, volume)
    with Hub({"config.json": b"{}", "model.safetensors": SHARD}, revision="v2") as later:
        code, output = run(later.url, volume, MODEL_REVISION="v2")
    assert code == 0, output
    assert content(volume, {**FILES, "model.safetensors": b""}) == later.files
    assert marker(volume)["revision"] == "v2"


def test_cut_connections_are_survived(hub: Hub, volume: Path) -> None:
    hub.faults = Faults(cut_after=100_000, cuts=2)
    code, output = run(hub.url, volume)
    assert code == 0, output
    assert content(volume) == FILES


def test_goes_on_in_the_middle_of_a_large_file(volume: Path) -> None:
    large = {"model.safetensors": SHARD * 48}
    with Hub(large, faults=Faults(cut_after=11 * MIB, cuts=1)) as hub:
        code, output = run(hub.url, volume)
    assert code == 0, output
    assert content(volume, large) == large
    assert any(request.range for request in hub.requests)


def test_tries_again_when_the_hub_is_unavailable(hub: Hub, volume: Path) -> None:
    hub.faults.unavailable = 1
    code, output = run(hub.url, volume)
    assert code == 0, output
    assert "trying again" in output


def test_progress_is_in_the_log_without_control_characters(hub: Hub, volume: Path) -> None:
    hub.faults.seconds_per_chunk = 0.04
    _, output = run(hub.url, volume)
    assert re.search(r"^\d+\.\d of \d+\.\d GiB \(\d+%\), \d+ MiB/s, about \d+ min left$", output, re.MULTILINE), output
    assert not re.search(r"[\r\x1b]", output)
    assert "(100%)" in output


def test_gated_model_without_a_token(hub: Hub, volume: Path) -> None:
    hub.faults.gated_token = TOKEN
    code, output = run(hub.url, volume)
    assert code == 3
    assert "pulumi config set --secret --path hearth:huggingFace.token" in the_error(output)


def test_gated_model_with_a_token_of_an_account_that_has_not_accepted(hub: Hub, volume: Path) -> None:
    hub.faults.gated_token = TOKEN
    code, output = run(hub.url, volume, HF_TOKEN="hf_other")
    assert code == 3
    assert f"accept the licence on its page with the token's account ({hub.url}/example/model)" in the_error(output)


def test_unknown_source(hub: Hub, volume: Path) -> None:
    code, output = run(hub.url, volume, MODEL_SOURCE="example/modle", HF_TOKEN=TOKEN)
    assert code == 4
    assert "has no example/modle at main" in the_error(output)


def test_unknown_source_without_a_token_may_be_private(hub: Hub, volume: Path) -> None:
    code, output = run(hub.url, volume, MODEL_SOURCE="example/modle")
    assert code == 3
    assert "example/modle at main does not exist or is private" in the_error(output)


def test_unknown_revision(hub: Hub, volume: Path) -> None:
    code, output = run(hub.url, volume, MODEL_REVISION="v9")
    assert code == 4
    assert "example/model has no revision v9" in the_error(output)


def test_unreachable_endpoint(volume: Path) -> None:
    code, output = run("http://127.0.0.1:9", volume)
    assert code == 5
    assert "http://127.0.0.1:9 (HF_ENDPOINT) cannot be reached" in the_error(output)


def test_mirror_with_cut_files_is_refused(hub: Hub, volume: Path) -> None:
    hub.faults.announced_extra = 1
    code, output = run(hub.url, volume)
    assert code == 7
    assert f"model-00001-of-00002.safetensors has {len(SHARD)} bytes instead of {len(SHARD) + 1}" in the_error(output)
    assert not (volume / MARKER).exists()


def test_model_larger_than_the_free_space_is_refused_before_a_download(hub: Hub, volume: Path) -> None:
    hub.faults.announced_extra = 2**60
    code, output = run(hub.url, volume)
    assert code == 6
    assert "GiB free: enlarge it" in the_error(output)
    assert not any(request.path.startswith("/cdn/") for request in hub.requests)


def test_damaged_file_is_fetched_again(hub: Hub, volume: Path) -> None:
    run(hub.url, volume)
    (volume / MARKER).unlink()
    (volume / "model-00001-of-00002.safetensors").write_bytes(b"cut")
    code, output = run(hub.url, volume)
    assert code == 0, output
    assert content(volume) == FILES


def test_index_that_names_a_missing_shard_is_refused(volume: Path) -> None:
    rest = {name: data for name, data in FILES.items() if "00002-of" not in name}
    with Hub(rest) as hub:
        code, output = run(hub.url, volume)
    assert code == 7
    assert "model-00002-of-00002.safetensors" in the_error(output)


def test_duplicates_and_pictures_are_left_out(volume: Path) -> None:
    extra = {"original/model.safetensors": SHARD, "pytorch_model.bin": SHARD, "figures/chart.png": b"png"}
    with Hub({**FILES, **extra}) as hub:
        code, output = run(hub.url, volume)
    assert code == 0
    assert content(volume, extra) == {}
    assert "leaving out 1 files, 0.0 GiB: the same weights in an older format" in output


def test_mistral_format_is_kept_where_no_other_tokenizer_is(volume: Path) -> None:
    files = {"config.json": b"{}", "tekken.json": b"{}", "params.json": b"{}"}
    weights = {"consolidated.safetensors": SHARD, "model-00001-of-00001.safetensors": SHARD}
    with Hub({**files, **weights}) as hub:
        run(hub.url, volume)
    assert set(content(volume, weights)) == {"consolidated.safetensors"}


def test_repository_without_loadable_weights_is_refused(volume: Path) -> None:
    with Hub({"model.gguf": SHARD}) as hub:
        code, output = run(hub.url, volume)
    assert code == 7
    assert "has no weights that vLLM or SGLang load" in the_error(output)


def test_two_at_once_fetch_each_file_once(hub: Hub, volume: Path) -> None:
    hub.faults.seconds_per_chunk = 0.02
    first = start(hub.url, volume, {})
    until(first, "GiB")
    code, output = run(hub.url, volume)
    assert finish(first)[0] == 0
    assert code == 0
    assert "another pod is downloading" in output
    assert "completed by another pod" in output
    assert sum(request.path.startswith("/cdn/") and request.method == "GET" for request in hub.requests) == 2


def test_sigterm_ends_at_once_and_keeps_finished_files(hub: Hub, volume: Path) -> None:
    hub.faults.seconds_per_chunk = 0.5
    process = start(hub.url, volume, {})
    until(process, "MiB/s")
    deadline = time.monotonic() + 20
    while not (volume / "config.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    code, output = finish(process)
    assert time.monotonic() - asked < 2
    assert code == 143
    assert "terminated" in output
    assert not (volume / MARKER).exists()
    assert (volume / "config.json").exists()


def test_run_after_sigterm_completes_and_leaves_no_partial_file(hub: Hub, volume: Path) -> None:
    hub.faults.seconds_per_chunk = 0.5
    process = start(hub.url, volume, {})
    until(process, "MiB/s")
    process.terminate()
    finish(process)
    hub.faults.seconds_per_chunk = 0
    code, output = run(hub.url, volume)
    assert code == 0, output
    assert content(volume) == FILES
    assert not list(volume.rglob("*.incomplete"))


def test_runs_from_a_mounted_config_map(hub: Hub, volume: Path) -> None:
    mount = volume.parent / "mount"
    data = mount / "..2026_11_21"
    data.mkdir(parents=True)
    for file in ("download_weights.py", "weights_selection.py", "weights_volume.py"):
        (data / file).write_bytes((SCRIPT.parent / file).read_bytes())
        (mount / file).symlink_to(data / file)
    code, output = finish(start(hub.url, volume, {}, script=mount / SCRIPT.name))
    assert code == 0, output


def test_model_larger_than_planned_is_told(hub: Hub, volume: Path) -> None:
    _, output = run(hub.url, volume, EXPECTED_BYTES="1000")
    assert "warning: the model has" in output


@pytest.mark.parametrize("name", ["MODEL_SOURCE", "MODEL_REVISION", "MODEL_DIRECTORY"])
def test_unset_variable_is_named(volume: Path, name: str) -> None:
    code, output = run("http://127.0.0.1:9", volume, **{name: ""})
    assert code == 2
    assert the_error(output) == f"error: {name} is not set"


def test_volume_that_is_not_mounted(volume: Path) -> None:
    code, output = run("http://127.0.0.1:9", volume, MODEL_DIRECTORY="/nowhere")
    assert code == 2
    assert "/nowhere is not a folder" in the_error(output)


def test_unreachable_vocabulary_of_gpt_oss_is_told_and_not_fatal(volume: Path) -> None:
    with Hub(FILES, source="openai/gpt-oss-20b") as hub:
        code, output = run(
            hub.url,
            volume,
            MODEL_SOURCE="openai/gpt-oss-20b",
            TIKTOKEN_URL="http://127.0.0.1:9/o200k_base.tiktoken",
        )
    assert code == 0
    assert "SGLang cannot serve this model without it" in output
