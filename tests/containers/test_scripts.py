"""The commands that containers run on their own account, in the programs that images have."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.containers.stacks import specs

pytestmark = pytest.mark.live


class Answers(BaseHTTPRequestHandler):
    """Each path is the status that it answers."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def check(port: int, path: str) -> int:
    """Exit code of the web UI's health check, asked of this port and path."""
    healthcheck = specs()["web-ui"].healthcheck
    assert healthcheck
    *command, _, _ = healthcheck.test[1:]
    return subprocess.run([*command, str(port), path], capture_output=True, timeout=10, check=False).returncode


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (204, True), (302, True), (404, False), (503, False)])
def test_a_server_is_healthy_by_its_status(port: int, status: int, healthy: bool) -> None:
    assert (check(port, f"/{status}") == 0) == healthy


def test_nobody_who_listens_is_not_healthy(unused_port: int) -> None:
    assert check(unused_port, "/200") != 0


@pytest.fixture
def unused_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        return server.server_port


def test_folders_are_made_and_given_away(tmp_path: Path) -> None:
    step = specs()["web-ui-prepare"]
    folder = tmp_path / "a" / "b"
    command = [*step.entrypoint, f"{os.getuid()}:{os.getgid()}", str(folder)]
    subprocess.run(command, check=True, timeout=10)
    assert folder.is_dir()


def test_a_folder_that_cannot_be_made_fails_the_step(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    step = specs()["web-ui-prepare"]
    command = [*step.entrypoint, f"{os.getuid()}:{os.getgid()}", str(tmp_path / "file" / "below")]
    assert subprocess.run(command, capture_output=True, timeout=10, check=False).returncode != 0
