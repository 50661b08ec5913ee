"""The pinned Open WebUI as one process, with SQLite and one engine."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.live import packages
from tests.live.processes import Program, answers, free_port

EMAIL = "admin@example.com"
PASSWORD = "s3cret-of-the-admin"
_START_SECONDS = 300


@contextmanager
def open_webui(folder: Path, engine_url: str) -> Iterator[str]:
    """Its URL, once it is ready. Raises ServerError with the end of its log when it does not start."""
    python = packages.open_webui(packages.open_webui_version(), lambda line: print(line, file=sys.stderr))  # noqa: T201
    for name in ("data", "static"):
        (folder / name).mkdir()
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "FROM_INIT_PY": "true",
        "DATA_DIR": str(folder / "data"),
        "STATIC_DIR": str(folder / "static"),
        "WEBUI_SECRET_KEY": "a-key-of-the-tests",
        "WEBUI_ADMIN_EMAIL": EMAIL,
        "WEBUI_ADMIN_PASSWORD": PASSWORD,
        "WEBUI_ADMIN_NAME": "Admin",
        "ENABLE_PERSISTENT_CONFIG": "false",
        "ENABLE_OLLAMA_API": "false",
        "OPENAI_API_BASE_URLS": engine_url,
        "OPENAI_API_KEYS": "old",
        "OFFLINE_MODE": "true",
        "RAG_EMBEDDING_ENGINE": "openai",
    }
    argv = [python, "-m", "uvicorn", "open_webui.main:app", "--host=127.0.0.1", f"--port={port}"]
    server, url = Program("open-webui", argv, env=env, log=folder / "log"), f"http://127.0.0.1:{port}"
    try:
        server.wait_until(lambda: answers(f"{url}/ready"), _START_SECONDS, "ready")
        yield url
    finally:
        server.stop()


def request(url: str, method: str, path: str, body: Any = None, bearer: str | None = None) -> Any:
    """What a server answers. Raises HTTPError when it refuses."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
    with urllib.request.urlopen(urllib.request.Request(url + path, data, headers, method=method), timeout=60) as answer:
        return json.loads(answer.read())


def token(url: str, email: str = EMAIL, password: str = PASSWORD) -> str:
    """Of an account, signed in."""
    return request(url, "POST", "/api/v1/auths/signin", {"email": email, "password": password})["token"]
