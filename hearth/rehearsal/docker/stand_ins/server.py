"""A server that answers every request, for images whose own program is not at hand: `python -m ...server --port PORT`.

Of the options of the real program it reads the port and the names of models, and takes all others as they are.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NoReturn

Answer = Callable[[str], tuple[int, object]]
"""Status and JSON for a path."""


def options(argv: list[str], name: str) -> list[str]:
    """Values of an option, given as `--name value ...` or `--name=value`."""
    for position, argument in enumerate(argv):
        if argument.startswith(f"{name}="):
            return [argument.partition("=")[2]]
        if argument == name:
            values = argv[position + 1 :]
            end = next((at for at, value in enumerate(values) if value.startswith("-")), len(values))
            return values[:end]
    return []


def serve(port: int, answer: Answer) -> None:
    """Answer GET and POST until SIGTERM."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Health checks would fill the log."""

    signal.signal(signal.SIGTERM, _end)
    sys.stdout.write(f"a stand-in listens on port {port}\n")
    sys.stdout.flush()
    ThreadingHTTPServer(("0.0.0.0", port), Handler).serve_forever()  # noqa: S104 - within a container


def _end(number: int, frame: object) -> NoReturn:
    sys.exit(0)


def main(argv: list[str]) -> None:
    """Serve as an engine does: its models are the names that it was given."""
    names = options(argv, "--served-model-name") or options(argv, "--model")
    body = {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}
    port = (options(argv, "--port") or [os.environ.get("STAND_IN_PORT", "8000")])[0]
    serve(int(port), lambda path: (200, body))


if __name__ == "__main__":
    main(sys.argv)
