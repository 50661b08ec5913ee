"""`catalog list`, `show`, `gpus` and `instances`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from hearth.catalog.gpus import gpus
from hearth.catalog.instances import instances
from hearth.catalog.models import model_names
from hearth.catalog_command import catalog


def run(*arguments: str) -> Result:
    return CliRunner().invoke(catalog, arguments)


@pytest.mark.parametrize(
    ("command", "names"), [("list", model_names()), ("gpus", tuple(gpus())), ("instances", tuple(instances()))]
)
def test_a_list_has_a_row_for_each(command: str, names: tuple[str, ...]) -> None:
    result = run(command)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == list(names)


@pytest.mark.parametrize("command", ["list", "gpus", "instances"])
def test_a_list_is_a_document_with_json(command: str) -> None:
    assert len(json.loads(run(command, "--json").stdout)) > 20


def test_a_model_is_shown_by_its_short_name() -> None:
    document = json.loads(run("show", "qwen3-8b", "--json").stdout)
    assert document["model"] == "Qwen/Qwen3-8B"
    assert document["layers"] == {"FullAttention": 36}


def test_a_model_is_shown_as_text() -> None:
    assert "Qwen/Qwen3-8B" in run("show", "Qwen/Qwen3-8B").stdout


def test_a_model_that_is_not_there_is_refused() -> None:
    result = run("show", "Qwen3-9B")
    assert result.exit_code == 1
    assert "Qwen/Qwen3-8B" in result.stderr
