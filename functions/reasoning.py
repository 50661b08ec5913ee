"""
title: Reasoning, folded away
author: Hearth
description: Shows a model's reasoning in a block that unfolds, with the time it took.
version: 1.0.0
license: Apache-2.0
required_open_webui_version: 0.12.0
"""

# While a model thinks, Open WebUI shows its reasoning live: the stream hook turns tags into the reasoning field that
# engines with a parser send. When the answer is complete, the outlet hook puts a block with our own summary in place of
# Open WebUI's. The inlet hook keeps those blocks out of what models read in later turns.
# What a hook has to remember is in the request's metadata: one instance serves all chats of a worker at once.

import html
import re
import time
from typing import Any

from pydantic import BaseModel, Field

STATE = "hearth_reasoning"
FIELDS = ("reasoning_content", "reasoning", "thinking")
BLOCK = re.compile(r'<details type="thought">.*?</details>\s*', re.DOTALL)


class Filter:
    class Valves(BaseModel):
        priority: int = Field(default=0, description="Filters with a lower number run first.")
        enabled: bool = Field(default=True, description="Off: answers are left as Open WebUI shows them.")
        summary: str = Field(
            default="Thought for {time}", description="The line that is always seen; {time} is the time it took."
        )
        summary_without_time: str = Field(default="Thought", description="The same where the time is not known.")
        tags: str = Field(
            default="think, thinking, reasoning, thought",
            description="Tags that enclose reasoning at the beginning of an answer, separated by commas.",
        )

    def __init__(self) -> None:
        self.valves = self.Valves()

    def inlet(self, body: dict[str, Any]) -> dict[str, Any]:
        """Removes the blocks from earlier answers; also while the filter is off, as old chats have them."""
        for message in body.get("messages", []):
            if message.get("role") == "assistant" and isinstance(message.get("content"), str):
                message["content"] = BLOCK.sub("", message["content"])
        return body

    def stream(self, event: dict[str, Any], __metadata__: dict[str, Any] | None = None) -> dict[str, Any]:
        """Moves what is between tags from an answer's content to its reasoning field."""
        if not self.valves.enabled or __metadata__ is None:
            return event
        for choice in event.get("choices") or []:
            delta = choice.get("delta") or {}
            state = __metadata__.setdefault(STATE, {})
            if any(delta.get(field) for field in FIELDS):
                state["phase"] = "answer"  # the engine has a parser
            text = delta.get("content")
            if isinstance(text, str) and text:
                reasoning, delta["content"] = split(state, text, self._tags())
                if reasoning:
                    delta["reasoning_content"] = reasoning
            if choice.get("finish_reason"):
                held, field = state.pop("held", ""), "content"
                if state.pop("phase", None) == "inside":
                    field = "reasoning_content"
                if held:
                    choice["delta"] = {**delta, field: (delta.get(field) or "") + held}
        return event

    def outlet(self, body: dict[str, Any], __metadata__: dict[str, Any] | None = None) -> dict[str, Any]:
        """Puts a block in place of each piece of reasoning of the last answer."""
        messages = body.get("messages") or []
        if not self.valves.enabled or not messages or messages[-1].get("role") != "assistant":
            return body
        message = messages[-1]
        seconds = ((__metadata__ or {}).get(STATE) or {}).get("closed_after")
        if message.get("output"):
            message["output"] = self._folded(message["output"], seconds)
            message["content"] = text_of(message["output"])
        else:
            reasoning, answer = separate(message.get("content") or "", self._tags())
            if reasoning:
                message["content"] = f"{self._block(reasoning, seconds)}\n{answer}"
        return body

    def _tags(self) -> list[tuple[str, str]]:
        names = [name.strip() for name in self.valves.tags.split(",") if name.strip()]
        return [(f"<{name}>", f"</{name}>") for name in names]

    def _folded(self, output: list[dict[str, Any]], seconds: float | None) -> list[dict[str, Any]]:
        folded: list[dict[str, Any]] = []
        separated = any(item.get("type") == "reasoning" for item in output)
        for item in output:
            if item.get("type") == "reasoning" and text_of([{**item, "type": "message"}]):
                text = text_of([{**item, "type": "message"}])
                folded.append(written(item.get("id"), self._block(text, duration_of(item))))
            elif item.get("type") == "message" and not separated:
                reasoning, answer = separate(text_of([item]), self._tags())
                separated = True
                if reasoning:
                    folded.append(written(f"{item.get('id')}_reasoning", self._block(reasoning, seconds)))
                    item = {**item, "content": [{"type": "output_text", "text": answer}]}
                folded.append(item)
            else:
                folded.append(item)
        return folded

    def _block(self, text: str, seconds: float | None) -> str:
        summary = self.valves.summary_without_time
        if seconds is not None:
            summary = self.valves.summary.replace("{time}", shown(seconds))
        # Open WebUI finds the end of a block by counting these two.
        text = text.strip().replace("<details", "&lt;details").replace("</details", "&lt;/details")
        quoted = "\n".join(f"> {line}" for line in text.splitlines())
        return f'<details type="thought">\n<summary>{html.escape(summary)}</summary>\n{quoted}\n</details>\n'


def split(state: dict[str, Any], text: str, tags: list[tuple[str, str]]) -> tuple[str, str]:
    """Reasoning and answer in the next piece of a stream; what may be part of a tag is held back for the next piece."""
    state.setdefault("started", time.monotonic())
    phase = state.setdefault("phase", "start")
    text = state.pop("held", "") + text
    if phase == "start":
        beginning = text.lstrip()
        opened = next((tag for tag in tags if beginning.startswith(tag[0])), None)
        if opened:
            phase, state["end"], text = "inside", opened[1], beginning[len(opened[0]) :]
        elif any(tag[0].startswith(beginning) for tag in tags):
            state["held"] = text
            return "", ""
        else:
            phase = "answer"
        state["phase"] = phase
    if phase == "answer":
        _note_closing(state, text, tags)
        return "", text
    reasoning, found, answer = text.partition(state["end"])
    if found:
        state["phase"] = "answer"
        return reasoning, answer.lstrip("\n")
    held = next((size for size in range(len(state["end"]) - 1, 0, -1) if text.endswith(state["end"][:size])), 0)
    state["held"] = text[len(text) - held :]
    return text[: len(text) - held], ""


def _note_closing(state: dict[str, Any], text: str, tags: list[tuple[str, str]]) -> None:
    """Notes when a tag closes that the prompt opened: only its end is in the answer, and outlet divides there."""
    recent = state.get("recent", "") + text
    if "closed_after" not in state and any(end in recent for _, end in tags):
        state["closed_after"] = time.monotonic() - state["started"]
    state["recent"] = recent[-40:]


def separate(text: str, tags: list[tuple[str, str]]) -> tuple[str, str]:
    """Reasoning and answer of a whole text; a closing tag without an opening one counts on a line of its own."""
    for begin, end in tags:
        if text.lstrip().startswith(begin):
            reasoning, found, answer = text.lstrip()[len(begin) :].partition(end)
            return (reasoning.strip(), answer.lstrip()) if found else ("", text)
        closing = re.search(rf"^[ \t]*{re.escape(end)}[ \t]*$", text, re.MULTILINE)
        if closing and begin not in text:
            return text[: closing.start()].strip(), text[closing.end() :].lstrip()
    return "", text


def duration_of(item: dict[str, Any]) -> float | None:
    """Seconds that a piece of reasoning took, where Open WebUI saw it come."""
    if item.get("started_at") and item.get("ended_at"):
        return item["ended_at"] - item["started_at"]
    return item.get("duration")


def shown(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def written(identity: str | None, text: str) -> dict[str, Any]:
    """A piece of an answer as Open WebUI keeps it."""
    content = [{"type": "output_text", "text": text}]
    return {"type": "message", "id": identity, "status": "completed", "role": "assistant", "content": content}


def text_of(output: list[dict[str, Any]]) -> str:
    """The text that is seen, as Open WebUI joins it."""
    texts = [
        "".join(str(part.get("text") or "") for part in item.get("content") or [])
        for item in output
        if item.get("type") == "message"
    ]
    return "\n".join(text for text in texts if text.strip())
