"""llama.cpp with a tiny model, as one of a stack's engines: `python -m ... '{"role": "openai", ...}'`.

With the role openai it answers as vLLM does under /v1. With the role ollama the same engine embeds behind Ollama's API,
as far as Open WebUI uses it for documents. Tokens, templates, batching and the pieces of a stream are llama.cpp's; HTTP
is served here, because its own server ends idle connections after 5 s, sooner than Open WebUI stops using them.
"""
# pyright: reportMissingImports=false

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import xllamacpp

from tests.live.programs.tiny_model import Speech, write_model

_CONTEXT = 65536
_SLOTS = 8
_REASONING = {"field": "DEEPSEEK", "tags": "NONE"}
"""How reasoning is answered: in a field of its own, or within <think> in the text."""

Route = Callable[["Handler", Any], None]


def main(options: dict[str, Any]) -> None:
    """Serve until killed. Keys: role, name, port.

    For openai also key, text, endless, reasoning and words_per_second; for ollama also words, and others: tags that it
    only lists.
    """
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model.gguf")
        speech = Speech(options.get("text", "ready"), options.get("endless", False))
        write_model(model, speech, options.get("words", ()))
        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        params.model_alias = {options["name"]}
        params.n_ctx, params.n_parallel, params.kv_unified = _CONTEXT, _SLOTS, True
        params.cpuparams.n_threads = 1
        params.fit_params = params.warmup = False
        if options["role"] == "openai":
            reasoning = _REASONING[options.get("reasoning", "field")]
            params.reasoning_format = getattr(xllamacpp.common_reasoning_format, f"COMMON_REASONING_FORMAT_{reasoning}")
            routes = _openai(xllamacpp.Server(params), options)
        else:
            params.embedding, params.pooling_type = True, xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
            params.n_ubatch = params.n_batch
            routes = _ollama(xllamacpp.Server(params), options["name"], options.get("others", ()))
        handler = type("EngineHandler", (Handler,), {"routes": routes, "key": options.get("key")})
        server = ThreadingHTTPServer(("127.0.0.1", options["port"]), handler)
        server.daemon_threads = True
        server.serve_forever()


def _openai(engine: xllamacpp.Server, options: Mapping[str, Any]) -> dict[str, Route]:
    pause = 1 / options["words_per_second"] if options.get("words_per_second") else 0
    models = {"object": "list", "data": [{"id": options["name"], "object": "model", "owned_by": "vllm"}]}

    def complete(handler: Handler, request: Any) -> None:
        if request["model"] != options["name"]:
            handler.send(404, {"error": {"message": f"The model `{request['model']}` does not exist."}})
        elif request.get("stream"):
            handler.stream(lambda emit: engine.handle_chat_completions(request, emit), pause)
        else:
            handler.send(200, engine.handle_chat_completions(request))

    return {
        "GET /health": lambda handler, _: handler.send(200, ""),
        "GET /v1/models": lambda handler, _: handler.send(200, models),
        "POST /v1/chat/completions": complete,
    }


def _ollama(engine: xllamacpp.Server, name: str, others: Sequence[str]) -> dict[str, Route]:
    tags = [
        {"name": tag, "model": tag, "size": 0, "details": {"family": "llama"}} for tag in (f"{name}:latest", *others)
    ]

    def embed(handler: Handler, request: Any) -> None:
        if request["model"].removesuffix(":latest") != name:
            handler.send(404, {"error": f'model "{request["model"]}" not found, try pulling it first'})
            return
        texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
        vectors = [entry["embedding"] for entry in engine.handle_embeddings({"input": texts})["data"]]
        handler.send(200, {"model": request["model"], "embeddings": vectors})

    return {
        "GET /": lambda handler, _: handler.send(200, "Ollama is running"),
        "GET /api/version": lambda handler, _: handler.send(200, {"version": "0.35.1"}),
        "GET /api/tags": lambda handler, _: handler.send(200, {"models": tags}),
        "GET /api/ps": lambda handler, _: handler.send(200, {"models": []}),
        "POST /api/embed": embed,
    }


class Handler(BaseHTTPRequestHandler):
    """Answers by `routes`; with a `key` everything under /v1 asks for it."""

    protocol_version = "HTTP/1.1"
    routes: Mapping[str, Route]
    key: str | None

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def send(self, status: int, content: object) -> None:
        """A whole answer: text, or JSON."""
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, produce: Callable[[Callable[[object], bool]], object], pause: float) -> None:
        """Server-sent events, each as soon as `produce` emits it; emitting tells whether the client is gone."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

        def emit(chunk: object) -> bool:
            for piece in chunk if isinstance(chunk, list) else [chunk]:
                time.sleep(pause)
                try:
                    self._chunk(f"data: {json.dumps(piece)}\n\n")
                except OSError:
                    self.close_connection = True
                    return True
            return False

        produce(emit)
        if not self.close_connection:
            self._chunk("data: [DONE]\n\n")
            self._chunk("")

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _answer(self, request: Any) -> None:
        if self.key and self.path.startswith("/v1/") and self.headers["Authorization"] != f"Bearer {self.key}":
            self.send(401, {"error": "Unauthorized"})
        elif route := self.routes.get(f"{self.command} {self.path}"):
            route(self, request)
        else:
            self.send(404, {"error": f"{self.command} {self.path} is not served"})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class names it
        sys.stdout.write(format % args + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
