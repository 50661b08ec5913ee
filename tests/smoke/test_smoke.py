"""`smoke` against servers that answer well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner, Result

from hearth.cli import app
from hearth.smoke import translation
from tests.smoke.servers import KEY, Handler, serve, well
from tests.smoke.stack_files import HOST, QWEN, model, write

pytestmark = pytest.mark.programs


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["smoke", "-s", "test", "-C", str(folder), *arguments])


def rows(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    return json.loads(run(folder, "--json", *arguments).stdout)["results"]


def outcomes(folder: Path, *arguments: str) -> dict[str, str]:
    return {row["check"]: row["outcome"] for row in rows(folder, *arguments)}


def test_a_model_is_asked_for_all_that_it_can_do(tmp_path: Path) -> None:
    write(tmp_path, **HOST, models=[QWEN])

    with serve(["qwen3-8b"]) as url:
        found = outcomes(tmp_path, "--base-url", url)

    names = ("models", "listed", "chat", "stream", "tool call", "reasoning")
    assert found == dict.fromkeys(names, "passed")


def test_a_model_without_parsers_is_not_asked_for_tools_or_thoughts(tmp_path: Path) -> None:
    write(tmp_path)

    with serve(["llama3.2:1b"]) as url:
        found = outcomes(tmp_path, "--base-url", url)

    assert list(found) == ["models", "listed", "chat", "stream"]


def test_the_stream_is_measured(tmp_path: Path) -> None:
    write(tmp_path)

    with serve(["llama3.2:1b"]) as url:
        (row,) = (row for row in rows(tmp_path, "--base-url", url) if row["check"] == "stream")

    assert row["first_token_seconds"] >= 0
    assert row["tokens_per_second"] > 0


@pytest.mark.parametrize(
    ("changes", "name", "content"),
    [
        (
            {**HOST, "models": [model("translator", "Infomaniak-AI/vllm-translategemma-4b-it")]},
            "translator",
            "<<<source>>>en<<<target>>>de<<<text>>>The weather is nice today.",
        ),
        (
            {**HOST, "models": [model("translator", "google/translategemma-4b-it")]},
            "translator",
            [
                {
                    "type": "text",
                    "source_lang_code": "en",
                    "target_lang_code": "de",
                    "text": "The weather is nice today.",
                }
            ],
        ),
        ({"ollama": {"models": ["translategemma:4b"]}}, "translategemma:4b", translation.content("prose")),
    ],
    ids=["the copies for vLLM", "Google's own template", "Ollama's build"],
)
def test_a_model_for_translation_is_asked_in_its_own_form(
    tmp_path: Path, changes: dict[str, Any], name: str, content: object
) -> None:
    asked: list[object] = []

    def complete(handler: Handler, request: Any) -> None:
        asked.append(request["messages"][0]["content"])
        well(handler, request)

    write(tmp_path, **{**changes, "cpuNodes": {"cpus": 64, "memoryGib": 512}})

    with serve([name], complete) as url:
        found = outcomes(tmp_path, "--base-url", url)

    assert (found["translation"], asked) == ("passed", [content])


def test_a_model_that_embeds_is_only_looked_for(tmp_path: Path) -> None:
    chat = {"admin": {"email": "admin@example.org"}, "database": {"engine": "sqlite"}, "embeddingModel": "bge-m3"}
    write(tmp_path, ollama={"models": ["bge-m3", "llama3.2:1b"]}, webUi=chat)

    with serve(["bge-m3"]) as url:
        found = outcomes(tmp_path, "--base-url", url, "--model", "bge-m3")

    assert list(found) == ["models", "listed"]


def test_published_servers_are_found_without_an_address(tmp_path: Path) -> None:
    with serve(["llama3.2:1b"]) as url:
        write(tmp_path, docker={"publish": {"ollama": urlsplit(url).port}})
        result = run(tmp_path)

    assert result.exit_code == 0, result.output
    assert "4 of 4 checks passed" in result.output


def test_what_is_not_published_is_asked_through_the_web_ui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_ADMIN_PASSWORD", "the-password")

    with serve(["llama3.2:1b"], key=KEY, prefix="/api") as url:
        write(tmp_path, docker={"publish": {"web-ui": urlsplit(url).port}})
        result = run(tmp_path)

    assert result.exit_code == 0, result.output


def test_the_key_is_read_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_API_KEY", KEY)
    write(tmp_path)

    with serve(["llama3.2:1b"], key=KEY) as url:
        assert run(tmp_path, "--base-url", url).exit_code == 0


def test_one_model_of_several_can_be_chosen(tmp_path: Path) -> None:
    write(tmp_path, **HOST, models=[QWEN, model("other", "Qwen/Qwen2.5-7B-Instruct")])

    with serve(["other"]) as url:
        found = {row["model"] for row in rows(tmp_path, "--base-url", url, "--model", "other")}

    assert found == {"", "other"}
