"""The private Docker engine: it disturbs nothing and leaves nothing, however it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hearth.rehearsal.docker import engine
from hearth.rehearsal.docker.confined import CONFIGURATION_FILE
from hearth.rehearsal.docker.engine import DockerEngineError
from hearth.rehearsal.processes import python_environment
from tests.rehearsal.docker.conftest import IMAGE, stand_ins

OWNER = f"""
import sys, time
from pathlib import Path
from hearth.rehearsal.docker import engine

with engine.start(Path(sys.argv[1])) as running:
    client = running.client()
    client.create_network("net")
    client.create_container_from_config({{"Image": "{IMAGE}"}}, "server")
    client.start("server")
    print(running.directory, flush=True)
    time.sleep(600)
"""


def traces(directory: Path, cgroup: str) -> list[str]:
    """Processes, mounts, control groups and files of an engine."""
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if str(directory) in line]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**{cgroup}")]
    files = [str(directory)] if directory.exists() else []
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(directory) in command:
            found.append(command)
    return mounts + groups + files + found


@pytest.mark.docker
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_owner_ends(number: signal.Signals) -> None:
    argv = [sys.executable, "-c", OWNER, str(stand_ins())]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=python_environment()) as owner:
        assert owner.stdout is not None
        directory = Path(owner.stdout.readline().strip())
        cgroup = json.loads((directory / CONFIGURATION_FILE).read_text())["cgroup-parent"]
        assert len(traces(directory, cgroup)) > 2
        os.kill(owner.pid, number)
    deadline = time.monotonic() + 20
    while (left := traces(directory, cgroup)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []


@pytest.mark.docker
def test_networks_and_ports_are_its_own(docker: engine.Engine) -> None:
    before = socket.if_nameindex()
    client = docker.client()
    made = client.create_network("own")
    try:
        assert socket.if_nameindex() == before
        assert len(docker.within(socket.if_nameindex)) > 1
    finally:
        client.remove_network(made["Id"])


@pytest.mark.docker
def test_log_is_shown_when_it_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "dockerd"
    broken.write_text("#!/bin/sh\necho no storage driver >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(DockerEngineError, match=r"ended at once:\n.*no storage driver"), engine.start():
        pass


def test_missing_programs_are_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(engine, "PROGRAMS", ("unshare", "absent-dockerd"))
    assert "missing: absent-dockerd. Debian: apt-get install docker.io" in str(engine.obstacle())


def test_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "run it as root" in str(engine.obstacle())
