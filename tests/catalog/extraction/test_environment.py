"""Which variables source text reads."""

from __future__ import annotations

import pytest

from hearth.catalog.extraction.environment import Module, NotUnderstoodError, Read


def reads(text: str) -> list[Read]:
    return list(Module("a.py", text).reads())


@pytest.mark.parametrize(
    "text",
    [
        "x = os.getenv('A')",
        "x = os.environ.get('A')",
        "x = os.environ['A']",
        "if 'A' in os.environ: pass",
        "x = os.environ.setdefault('A')",
        "def f():\n    return os.getenv('A')",
    ],
)
def test_each_way_to_read(text: str) -> None:
    assert reads(text) == [Read("A", None, "text")]


@pytest.mark.parametrize(
    "text",
    [
        "os.environ['A'] = 'x'",
        "del os.environ['A']",
        "x = scope.get('A')",
        "x = environ.get('A')",
        "x = sio.get_environ('A')",
        "x = 'A'",
    ],
)
def test_what_reads_nothing(text: str) -> None:
    assert reads(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("os.getenv('A', 'x')", "x"),
        ("os.getenv('A', '')", ""),
        ("os.getenv('A', None)", None),
        ("os.getenv('A', 30)", "30"),
        ("os.getenv('A', BACKEND / 'data')", None),
        ("os.getenv('A', f'{DIR}/a.log')", None),
    ],
)
def test_defaults(text: str, expected: str | None) -> None:
    assert [read.default for read in reads(text)] == [expected]


def test_the_default_of_an_older_name_is_the_default_of_both() -> None:
    assert {(r.name, r.default) for r in reads("os.getenv('A', os.getenv('OLD_A', '5'))")} == {
        ("A", "5"),
        ("OLD_A", "5"),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = os.getenv('A', 'False').lower() == 'true'", "boolean"),
        ("x = os.getenv('A', 'x').strip().lower()", "text"),
        ("x = int(os.getenv('A') or 5)", "integer"),
        ("x = max(int(os.getenv('A', '1')), 1)", "integer"),
        ("x = float(os.getenv('A', '1'))", "number"),
        ("x = Path(os.getenv('A', '/data')).resolve()", "path"),
        ("x = [i.strip() for i in os.getenv('A', '').split(',')]", "list"),
        ("x = JSONCodec.loads(os.getenv('A', '{}'))", "json"),
        ("x = int(os.environ['A']) if 'A' in os.environ else None", "integer"),
        ("x = os.getenv('A', '')\ntry:\n    x = int(x)\nexcept ValueError:\n    x = None", "integer"),
        ("x = os.getenv('A', '')\ny = x if x else 'b'\ny = y.split(';')", "list"),
    ],
)
def test_types(text: str, expected: str) -> None:
    assert expected in {read.type for read in reads(text)}


def test_a_local_name_is_not_that_of_the_module() -> None:
    text = "x = os.getenv('A')\ndef f(x):\n    return int(x)"
    assert reads(text) == [Read("A", None, "text")]


def test_helpers_read_what_their_callers_name() -> None:
    helper = "def number(name, default):\n    return int(os.getenv(name) or default)\n"
    text = f"{helper}x = number('A', 30_000)\ny = number('B', 5)"
    assert reads(text) == [Read("A", "30000", "integer"), Read("B", "5", "integer")]


@pytest.mark.parametrize(
    "text",
    [
        "for name, setter in {'A': 1, 'B': 2}.items():\n    os.environ.get(name)",
        "headers = {'A': 1, 'B': 2}\nfor name, setter in headers.items():\n    os.environ.get(name, None)",
        "for name in ('A', 'B'):\n    os.environ.get(name)",
    ],
)
def test_loops_over_names(text: str) -> None:
    assert [read.name for read in reads(text)] == ["A", "B"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = os.getenv(f'A_{b}')", "a.py:1 reads the variable f'A_{b}'"),
        ("name = 'A'\nx = os.getenv(name)", "a.py:2 reads the variable name"),
        ("from os import getenv\n", "a.py:1 imports getenv from os"),
        ("for name in names():\n    os.getenv(name)", "a.py:1 loops over names()"),
        ("def f(name):\n    return os.getenv(name)\nf(other)", "a.py:3 calls f with other"),
        ("def f(name):\n    return os.getenv(name)", "has f, which nothing there calls"),
    ],
)
def test_what_is_not_understood_is_an_error(text: str, message: str) -> None:
    with pytest.raises(NotUnderstoodError) as error:
        reads(text)
    assert message in str(error.value)
