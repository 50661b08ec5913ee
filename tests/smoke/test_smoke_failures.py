"""`smoke` against servers that answer badly or not at all: what it says, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live.processes import free_port
from tests.smoke.servers import KEY, Complete, Handler, serve, tool_call, well
from tests.smoke.stack_files import HOST, QWEN, model, write
from tests.smoke.test_smoke import run

pytestmark = pytest.mark.programs


def answer(content: str | None, **more: object) -> Complete:
    return lambda handler, request: well(handler, request) if request.get("stream") else handler.say(content, **more)


def streams(act: Callable[[Handler], None]) -> Complete:
    return lambda handler, request: act(handler) if request.get("stream") else well(handler, request)


def silent(handler: Handler, request: Any) -> None:
    handler.release.wait(30)


def broken(handler: Handler, request: Any) -> None:
    handler.send(500, {"error": {"message": "CUDA out of memory"}})


def failed_in_the_stream(handler: Handler) -> None:
    handler.send(200, 'data: {"error": {"message": "engine died"}}\n\n', "text/event-stream")


def nonsense(handler: Handler) -> None:
    handler.send(200, 'data: {"choices": [1]}\n\ndata: {"choices": 2}\n\n', "text/event-stream")


def page(handler: Handler, request: Any) -> None:
    handler.send(200, "<html>sign in first</html>", "text/html")


@pytest.mark.parametrize(
    ("complete", "message"),
    [
        (broken, "answers 500: "),
        (broken, "CUDA out of memory"),
        (silent, "sent nothing for 0.3 s; is the model still loading?"),
        (streams(lambda handler: handler.stream(["one"], finish=False, length=9999)), "broke the connection off"),
        (streams(lambda handler: handler.stream(["one", "two"], finish=False)), "the stream was cut after 2 pieces"),
        (streams(lambda handler: handler.stream([])), "the answer is empty"),
        (streams(failed_in_the_stream), "gave an error: engine died"),
        (streams(nonsense), "answers with something else than OpenAI's API"),
        (page, "the answer is no chat completion: '<html>sign in first</html>'"),
        (answer(""), "chat: the answer is empty"),
        (answer("It is sunny."), "answered in words instead of a tool call: 'It is sunny.'"),
        (answer(None, tool_calls=[tool_call("get_weather", "{city")]), "arguments that are not JSON: '{city'"),
        (answer(None, tool_calls=[tool_call("get_time", "{}")]), "called get_time({}) instead of get_weather"),
        (answer("9.9"), "gave no thoughts, only '9.9'; does reasoningParser suit the model?"),
        (answer("<think>Well.</think>9.9"), "its thoughts are within the answer"),
    ],
)
def test_a_wrong_answer_is_put_into_words(tmp_path: Path, complete: Complete, message: str) -> None:
    write(tmp_path, **HOST, models=[QWEN])

    with serve(["qwen3-8b"], complete) as url:
        result = run(tmp_path, "--base-url", url, "--timeout", "0.3")

    assert (result.exit_code, message in result.stdout) == (1, True), result.output


def test_an_untranslated_text_fails(tmp_path: Path) -> None:
    write(tmp_path, **HOST, models=[model("translator", "Infomaniak-AI/vllm-translategemma-4b-it")])

    with serve(["translator"], answer("The weather is nice today.")) as url:
        result = run(tmp_path, "--base-url", url)

    assert "gave the text back untranslated" in result.stdout


def test_a_server_that_nobody_started(tmp_path: Path) -> None:
    write(tmp_path)

    result = run(tmp_path, "--base-url", f"http://127.0.0.1:{free_port()}/v1")

    assert (result.exit_code, "Connection refused; is the stack up" in result.stdout) == (1, True), result.output


def test_a_wrong_key_names_the_command_that_prints_the_right_one(tmp_path: Path) -> None:
    write(tmp_path, **HOST, models=[QWEN])

    with serve(["qwen3-8b"], key=KEY) as url:
        result = run(tmp_path, "--base-url", url, "--api-key", "wrong")

    assert "docker exec hearth-test-qwen3-8b printenv VLLM_API_KEY" in result.stdout


def test_a_wrong_password_of_the_web_ui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_ADMIN_PASSWORD", "wrong")
    write(tmp_path)

    with serve(["llama3.2:1b"], key=KEY, prefix="/api") as url:
        result = run(tmp_path, "--base-url", url)

    assert "refuses the password of admin@example.org" in result.stdout


def test_a_web_ui_without_password(tmp_path: Path) -> None:
    write(tmp_path)

    with serve(["llama3.2:1b"], key=KEY, prefix="/api") as url:
        result = run(tmp_path, "--base-url", url)

    assert "set HEARTH_ADMIN_PASSWORD" in result.stdout


def test_a_model_that_is_missing_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    write(tmp_path)

    with serve(["gemma3:4b"]) as url:
        result = run(tmp_path, "--base-url", url)

    assert "does not list it, only gemma3:4b" in result.stdout


def test_an_address_without_its_path(tmp_path: Path) -> None:
    write(tmp_path)

    with serve(["llama3.2:1b"]) as url:
        result = run(tmp_path, "--base-url", url.removesuffix("/v1"))

    assert "a model server's address ends with /v1" in result.stdout


@pytest.mark.parametrize("body", ["<html>sign in first</html>", "[]", "null", '{"data": 1}', "{broken"])
@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_a_server_of_something_else(tmp_path: Path, body: str, kind: str) -> None:
    write(tmp_path)

    with serve([], listing=(body, kind)) as url:
        result = run(tmp_path, "--base-url", url)

    assert (result.exit_code, "OpenAI" in result.stdout) == (1, True), result.output


@pytest.mark.parametrize("address", ["foo", "ftp://x/v1", "http://", "http://[::1", "http://x:99999/v1"])
def test_an_address_that_is_none(tmp_path: Path, address: str) -> None:
    write(tmp_path)

    result = run(tmp_path, "--base-url", address)

    assert (result.exit_code, "is no address of a server" in " ".join(result.stderr.split())) == (2, True)


def test_a_key_that_no_header_carries(tmp_path: Path) -> None:
    write(tmp_path)

    assert run(tmp_path, "--api-key", "schlüssel").exit_code == 2


def test_a_model_that_the_stack_does_not_have(tmp_path: Path) -> None:
    write(tmp_path)

    result = run(tmp_path, "--model", "qwq")

    assert (result.exit_code, result.stderr) == (2, "--model qwq: is no model of this stack, which has llama3.2:1b\n")


def test_a_stack_that_publishes_nothing(tmp_path: Path) -> None:
    web_ui = {"admin": {"email": "a@example.org"}, "database": {"engine": "sqlite"}, "exposure": {"type": "none"}}
    write(tmp_path, webUi=web_ui)

    result = run(tmp_path)

    assert (result.exit_code, "publishes neither the web UI nor ollama" in result.stderr) == (2, True)


def test_a_cluster_needs_an_address(tmp_path: Path) -> None:
    storage = {"storageClass": "shared", "databaseStorageClass": "fast"}
    write(tmp_path, target="kubernetes", storage=storage, cluster={"context": "lab"})

    result = run(tmp_path)

    assert result.exit_code == 2
    assert "kubectl --context lab --namespace hearth-test port-forward service/ollama 11434:11434" in result.stderr


def test_a_refused_stack_file(tmp_path: Path) -> None:
    write(tmp_path, ollama={"models": ["no such tag"]})

    assert run(tmp_path).exit_code == 2
