"""The reader against what is no engine, and programs that stand for NVIDIA's."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hearth.docker_host import reader
from hearth.docker_host.facts import Gpu
from hearth.docker_host.reader import UnusableEngineError, read
from hearth.planning.host import DockerPlan
from tests.containers import stacks
from tests.live.processes import free_port

_NOBODY = 65534
_SMI = """#!/bin/sh
echo "0, NVIDIA H200, 143771, 570.86.15"
echo "1, NVIDIA GB10, [N/A], 570.86.15"
"""


def plan(host: str) -> DockerPlan:
    found = stacks.plan().docker
    assert found
    return replace(found, host=host)


def trouble(host: str) -> UnusableEngineError:
    with pytest.raises(UnusableEngineError) as raised:
        read(plan(host))
    return raised.value


@contextmanager
def listening(path: Path) -> Iterator[str]:
    """A socket that accepts connections and says nothing."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield f"unix://{path}"


@contextmanager
def nobody() -> Iterator[None]:
    """The rights of a user without any, where the tests run as root."""
    if os.geteuid():
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose sockets have short enough paths."""
    folder = tmp_path_factory.mktemp("s")
    monkeypatch.setattr(reader, "_SECONDS", 0.2)
    return folder


def test_no_engine(tmp_path: Path) -> None:
    found = trouble(f"unix://{tmp_path}/none.sock")

    assert (found.why, "install and start Docker" in found.remedy) == (
        f"no Docker engine runs on this machine: {tmp_path}/none.sock does not exist",
        True,
    )


def test_a_socket_that_nobody_listens_at(short: Path) -> None:
    with listening(short / "docker.sock") as host:
        pass

    assert trouble(host).why == "nothing answers there"


def test_a_port_that_nobody_listens_at() -> None:
    assert trouble(f"tcp://127.0.0.1:{free_port()}").why == "nothing answers there"


def test_a_socket_that_nobody_answers(short: Path) -> None:
    with listening(short / "docker.sock") as host:
        assert "does not answer within" in trouble(host).why


def test_a_socket_without_rights(short: Path) -> None:
    for folder in (short, *short.parents[:2]):
        folder.chmod(0o755)
    with listening(short / "docker.sock") as host:
        (short / "docker.sock").chmod(0)
        with nobody():
            found = trouble(host)

    assert "usermod -aG docker" in found.remedy


@pytest.mark.parametrize("answer", [(404, b"not here"), (200, b"<html>"), (200, b"[]"), (200, b"{}")])
def test_a_web_server_that_is_no_engine(answer: tuple[int, bytes]) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answer[0])
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(answer[1])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class names it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        found = trouble(f"tcp://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        thread.join()

    assert "no Docker engine" in found.why


def test_an_engine_behind_ssh_is_not_asked() -> None:
    assert read(plan("ssh://user@host")) is None


def program(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_gpus_are_those_that_nvidia_smi_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "nvidia-smi", _SMI, monkeypatch)

    found = reader.read_gpus()

    assert (found.found, found.driver) == (
        (Gpu(0, "NVIDIA H200", 143771), Gpu(1, "NVIDIA GB10", None)),
        "570.86.15",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/bin/sh\necho NVIDIA-SMI has failed\nexit 9\n", "nvidia-smi says: NVIDIA-SMI has failed"),
        ("#!/bin/sh\nexit 0\n", "nvidia-smi lists none"),
        ("#!/bin/sh\necho No devices were found\n", "nvidia-smi says: No devices were found"),
        ("no program", "nvidia-smi does not run"),
    ],
)
def test_without_gpus_there_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    program(tmp_path, "nvidia-smi", text, monkeypatch)

    found = reader.read_gpus()

    assert (found.found, said in found.trouble) == ((), True), found


def test_without_a_driver_there_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "nvidia-smi, which comes with the driver, is not on PATH" in reader.read_gpus().trouble
