"""An OpenAI-compatible engine on a loopback port that streams what a test gives it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass
class Engine:
    """Models by name, each with the pieces that it answers with: the `delta` of each event of its stream."""

    models: dict[str, Sequence[Mapping[str, Any]]]
    seconds_per_piece: float = 0.02
    requests: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    """Bodies of the completions that were asked for."""

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                models = [{"id": name, "object": "model", "owned_by": "hearth"} for name in engine.models]
                self._answer(json.dumps({"object": "list", "data": models}))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                engine.requests.append(body)
                pieces = engine.models[body["model"]]
                if not body.get("stream"):
                    message = {"role": "assistant", "content": "".join(piece.get("content", "") for piece in pieces)}
                    self._answer(json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}))
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for event in events(body["model"], pieces, (body.get("stream_options") or {}).get("include_usage")):
                    time.sleep(engine.seconds_per_piece)
                    self.wfile.write(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode())
                    self.wfile.flush()

            def _answer(self, text: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


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
