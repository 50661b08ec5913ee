"""The reasoning filter's hooks on streams as engines send them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.functions.loading import load_function
from tests.scripts.engine import events

SOURCE = Path(__file__).parents[2] / "functions/reasoning.py"
QUESTION = {"role": "user", "content": "Hello"}
Json = dict[str, Any]


@pytest.fixture
def reasoning() -> Any:
    return load_function(SOURCE.read_text(encoding="utf-8")).Filter()


def pieces(*texts: str, field: str = "content") -> list[Json]:
    return [{field: text} for text in texts]


def streamed(function: Any, deltas: Sequence[Mapping[str, Any]], metadata: Json) -> tuple[str, str]:
    """Reasoning and answer that come out of the stream hook."""
    reasoning = answer = ""
    for event in events("model", deltas, usage=True)[:-1]:
        for choice in function.stream(event, metadata)["choices"]:
            reasoning += choice["delta"].get("reasoning_content") or ""
            answer += choice["delta"].get("content") or ""
    return reasoning, answer


def completed(*output: Json, content: str = "") -> Json:
    return {
        "id": "m1",
        "messages": [dict(QUESTION), {"id": "m1", "role": "assistant", "output": [*output], "content": content}],
    }


def message(text: str) -> Json:
    return {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": text}]}


def thought(text: str, **times: float) -> Json:
    return {"type": "reasoning", "id": "r_1", "content": [{"type": "output_text", "text": text}], **times}


def shown(body: Json) -> str:
    return body["messages"][-1]["content"]


# Streams


@pytest.mark.parametrize(
    "texts",
    [
        ["<think>", "Hm.", "</think>", "\n\nGood day"],
        ["<th", "ink", ">H", "m.", "</", "thi", "nk>", "\n\n", "Good", " day"],
        ["\n", " <think>Hm.</think>Good day"],
        list("<think>Hm.</think>Good day"),
        ["<thinking>Hm.</thinking>Good day"],
    ],
)
def test_tags_become_the_reasoning_field(reasoning: Any, texts: list[str]) -> None:
    thinking, answer = streamed(reasoning, pieces(*texts), {})
    assert (thinking, answer.strip()) == ("Hm.", "Good day")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_an_engine_with_a_parser_is_left_alone(reasoning: Any, field: str) -> None:
    deltas = [*pieces("Hm.", field=field), *pieces("<think>", " is", " a", " tag")]
    sent, metadata = events("model", deltas, usage=None)[:-1], {}
    assert [reasoning.stream(event, metadata) for event in events("model", deltas, usage=None)[:-1]] == sent


@pytest.mark.parametrize(
    "texts",
    [["Good", " day"], ["a <", "b and c> d"], ["Write ", "<think>", " first"], ["<", "thin ice>"], ["ends with <"]],
)
def test_an_answer_without_reasoning_is_whole(reasoning: Any, texts: list[str]) -> None:
    assert streamed(reasoning, pieces(*texts), {}) == ("", "".join(texts))


@pytest.mark.parametrize("text", ["<thi", "<", " "])
def test_what_was_held_back_comes_at_the_end(reasoning: Any, text: str) -> None:
    assert streamed(reasoning, pieces(text), {}) == ("", text)


def test_reasoning_that_does_not_end(reasoning: Any) -> None:
    assert streamed(reasoning, pieces("<think>", "Hm", " a </thi"), {}) == ("Hm a </thi", "")


def test_chats_at_the_same_time_do_not_mix(reasoning: Any) -> None:
    first, second = {}, {}
    texts = list("<think>Hm.</think>Yes")
    outcome = ["", ""]
    for text in texts:
        for index, metadata in enumerate((first, second)):
            event = {"choices": [{"delta": {"content": text}}]}
            delta = reasoning.stream(event, metadata)["choices"][0]["delta"]
            outcome[index] += delta.get("content") or ""
    assert outcome == ["Yes", "Yes"]


def test_each_round_of_tool_calls_may_think_anew(reasoning: Any) -> None:
    metadata: Json = {}
    assert streamed(reasoning, pieces("<think>A</think>", "first"), metadata) == ("A", "first")
    assert streamed(reasoning, pieces("<think>B</think>", "second"), metadata) == ("B", "second")


def test_tags_are_a_valve(reasoning: Any) -> None:
    reasoning.valves = reasoning.Valves(tags="reflect")
    assert streamed(reasoning, pieces("<reflect>Hm.</reflect>Yes"), {}) == ("Hm.", "Yes")
    assert streamed(reasoning, pieces("<think>Hm.</think>Yes"), {}) == ("", "<think>Hm.</think>Yes")


def test_off(reasoning: Any) -> None:
    reasoning.valves = reasoning.Valves(enabled=False)
    body = completed(thought("Hm."), message("Yes"))
    assert streamed(reasoning, pieces("<think>Hm.</think>Yes"), {}) == ("", "<think>Hm.</think>Yes")
    assert reasoning.outlet(body, {}) == completed(thought("Hm."), message("Yes"))


@pytest.mark.parametrize("event", [{}, {"choices": []}, {"choices": [{}]}, {"choices": None, "usage": {"a": 1}}])
def test_events_without_an_answer_pass(reasoning: Any, event: Json) -> None:
    assert reasoning.stream(dict(event), {}) == event


# Complete answers


def test_reasoning_becomes_a_block_with_its_time(reasoning: Any) -> None:
    body = reasoning.outlet(completed(thought("Hm.\n\nSo.", started_at=10.0, ended_at=13.42), message("Yes")), {})
    block = '<details type="thought">\n<summary>Thought for 3.4 s</summary>\n> Hm.\n> \n> So.\n</details>\n'
    assert [item["type"] for item in body["messages"][-1]["output"]] == ["message", "message"]
    assert shown(body) == f"{block}\nYes"


@pytest.mark.parametrize(
    ("times", "summary"),
    [
        ({"started_at": 1.0, "ended_at": 126.0}, "Thought for 2 min 5 s"),
        ({"started_at": 1.0, "ended_at": 60.97}, "Thought for 1 min 0 s"),
        ({"duration": 7}, "Thought for 7.0 s"),
        ({}, "Thought"),
    ],
)
def test_time_for_people(reasoning: Any, times: Mapping[str, float], summary: str) -> None:
    assert f"<summary>{summary}</summary>" in shown(reasoning.outlet(completed(thought("Hm.", **times)), {}))


def test_summary_is_a_valve_and_cannot_break_the_page(reasoning: Any) -> None:
    reasoning.valves = reasoning.Valves(summary="<b>생각 {time}</b>")
    body = reasoning.outlet(completed(thought("</details><script>", duration=1)), {})
    assert "<summary>&lt;b&gt;생각 1.0 s&lt;/b&gt;</summary>" in shown(body)
    assert shown(body).count("</details") == 1


def test_only_the_end_of_reasoning_is_in_the_answer(reasoning: Any) -> None:
    """As of models whose prompt opens the block itself."""
    metadata: Json = {}
    streamed(reasoning, pieces("I", " ponder", ".\n", "</thi"), metadata)
    time.sleep(0.02)
    answer = streamed(reasoning, pieces("nk>", "\n\n", "Yes"), metadata)[1]
    body = reasoning.outlet(completed(message(f"I ponder.\n</think>{answer.partition('>')[2]}")), metadata)
    assert shown(body).startswith('<details type="thought">\n<summary>Thought for 0.0 s</summary>\n> I ponder.\n')
    assert shown(body).endswith("\nYes")


def test_a_tag_within_a_sentence_is_no_end(reasoning: Any) -> None:
    text = "The tag `</think>` closes it.\nSo it is."
    assert shown(reasoning.outlet(completed(message(text), content=text), {})) == text


def test_tool_calls_stay_between(reasoning: Any) -> None:
    call = {"type": "function_call", "id": "f1", "name": "search"}
    body = reasoning.outlet(completed(thought("A", duration=1), call, thought("B", duration=2), message("Yes")), {})
    types = [item["type"] for item in body["messages"][-1]["output"]]
    assert types == ["message", "function_call", "message", "message"]


def test_answer_without_pieces(reasoning: Any) -> None:
    body = {"messages": [QUESTION, {"role": "assistant", "content": "<think>Hm.</think>\nYes"}]}
    assert shown(reasoning.outlet(body, {})).endswith("> Hm.\n</details>\n\nYes")


@pytest.mark.parametrize("body", [{}, {"messages": []}, {"messages": [QUESTION]}])
def test_bodies_without_an_answer_pass(reasoning: Any, body: Json) -> None:
    assert reasoning.outlet(dict(body)) == body


def test_models_do_not_read_blocks_of_earlier_turns(reasoning: Any) -> None:
    folded = shown(reasoning.outlet(completed(thought("Hm.", duration=1), message("Yes")), {}))
    body = reasoning.inlet({"messages": [dict(QUESTION), {"role": "assistant", "content": folded}, dict(QUESTION)]})
    assert body["messages"] == [QUESTION, {"role": "assistant", "content": "Yes"}, QUESTION]


def test_a_long_answer_takes_no_time(reasoning: Any) -> None:
    text = "<think>" + "line of thought\n" * 20_000 + "</think>\n" + "answer\n" * 20_000
    started = time.perf_counter()
    streamed(reasoning, pieces(*(text[at : at + 16] for at in range(0, len(text), 16))), {})
    reasoning.outlet(completed(message(text)), {})
    assert time.perf_counter() - started < 5
