"""The usage filter's hooks on streams as engines send them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functions.loading import load_function
from tests.scripts.engine import events

SOURCE = Path(__file__).parents[2] / "functions/usage.py"
Json = dict[str, Any]


class Clock:
    """time.monotonic of the function; each look takes a tick."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        self.now += 0.25
        return self.now


@pytest.fixture
def module() -> Iterator[Any]:
    module = load_function(SOURCE.read_text(encoding="utf-8"))
    module.time = Clock()
    yield module


def body(stream: bool = True) -> Json:
    return {"stream": stream, "messages": [{"role": "user", "content": "Hello"}]}


def run(function: Any, *, counted: bool = True, user: Json | None = None, words: int = 5) -> tuple[Json, list[Json]]:
    """The answer after all hooks, and the events that were sent: one tick to the first token, and one for each more."""
    metadata: Json = {}
    function.inlet(body(), metadata)
    usage = None
    for event in events("model", [{"content": "word "}] * words, usage=counted)[:-1]:
        usage = function.stream(event, metadata).get("usage") or usage
    answer: Json = {
        "role": "assistant",
        "content": "word",
        "output": [{"type": "message", "content": [{"text": "word"}]}],
    }
    if usage:
        answer["usage"] = {**usage, "output_tokens": usage["completion_tokens"]}
    sent: list[Json] = []

    async def emit(event: Json) -> None:
        sent.append(event)

    done = asyncio.run(function.outlet({"messages": [answer]}, metadata, user or {}, emit))
    return done["messages"][-1], sent


def test_a_status_line_with_all_figures(module: Any) -> None:
    answer, sent = run(module.Filter())
    text = "1.2 s · first token after 0.2 s · 5 tokens · 4.0 tokens/s"
    assert sent == [{"type": "status", "data": {"description": text, "done": True}}]
    assert answer["content"] == "word"


def test_pieces_are_counted_where_the_engine_does_not(module: Any) -> None:
    assert "~5 tokens" in run(module.Filter(), counted=False)[1][0]["data"]["description"]


@pytest.mark.parametrize(
    ("valves", "text"),
    [
        ({"decimals": 0}, "1 s · first token after 0 s · 5 tokens · 4 tokens/s"),
        ({"decimals": 3, "speed": False, "tokens": False}, "1.250 s · first token after 0.250 s"),
        ({"time": False, "first_token": False, "speed": False}, "5 tokens"),
    ],
)
def test_what_is_shown_is_a_valve(module: Any, valves: Json, text: str) -> None:
    function = module.Filter()
    function.valves = function.Valves(**valves)
    assert run(function)[1][0]["data"]["description"] == text


def test_nothing_is_shown_when_all_is_off(module: Any) -> None:
    function = module.Filter()
    function.valves = function.Valves(time=False, first_token=False, tokens=False, speed=False)
    assert run(function)[1] == []


def test_below_the_answer(module: Any) -> None:
    function = module.Filter()
    function.valves = function.Valves(place="below", speed=False)
    answer, sent = run(function)
    line = "\n\n*⏱ 1.2 s · first token after 0.2 s · 5 tokens*"
    assert (answer["content"], sent) == (f"word{line}", [])
    assert answer["output"][0]["content"][0]["text"] == f"word{line}"
    messages = function.inlet({"messages": [dict(answer)]}, {})["messages"]
    assert messages[0]["content"] == "word"


def test_a_person_may_turn_it_off(module: Any) -> None:
    function = module.Filter()
    user = {"id": "anna", "valves": function.UserValves(show=False)}
    answer, sent = run(function, user=user)
    assert (answer["content"], sent) == ("word", [])


def test_the_engine_is_asked_for_its_count(module: Any) -> None:
    function = module.Filter()
    assert function.inlet(body(), {})["stream_options"] == {"include_usage": True}
    assert "stream_options" not in function.inlet(body(stream=False), {})
    function.valves = function.Valves(ask_engine=False)
    assert "stream_options" not in function.inlet(body(), {})


def test_an_answer_that_does_not_stream_has_its_time(module: Any) -> None:
    function, metadata, sent = module.Filter(), {}, []

    async def emit(event: Json) -> None:
        sent.append(event["data"]["description"])

    function.inlet(body(stream=False), metadata)
    asyncio.run(function.outlet({"messages": [{"role": "assistant", "content": "a"}]}, metadata, {}, emit))
    assert [re.sub(r"\d", "0", text) for text in sent] == ["0.0 s"]


@pytest.mark.parametrize("messages", [[], [{"role": "user", "content": "Hello"}]])
def test_bodies_without_an_answer_pass(module: Any, messages: list[Json]) -> None:
    function, metadata = module.Filter(), {}
    function.inlet(body(), metadata)
    assert asyncio.run(function.outlet({"messages": messages}, metadata)) == {"messages": messages}


def test_a_request_that_it_did_not_see_begin_passes(module: Any) -> None:
    function = module.Filter()
    event = {"choices": [{"delta": {"content": "a"}}]}
    assert function.stream(event, {}) == event
    answer = {"messages": [{"role": "assistant", "content": "a"}]}
    assert asyncio.run(function.outlet(answer, {})) == answer


@pytest.mark.parametrize("valves", [{"decimals": 9}, {"decimals": -1}, {"place": "above"}])
def test_wrong_valves(module: Any, valves: Json) -> None:
    with pytest.raises(ValueError, match=r"decimals|place"):
        module.Filter.Valves(**valves)
