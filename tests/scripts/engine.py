"""An OpenAI-compatible engine on a loopback port that streams what a test gives it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.http_server import Handler, HttpServer


@dataclass
class Engine(HttpServer):
    """Models by name, each with the pieces that it answers with: the `delta` of each event of its stream."""

    models: dict[str, Sequence[Mapping[str, Any]]]
    seconds_per_piece: float = 0.02
    requests: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    """Bodies of the completions that were asked for."""

    @property
    def base_url(self) -> str:
        """What an OpenAI client has to be told."""
        return f"{self.url}/v1"

    def handler(self) -> type[Handler]:
        engine = self

        class Routes(Handler):
            def do_GET(self) -> None:  # noqa: N802 - the base class calls it so
                models = [{"id": name, "object": "model", "owned_by": "hearth"} for name in engine.models]
                self.send(200, json.dumps({"object": "list", "data": models}))

            def do_POST(self) -> None:  # noqa: N802 - the base class calls it so
                body = self.body()
                engine.requests.append(body)
                pieces = engine.models[body["model"]]
                if not body.get("stream"):
                    message = {"role": "assistant", "content": "".join(piece.get("content", "") for piece in pieces)}
                    choice = {"index": 0, "message": message, "finish_reason": "stop"}
                    self.send(200, json.dumps({"choices": [choice]}))
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for event in events(body["model"], pieces, (body.get("stream_options") or {}).get("include_usage")):
                    time.sleep(engine.seconds_per_piece)
                    self.wfile.write(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode())
                    self.wfile.flush()

        return Routes


def events(model: str, deltas: Sequence[Mapping[str, Any]], usage: bool | None) -> list[Any]:
    """The events of a stream, as vLLM and SGLang send them."""
    common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    sent: list[Any] = [
        {**common, "choices": [{"index": 0, "delta": dict(delta), "finish_reason": None}]} for delta in deltas
    ]
    sent.append({**common, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}]})
    if usage:
        counts = {"prompt_tokens": 9, "completion_tokens": len(deltas), "total_tokens": 9 + len(deltas)}
        sent.append({**common, "choices": [], "usage": counts})
    return [*sent, "[DONE]"]
