"""What a model is asked, and what its answers must be. Importing this module loads the OpenAI library."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessage, ChatCompletionMessageParam, ChatCompletionToolParam

from hearth.smoke.targets import Subject
from hearth.smoke.translation import TEXT, content

_SHORT = 256
_LONG = 2048
"""Tokens of an answer; thoughts take more than what follows them."""
_WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The current weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
_THINKING = {"chat_template_kwargs": {"enable_thinking": True, "thinking": True}}
"""Asks templates that think only on request; others know neither variable."""


class WrongAnswerError(Exception):
    """A model answered, and not as it should; the text says how, and what to look at."""


@dataclass(frozen=True)
class Measured:
    """A right answer: its beginning, and how fast it came."""

    detail: str
    first_token_seconds: float | None = None
    tokens_per_second: float | None = None


Check = Callable[[OpenAI, Subject], Measured]


def checks(subject: Subject) -> Iterator[tuple[str, Check]]:
    """What a model is asked, by name, beside being looked for."""
    if not subject.chats:
        return
    if subject.translation:
        yield "translation", translate
        return
    yield "chat", chat
    yield "stream", stream
    if subject.tools:
        yield "tool call", call_tool
    if subject.reasoning:
        yield "reasoning", reason


def model_ids(client: OpenAI) -> tuple[str, ...]:
    """Names of the models that a server lists. Raises WrongAnswerError for an answer that is no list of models."""
    try:
        entries: object = client.models.list().data
    except (AttributeError, TypeError):
        # The library takes any JSON, and text for what is none, and stumbles over it.
        entries = None
    if not isinstance(entries, list):
        raise WrongAnswerError("the answer is no list of models, so this is no OpenAI API: does the address end right?")
    return tuple(str(getattr(entry, "id", entry)) for entry in cast("list[object]", entries))


def chat(client: OpenAI, subject: Subject) -> Measured:
    """A whole answer."""
    message = _ask(client, subject, "What is the capital of France? Answer in one short sentence.")
    return Measured(_text(message) or _thoughts(message) or _nothing())


def stream(client: OpenAI, subject: Subject) -> Measured:
    """An answer piece by piece. Its rate counts tokens after the first, or pieces where the server counts no tokens."""
    arrivals: list[float] = []
    text, tokens, finished = "", None, False
    started = time.monotonic()
    pieces = client.chat.completions.create(
        model=subject.name,
        messages=[{"role": "user", "content": "Count from one to twenty in words."}],
        max_tokens=_SHORT,
        stream=True,
        stream_options={"include_usage": True},
    )
    for piece in pieces:
        tokens = piece.usage.completion_tokens if piece.usage else tokens
        for choice in piece.choices or ():
            said = choice.delta.content or ""
            if said or _thoughts(choice.delta):
                arrivals.append(time.monotonic())
            text += said
            finished = finished or choice.finish_reason is not None
    if not arrivals:
        _nothing()
    if not finished:
        raise WrongAnswerError(f"the stream was cut after {len(arrivals)} pieces: look at the server's log")
    seconds, count = arrivals[-1] - arrivals[0], tokens or len(arrivals)
    return Measured(_begin(text), arrivals[0] - started, (count - 1) / seconds if seconds and count > 1 else None)


def call_tool(client: OpenAI, subject: Subject) -> Measured:
    """A call of the one tool that helps, with the arguments that its schema asks for."""
    question = "What is the weather in Paris right now? Use the tool."
    message = _ask(client, subject, question, tokens=_LONG, tools=[_WEATHER])
    calls = [call for call in message.tool_calls or () if call.type == "function"]
    if not calls:
        raise WrongAnswerError(
            f"answered in words instead of a tool call: {_text(message)!r}; does toolCallParser suit the model?"
        )
    name, written = calls[0].function.name, calls[0].function.arguments
    try:
        arguments: Any = json.loads(written)
    except ValueError:
        raise WrongAnswerError(f"called a tool with arguments that are not JSON: {_begin(written)!r}") from None
    if name != "get_weather" or not isinstance(arguments, dict) or "city" not in arguments:
        raise WrongAnswerError(f"called {name}({_begin(written)}) instead of get_weather with a city")
    return Measured(f"{name}({_begin(written)})")


def reason(client: OpenAI, subject: Subject) -> Measured:
    """Thoughts in a field of their own, and none of them in the answer."""
    message = _ask(client, subject, "Which is larger, 9.11 or 9.9?", tokens=_LONG, extra_body=_THINKING)
    thoughts, answer = _thoughts(message), message.content or ""
    if "</think>" in answer:
        raise WrongAnswerError("its thoughts are within the answer; does reasoningParser suit the model?")
    if not thoughts:
        raise WrongAnswerError(f"gave no thoughts, only {_begin(answer)!r}; does reasoningParser suit the model?")
    return Measured(thoughts)


def translate(client: OpenAI, subject: Subject) -> Measured:
    """A sentence in another language, asked for in the form of the model's build."""
    if subject.translation is None:
        raise ValueError(f"{subject.name} is no model for translation")
    text = _text(_ask(client, subject, content(subject.translation))) or _nothing()
    if TEXT in text:
        raise WrongAnswerError(f"gave the text back untranslated: {text!r}")
    return Measured(text)


def _ask(client: OpenAI, subject: Subject, question: Any, tokens: int = _SHORT, **more: Any) -> ChatCompletionMessage:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": question}]
    create = cast("Callable[..., object]", client.chat.completions.create)
    answer = create(model=subject.name, messages=messages, max_tokens=tokens, **more)
    if not isinstance(answer, ChatCompletion) or not answer.choices:
        raise WrongAnswerError(f"the answer is no chat completion: {_begin(str(answer))!r}")
    return answer.choices[0].message


def _text(message: ChatCompletionMessage) -> str:
    return _begin(message.content or "")


def _thoughts(part: object) -> str:
    """vLLM since 0.12 and Ollama say `reasoning`; older versions, SGLang and llama.cpp `reasoning_content`."""
    found = getattr(part, "reasoning", None) or getattr(part, "reasoning_content", None)
    return _begin(found) if isinstance(found, str) else ""


def _begin(text: str, limit: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _nothing() -> NoReturn:
    raise WrongAnswerError("the answer is empty")
