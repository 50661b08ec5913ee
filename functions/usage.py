"""
title: Time and tokens
author: Hearth
description: Counts time, time to the first token and tokens of each answer, and shows them.
version: 1.0.0
license: Apache-2.0
required_open_webui_version: 0.12.0
"""

# What a hook has to remember is in the request's metadata: one instance serves all chats of a worker at once.

import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from pydantic import BaseModel, Field

STATE = "hearth_usage"
PRODUCED = ("content", "reasoning_content", "reasoning", "thinking", "tool_calls")
LINE = re.compile(r"\n\n\*⏱ [^\n]*\*\s*$")


class Filter:
    class Valves(BaseModel):
        priority: int = Field(default=10, description="Filters with a lower number run first.")
        place: Literal["status", "below"] = Field(
            default="status", description="status: a line above the answer; below: the last line of the answer."
        )
        time: bool = Field(default=True, description="Show the time of the whole answer.")
        first_token: bool = Field(default=True, description="Show the time to the first token.")
        tokens: bool = Field(default=True, description="Show the tokens of the answer.")
        speed: bool = Field(default=True, description="Show tokens per second after the first one.")
        decimals: int = Field(default=1, ge=0, le=3, description="Decimal places of times and speed.")
        ask_engine: bool = Field(
            default=True, description="Ask the engine for its own count; off: pieces of the stream are counted."
        )

    class UserValves(BaseModel):
        show: bool = Field(default=True, description="Show time and tokens of my answers.")

    def __init__(self) -> None:
        self.valves = self.Valves()

    def inlet(self, body: dict[str, Any], __metadata__: dict[str, Any] | None = None) -> dict[str, Any]:
        """Starts the clock, and removes our line from earlier answers."""
        for message in body.get("messages", []):
            if message.get("role") == "assistant" and isinstance(message.get("content"), str):
                message["content"] = LINE.sub("", message["content"])
        if body.get("stream") and self.valves.ask_engine:
            body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        if __metadata__ is not None:
            __metadata__[STATE] = {"start": time.monotonic(), "pieces": 0}
        return body

    def stream(self, event: dict[str, Any], __metadata__: dict[str, Any] | None = None) -> dict[str, Any]:
        """Notes when pieces come."""
        state = (__metadata__ or {}).get(STATE)
        deltas = [choice.get("delta") or {} for choice in event.get("choices") or []]
        if state is not None and any(delta.get(key) for delta in deltas for key in PRODUCED):
            state["last"] = time.monotonic()
            state.setdefault("first", state["last"])
            state["pieces"] += 1
        return event

    async def outlet(
        self,
        body: dict[str, Any],
        __metadata__: dict[str, Any] | None = None,
        __user__: dict[str, Any] | None = None,
        __event_emitter__: Callable[[dict[str, Any]], Awaitable[None]] | None = None,
    ) -> dict[str, Any]:
        """Shows the figures of the last answer."""
        messages = body.get("messages") or []
        state = (__metadata__ or {}).get(STATE)
        wanted = getattr((__user__ or {}).get("valves"), "show", True)
        if state is None or not wanted or not messages or messages[-1].get("role") != "assistant":
            return body
        line = self._line(state, messages[-1].get("usage") or {})
        if line and self.valves.place == "below":
            append(messages[-1], f"\n\n*⏱ {line}*")
        elif line and __event_emitter__:
            await __event_emitter__({"type": "status", "data": {"description": line, "done": True}})
        return body

    def _line(self, state: dict[str, Any], usage: dict[str, Any]) -> str:
        end = state.get("last", time.monotonic())
        first = state.get("first")
        counted = usage.get("output_tokens") or usage.get("completion_tokens")
        tokens = counted or state["pieces"]
        parts: list[str] = []
        if self.valves.time:
            parts.append(f"{self._number(end - state['start'])} s")
        if self.valves.first_token and first is not None:
            parts.append(f"first token after {self._number(first - state['start'])} s")
        if self.valves.tokens and tokens:
            parts.append(f"{'' if counted else '~'}{tokens} tokens")
        if self.valves.speed and first is not None and tokens > 1 and end > first:
            parts.append(f"{self._number((tokens - 1) / (end - first))} tokens/s")
        return " · ".join(parts)

    def _number(self, value: float) -> str:
        return f"{value:.{self.valves.decimals}f}"


def append(message: dict[str, Any], text: str) -> None:
    """Adds text to an answer: to its content, and to the last piece that is seen."""
    message["content"] = f"{message.get('content') or ''}{text}"
    pieces = [item for item in message.get("output") or [] if item.get("type") == "message"]
    if pieces and pieces[-1].get("content"):
        part = pieces[-1]["content"][-1]
        part["text"] = f"{part.get('text') or ''}{text}"
