"""How `catalog add` asks a hub or a mirror, and what it says when that does not answer."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hearth.catalog import hub as client
from tests.catalog.add.adding import FILES, MODEL, TOKEN, TOTAL, add, entry, run, written
from tests.scripts.hub import Faults, Hub

pytestmark = pytest.mark.programs


def test_redirects_are_followed(hub: Hub, entries: Path) -> None:
    hub.faults.small_files = True
    assert add(hub).exit_code == 0
    assert entry(entries)["weightsBytes"] == TOTAL


def test_the_token_goes_to_the_hub_alone(hub: Hub) -> None:
    hub.faults = Faults(small_files=True, gated_token=TOKEN)
    assert add(hub, "--token", TOKEN).exit_code == 0
    of_hub = {request.authorization for request in hub.requests if not request.path.startswith("/cdn/")}
    elsewhere = {request.authorization for request in hub.requests if request.path.startswith("/cdn/")}
    assert (of_hub, elsewhere) == ({f"Bearer {TOKEN}"}, {None})


def test_endpoint_and_token_may_be_in_the_environment(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.faults.gated_token = TOKEN
    monkeypatch.setenv("HF_ENDPOINT", f"{hub.url}/")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert run(MODEL).exit_code == 0


def test_a_revision_can_be_chosen(entries: Path) -> None:
    with Hub(FILES, source=MODEL, revision="v2") as hub:
        assert add(hub, "--revision", "v2").exit_code == 0


@pytest.mark.parametrize("public", [False, True], ids=["gated wholly", "gated files"])
def test_a_gated_model_needs_licence_and_token(hub: Hub, entries: Path, public: bool) -> None:
    hub.faults = Faults(gated_token=TOKEN, gated_files_only=public)
    result = add(hub)
    assert result.exit_code == 1
    assert f"is gated: accept its licence at {hub.url}/{MODEL} and give a token with --token" in result.stderr
    assert written(entries) == []


def test_a_token_without_access_to_a_gated_model_is_told_so(hub: Hub) -> None:
    hub.faults.gated_token = TOKEN
    result = add(hub, "--token", "hf_other")
    assert result.exit_code == 1
    assert "accept its licence" in result.stderr
    assert "hf_other" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "does not exist or is private (HTTP 401): check the spelling, or give a token"),
        (("--token", TOKEN), "has no model acme/Qwen4 (HTTP 404): check the spelling of ORG/NAME"),
    ],
    ids=["401", "404"],
)
def test_a_misspelt_model_is_refused(hub: Hub, arguments: tuple[str, ...], message: str) -> None:
    result = add(hub, *arguments, source="acme/Qwen4")
    assert result.exit_code == 1
    assert message in result.stderr
    assert TOKEN not in result.output


def test_an_unknown_revision_is_refused(hub: Hub) -> None:
    result = add(hub, "--revision", "v9")
    assert result.exit_code == 1
    assert "has no revision 'v9'" in result.stderr


def test_a_busy_hub_is_asked_again(hub: Hub) -> None:
    hub.faults.unavailable = 2
    result = add(hub)
    assert result.exit_code == 0
    assert "failed: HTTP 503; trying again" in result.stderr


def test_a_hub_that_stays_busy_is_given_up(hub: Hub, entries: Path) -> None:
    hub.faults.unavailable = 100
    result = add(hub)
    assert result.exit_code == 1
    assert "4 times in a row: HTTP 503; check the network, or choose a mirror" in result.stderr
    assert written(entries) == []


def test_a_cut_off_answer_is_asked_for_again(hub: Hub, entries: Path) -> None:
    hub.faults = Faults(small_files=True, cut_after=100, cuts=2)
    assert add(hub).exit_code == 0
    assert entry(entries)["weightsBytes"] == TOTAL


def test_answers_that_are_always_cut_off_are_given_up(hub: Hub, entries: Path) -> None:
    hub.faults = Faults(small_files=True, cut_after=100, cuts=100)
    result = add(hub)
    assert result.exit_code == 1
    assert "breaks off, 4 times in a row" in result.stderr
    assert written(entries) == []


def test_a_hub_that_does_not_answer_is_given_up(hub: Hub) -> None:
    hub.faults = Faults(small_files=True, seconds_per_chunk=2)
    result = add(hub)
    assert result.exit_code == 1
    assert "no answer within 0.5 s" in result.stderr


def test_a_slow_answer_shows_progress(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PROGRESS_SECONDS", 0.05)
    hub.faults = Faults(small_files=True, seconds_per_chunk=0.3)
    result = add(hub)
    assert result.exit_code == 0
    assert "config.json: 0 bytes after" in result.stderr


def test_a_hub_that_is_not_there_is_named() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        result = run(MODEL, "--endpoint", endpoint)
    assert result.exit_code == 1
    assert f"{endpoint} cannot be reached" in result.stderr


@pytest.mark.parametrize("endpoint", ["huggingface.co", "ftp://hub.example", "https://", "http://["])
def test_an_endpoint_that_is_no_url_is_wrong_usage(endpoint: str) -> None:
    result = run(MODEL, "--endpoint", endpoint)
    assert result.exit_code == 2
    assert "--endpoint" in result.stderr


@pytest.mark.parametrize("token", ["hf_a\nhf_b", "hf_\u00e4", "Bearer hf_a"])
def test_a_token_that_is_none_is_wrong_usage(hub: Hub, token: str) -> None:
    result = add(hub, "--token", token)
    assert result.exit_code == 2
    assert "hf_" not in result.stderr
