"""Starting and ending a cluster; nothing of it is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from hearth.rehearsal.api import Api
from hearth.rehearsal.cluster import ClusterSpec, down, start, up
from hearth.rehearsal.errors import ClusterError, ToolchainError
from hearth.rehearsal.nodes import SimulatedNode
from tests.rehearsal.objects import eventually

pytestmark = pytest.mark.cluster

SMALL = ClusterSpec(context="small", nodes=(SimulatedNode("cpu-01", 4, 16),), addons=())


def processes_with(text: str) -> list[str]:
    """Command lines on this machine that contain `text`."""
    lines = (path.read_bytes().replace(b"\0", b" ").decode() for path in _command_lines())
    return [line for line in lines if text in line]


def _command_lines() -> Iterator[Path]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        if path.parent.name != str(os.getpid()) and path.exists():
            yield path


def test_stopping_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    with start(SMALL, directory, lambda line: None):
        running = processes_with(str(directory))
    assert (len(running), directory.exists(), processes_with(str(directory))) == (6, False, [])


def test_an_exception_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    with pytest.raises(RuntimeError), start(SMALL, directory, lambda line: None):
        raise RuntimeError
    assert (directory.exists(), processes_with(str(directory))) == (False, [])


OWNER = """
import sys, time
from pathlib import Path
from hearth.rehearsal.cluster import ClusterSpec, start
from hearth.rehearsal.nodes import SimulatedNode
spec = ClusterSpec(context="owned", nodes=(SimulatedNode("cpu-01", 4, 16),), addons=())
with start(spec, Path(sys.argv[1]), lambda line: None):
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_owner_leaves_no_process_and_no_file(tmp_path: Path, number: signal.Signals) -> None:
    directory = tmp_path / "cluster"
    with subprocess.Popen([sys.executable, "-c", OWNER, str(directory)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        started = owner.stdout.readline()
        owner.send_signal(number)
    assert started == "ready\n"
    assert eventually(lambda: not directory.exists() and not processes_with(str(directory)), seconds=10)


def test_a_killed_supervisor_leaves_no_process(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    with start(SMALL, directory, lambda line: None):
        os.kill(int((directory / "supervisor.pid").read_text()), signal.SIGKILL)
        assert eventually(lambda: not processes_with(str(directory)), seconds=10)


def test_a_port_that_is_taken_meanwhile_is_exchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        ports = [taken.getsockname()[1], free.getsockname()[1]]
        free.close()
        monkeypatch.setattr("hearth.rehearsal.cluster._free_port", lambda: ports.pop(0))
        with start(SMALL, tmp_path / "cluster", lambda line: None) as cluster:
            assert Api(cluster.kubeconfig).is_ready()


def test_a_directory_with_files_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(ClusterError, match="is not empty"):
        start(SMALL, tmp_path, lambda line: None)
    assert (tmp_path / "precious").exists()


def test_an_unknown_addon_is_refused(tmp_path: Path) -> None:
    spec = ClusterSpec(context="small", nodes=SMALL.nodes, addons=("nosuch",))
    with pytest.raises(ToolchainError, match="add-on nosuch"):
        start(spec, tmp_path / "cluster", lambda line: None)


def test_an_object_that_the_api_server_refuses_is_named(tmp_path: Path) -> None:
    wrong = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "wrong"}, "dat": {}}
    spec = ClusterSpec(context="small", nodes=SMALL.nodes, addons=(), objects=(wrong,))
    with pytest.raises(ClusterError, match=r"ConfigMap wrong: .*unknown field"):
        start(spec, tmp_path / "cluster", lambda line: None)
    assert not (tmp_path / "cluster").exists()


@pytest.fixture
def name() -> Iterator[str]:
    unique = f"test-{uuid.uuid4().hex[:8]}"
    yield unique
    down(unique)


def test_a_cluster_that_was_brought_up_outlives_its_owner(name: str) -> None:
    script = (
        "import sys; from hearth.rehearsal.cluster import *; from hearth.rehearsal.nodes import *; "
        "spec = ClusterSpec('kept', (SimulatedNode('cpu-01', 4, 16),), addons=()); "
        "print(up(spec, sys.argv[1], lambda line: None))"
    )
    owner = subprocess.run([sys.executable, "-c", script, name], capture_output=True, text=True, check=True)
    assert Api(Path(owner.stdout.strip())).is_ready()


def test_a_second_up_finds_the_running_cluster(name: str) -> None:
    lines: list[str] = []
    first = up(SMALL, name, lambda line: None)
    assert (up(SMALL, name, lines.append), lines) == (first, [f"cluster {name} is already running"])


def test_down_ends_the_cluster_and_removes_its_files(name: str) -> None:
    directory = up(SMALL, name, lambda line: None).parent
    assert (down(name), directory.exists(), processes_with(str(directory))) == (True, False, [])


def test_down_without_a_cluster_says_so(name: str) -> None:
    assert not down(name)


def test_up_replaces_what_a_crash_has_left(name: str) -> None:
    directory = up(SMALL, name, lambda line: None).parent
    os.kill(int((directory / "supervisor.pid").read_text()), signal.SIGKILL)
    eventually(lambda: not processes_with(str(directory)), seconds=10)
    assert Api(up(SMALL, name, lambda line: None)).is_ready()
