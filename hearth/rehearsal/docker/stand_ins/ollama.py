"""Stands in for Ollama's program: serve, list and pull; a pulled model is a file below OLLAMA_MODELS."""

from __future__ import annotations

import os
import sys
import urllib.request
from pathlib import Path

from hearth.rehearsal.docker.stand_ins.server import serve

_HOST, _, _PORT = os.environ.get("OLLAMA_HOST", "127.0.0.1:11434").rpartition(":")
_MANIFESTS = Path(os.environ.get("OLLAMA_MODELS", "/root/.ollama/models")) / "manifests"


def main(argv: list[str]) -> None:
    match argv:
        case ["serve"]:
            serve(int(_PORT), _answer)
        case ["list"]:
            _ask()
        case ["pull", model]:
            _ask()
            _MANIFESTS.mkdir(parents=True, exist_ok=True)
            (_MANIFESTS / model.replace("/", "_")).touch()
        case _:
            sys.exit(f"the stand-in of ollama does not know: {' '.join(argv)}")


def _answer(path: str) -> tuple[int, object]:
    models = sorted(path.name for path in _MANIFESTS.iterdir()) if _MANIFESTS.is_dir() else []
    if path == "/api/version":
        return 200, {"version": "0.0.0"}
    if path == "/v1/models":
        return 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in models]}
    return 200, {"models": [{"name": name, "model": name} for name in models]}


def _ask() -> None:
    host = "127.0.0.1" if _HOST == "0.0.0.0" else _HOST  # noqa: S104
    with urllib.request.urlopen(f"http://{host}:{_PORT}/api/version", timeout=5) as answer:
        answer.read()


if __name__ == "__main__":
    main(sys.argv[1:])
