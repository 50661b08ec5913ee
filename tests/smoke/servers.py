"""Servers of OpenAI's API that answer as they are told, well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "the-key"
THOUGHTS = "Nine tenths are more than eleven hundredths."

Complete = Callable[["Handler", Mapping[str, Any]], None]


class Handler(BaseHTTPRequestHandler):
    """Lists `models` and hands completions to `complete`."""

    protocol_version = "HTTP/1.1"
    models: Sequence[str]
    listing: tuple[str, str] | None
    """What is sent instead of the list of models, and its type."""
    complete: Complete
    key: str | None
    prefix: str
    release: threading.Event
    """Set when the server ends, for answers that wait."""

    def do_GET(self) -> None:
        if self.path != f"{self.prefix}/models":
            self.send(404, {"detail": "Not Found"})
        elif self.listing:
            self.send(200, *self.listing)
        elif self._authorized():
            self.send(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == f"{self.prefix}/v1/auths/signin":
            right = request == {"email": "admin@example.org", "password": "the-password"}
            self.send(*((200, {"token": self.key}) if right else (400, {"detail": "wrong"})))
        elif self._authorized():
            type(self).complete(self, request)

    def send(self, status: int, content: object, kind: str = "application/json") -> None:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def say(self, content: str | None, **more: object) -> None:
        """A whole answer."""
        message = {"role": "assistant", "content": content, **more}
        self.send(200, completion("chat.completion", {"message": message, "finish_reason": "stop"}))

    def stream(self, words: Sequence[str], *, finish: bool = True, length: int | None = None) -> None:
        """An answer word by word; with a `length` that it does not reach the connection is cut."""
        pieces = [{"delta": {"content": word}, "finish_reason": None} for word in words]
        if finish:
            pieces.append({"delta": {}, "finish_reason": "stop"})
        text = "".join(f"data: {json.dumps(completion('chat.completion.chunk', piece))}\n\n" for piece in pieces)
        text += "data: [DONE]\n\n" if finish else ""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(length or len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
        self.close_connection = True

    def _authorized(self) -> bool:
        if self.key and self.headers["Authorization"] != f"Bearer {self.key}":
            self.send(401, {"error": {"message": "Unauthorized"}})
            return False
        return True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class names it
        pass


def completion(kind: str, choice: Mapping[str, object]) -> dict[str, object]:
    return {"id": "1", "object": kind, "created": 0, "model": "m", "choices": [{"index": 0, **choice}]}


def well(handler: Handler, request: Mapping[str, Any]) -> None:
    """What a model that can do everything says."""
    question = request["messages"][0]["content"]
    if request.get("stream"):
        handler.stream(["one ", "two ", "three"])
    elif request.get("tools"):
        handler.say(None, tool_calls=[tool_call("get_weather", '{"city": "Paris"}')])
    elif "9.11" in question:
        handler.say("9.9", reasoning=THOUGHTS)
    elif "weather is nice" in str(question):
        handler.say("Das Wetter ist heute schön.")
    else:
        handler.say("Paris is the capital.")


def tool_call(name: str, arguments: str) -> dict[str, object]:
    return {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}


@contextmanager
def serve(
    models: Sequence[str],
    complete: Complete = well,
    *,
    key: str | None = None,
    prefix: str = "/v1",
    listing: tuple[str, str] | None = None,
) -> Iterator[str]:
    """A server on a free port of this machine; its base URL."""
    release = threading.Event()
    members = {
        "models": models,
        "complete": complete,
        "key": key,
        "prefix": prefix,
        "listing": listing,
        "release": release,
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Made", (Handler,), members))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{prefix}"
    finally:
        release.set()
        server.shutdown()
        server.server_close()
        thread.join()
