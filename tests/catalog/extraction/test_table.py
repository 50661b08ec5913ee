"""The table of a package's variables."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from hearth.catalog.extraction.__main__ import fetched, main, pinned_version, read
from hearth.catalog.extraction.config_values import config_values
from hearth.catalog.extraction.environment import Module
from hearth.catalog.extraction.table import variables
from hearth.catalog.open_webui import Variable, environment_table, loads


def values(text: str) -> dict[str, set[str]]:
    return config_values(Module("config.py", text), "DEFAULT_CONFIG")


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        ("X = os.getenv('A')", {"A"}),
        ("X = os.getenv('A', os.getenv('OLD_A'))", {"A", "OLD_A"}),
        ("a = os.getenv('A')\nX = a.split(';')", {"A"}),
        ("X = os.getenv('A')\nX = 'constant'", set()),
        ("X = os.getenv('A')\nif X == '':\n    X = os.getenv('B')", {"A", "B"}),
        ("try:\n    x = json.loads(os.getenv('A'))\nexcept Exception as e:\n    x = []\nX = x", {"A"}),
        ("if a:\n    p = os.getenv('B')\nif b:\n    p = os.getenv('A')\nX = p", {"A"}),
        ("url = os.getenv('B')\nX = [url.strip() for url in os.getenv('A').split(';')]", {"A"}),
        ("def f():\n    X = os.getenv('B')\nX = os.getenv('A')", {"A"}),
        ("X: str = os.getenv('A')", {"A"}),
        ("X = {'inner': {'deep': os.getenv('A')}}", {"A"}),
        ("X = []", set()),
    ],
)
def test_config_values_come_from_variables(assignments: str, expected: set[str]) -> None:
    assert values(f"{assignments}\nDEFAULT_CONFIG = {{'x.y': X}}") == {"x.y": expected}


def test_all_files_are_one_table() -> None:
    table = variables(
        {
            "env.py": "A = os.getenv('A', '1')",
            "utils/a.py": "def f():\n    return int(os.getenv('A'))",
            "config.py": "B = os.getenv('B')\nDEFAULT_CONFIG = {'b': B}",
            "plain.py": "this is not parsed",
        }
    )
    assert table == {
        "A": Variable("integer", "1", ("env.py", "utils/a.py")),
        "B": Variable("text", None, ("config.py",), ("b",)),
    }


def test_only_one_file_has_the_config() -> None:
    table = variables({"config.py": "", "other.py": "A = os.getenv('A')\nDEFAULT_CONFIG = {'a': A}"})
    assert table["A"].config == ()


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "open_webui-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("open_webui/env.py", "A = os.getenv('A')")
        archive.writestr("open_webui/static/loader.js", "os.getenv('JS')")
        archive.writestr("other/env.py", "B = os.getenv('B')")
    return path


def test_a_wheel_is_read_without_running_it(wheel: Path) -> None:
    table = read(wheel)
    assert (table.version, list(table.variables)) == ("1.2.3", ["A"])


def test_the_command_writes_the_table(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "table.json"
    monkeypatch.setattr("sys.argv", ["extraction", "--wheel", str(wheel), "--output", str(output)])
    assert main() == 0
    assert loads(output.read_text()) == read(wheel)


def test_a_missing_wheel_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["extraction", "--wheel", str(tmp_path / "none-1-py3.whl")])
    assert main() == 1
    assert "none-1-py3.whl" in capsys.readouterr().err


@pytest.mark.packages
def test_the_table_is_what_the_package_says() -> None:
    try:
        wheel = fetched(pinned_version())
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no package index: {error}")
    assert read(wheel) == environment_table()
