"""The table of a package's variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearth.catalog.extraction.__main__ import main
from hearth.catalog.extraction.config_values import config_values
from hearth.catalog.extraction.environment import Module
from hearth.catalog.extraction.table import variables
from hearth.catalog.open_webui import Variable, environment_table, loads
from hearth.package_index import PackageError, releases


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


def test_an_index_that_does_not_answer_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["extraction"])
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    assert main() == 1
    assert "http://127.0.0.1:1/simple/open-webui/ cannot be read" in capsys.readouterr().err


@pytest.mark.packages
def test_a_version_that_is_not_published_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reachable()
    monkeypatch.setattr("sys.argv", ["extraction", "--version", "99.0.0"])
    assert main() == 1
    assert "open-webui 99.0.0 is not published; the newest is " in capsys.readouterr().err


@pytest.mark.packages
def test_the_table_is_what_the_package_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reachable()
    output = tmp_path / "table.json"
    monkeypatch.setattr("sys.argv", ["extraction", "--output", str(output)])
    assert main() == 0
    assert loads(output.read_text()) == environment_table()


def reachable() -> None:
    try:
        releases("open-webui")
    except PackageError as error:
        pytest.skip(str(error))
