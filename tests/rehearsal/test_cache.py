from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hearth.rehearsal.cache import cache_directory, ensure_directory


def nothing() -> None:
    pass


def test_the_cache_lies_where_xdg_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "hearth"


@pytest.mark.parametrize("value", ["", "relative/path"])
def test_a_cache_home_that_is_no_absolute_path_counts_as_unset(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert cache_directory() == Path.home() / ".cache" / "hearth"


def test_a_directory_is_filled_once(tmp_path: Path) -> None:
    fills: list[Path] = []
    for _ in range(2):
        ensure_directory(tmp_path / "made", fills.append, nothing)
    assert len(fills) == 1


def test_a_fill_that_fails_leaves_no_directory(tmp_path: Path) -> None:
    def fill(destination: Path) -> None:
        (destination / "half").touch()
        raise OSError

    with pytest.raises(OSError):
        ensure_directory(tmp_path / "made", fill, nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["made.lock"]


def test_what_a_killed_fill_has_left_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".made").mkdir()
    (tmp_path / ".made" / "half").touch()
    made = ensure_directory(tmp_path / "made", lambda destination: (destination / "whole").touch(), nothing)
    assert [path.name for path in made.iterdir()] == ["whole"]


FILL = """
import sys, time
from pathlib import Path
from hearth.rehearsal.cache import ensure_directory

def fill(destination):
    time.sleep(0.5)
    print("filled")

ensure_directory(Path(sys.argv[1]), fill, lambda: print("waited"))
"""


@pytest.mark.programs
def test_two_processes_do_not_fill_the_same_directory(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", FILL, str(tmp_path / "made")]
    runs = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sorted(run.communicate()[0].strip() for run in runs) == ["filled", "waited"]
