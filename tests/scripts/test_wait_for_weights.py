"""The script that holds a server back until its model's volume is complete, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "hearth/planning/scripts/wait_for_weights.py"
MARKER = ".hearth-complete"


def mark(volume: Path, revision: str = "main") -> None:
    """Completes the volume, as the download does."""
    (volume / "model.safetensors").write_bytes(b"weights")
    marker = {
        "source": "example/model",
        "revision": revision,
        "commit": "c0ffee",
        "files": {"model.safetensors": 7},
        "bytes": 7,
        "completed": "2026-11-21T09:00:00+00:00",
    }
    (volume / MARKER).write_text(json.dumps(marker))


@contextmanager
def waiting(volume: Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    settings = {
        "PATH": os.environ["PATH"],
        "MODEL_SOURCE": "example/model",
        "MODEL_REVISION": "main",
        "MODEL_DIRECTORY": str(volume),
        "PROGRESS_SECONDS": "0.05",
    }
    with subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        env=settings | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(volume: Path, **env: str) -> tuple[int, str]:
    with waiting(volume, **env) as process:
        output, _ = process.communicate(timeout=10)
        return process.returncode, output


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def test_complete_volume_is_told_at_once(tmp_path: Path) -> None:
    mark(tmp_path)
    assert finish(tmp_path) == (0, "example/model at commit c0ffee is complete: 0.0 GiB\n")


def test_waits_until_the_marker_is_written(tmp_path: Path) -> None:
    with waiting(tmp_path) as process:
        assert next_line(process) == "waiting for example/model at main: 0.0 GiB so far\n"
        mark(tmp_path)
        process.communicate(timeout=10)
        assert process.returncode == 0


def test_volume_of_another_revision_is_waited_for_and_named(tmp_path: Path) -> None:
    mark(tmp_path, revision="old")
    with waiting(tmp_path) as process:
        assert "the volume holds example/model at old" in next_line(process)


def test_half_a_model_with_a_marker_is_refused(tmp_path: Path) -> None:
    mark(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"cut")
    code, output = finish(tmp_path)
    assert code == 1
    assert "model.safetensors has 3 bytes instead of 7" in output


def test_sigterm_ends_the_wait(tmp_path: Path) -> None:
    with waiting(tmp_path) as process:
        next_line(process)
        process.terminate()
        assert process.wait(timeout=5) == 143


def test_unset_variable_is_named(tmp_path: Path) -> None:
    assert finish(tmp_path, MODEL_SOURCE="") == (1, "error: MODEL_SOURCE not set\n")
