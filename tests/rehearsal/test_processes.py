from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hearth.rehearsal.errors import ClusterError
from hearth.rehearsal.processes import Processes, is_supervised, stop_detached

pytestmark = pytest.mark.programs

SHELL = "/bin/sh"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    return path


@pytest.fixture
def processes(directory: Path) -> Iterator[Processes]:
    running = Processes(directory)
    yield running
    running.stop()


def run(processes: Processes, directory: Path, script: str) -> str:
    """Run a shell script as `program` and wait for the first line of its output."""
    processes.run("program", [SHELL, "-c", script])
    log = directory / "program.log"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not (log.exists() and log.read_text().endswith("\n")):
        time.sleep(0.02)
    return log.read_text().strip()


def is_alive(process: str) -> bool:
    try:
        return "sleep" in Path(f"/proc/{process}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


SLEEP = "echo $$; exec sleep 60"


def test_programs_run_in_the_directory(processes: Processes, directory: Path) -> None:
    assert run(processes, directory, "pwd") == str(directory)


def test_output_goes_to_a_log(processes: Processes, directory: Path) -> None:
    run(processes, directory, "echo out; echo problem >&2")
    time.sleep(0.2)
    assert processes.log_tail("program") == "out\nproblem"


def test_the_log_of_a_program_that_never_ran_is_empty(processes: Processes) -> None:
    assert processes.log_tail("nosuch") == ""


def test_an_exit_is_told_once(processes: Processes, directory: Path) -> None:
    run(processes, directory, "echo done; exit 3")
    time.sleep(0.3)
    assert (processes.exited(), processes.exited()) == ({"program": 3}, {})


def test_stop_ends_programs(processes: Processes, directory: Path) -> None:
    process = run(processes, directory, SLEEP)
    processes.stop()
    assert not is_alive(process)


def test_stop_removes_the_directory(processes: Processes, directory: Path) -> None:
    processes.stop()
    assert not directory.exists()


def test_stop_may_be_called_again(processes: Processes) -> None:
    processes.stop()
    processes.stop()


def test_nothing_runs_after_stop(processes: Processes) -> None:
    processes.stop()
    with pytest.raises(ClusterError, match="has been stopped"):
        processes.run("program", [SHELL, "-c", "true"])


def test_a_program_that_cannot_be_started_is_told(processes: Processes, directory: Path) -> None:
    processes.run("program", [str(directory / "nosuch")])
    time.sleep(0.3)
    assert processes.exited() == {"program": 127}


def test_a_killed_supervisor_takes_its_programs_along(processes: Processes, directory: Path) -> None:
    process = run(processes, directory, SLEEP)
    os.kill(int((directory / "supervisor.pid").read_text()), signal.SIGKILL)
    time.sleep(0.3)
    assert not is_alive(process)


def test_a_killed_supervisor_is_noticed(processes: Processes, directory: Path) -> None:
    run(processes, directory, SLEEP)
    os.kill(int((directory / "supervisor.pid").read_text()), signal.SIGKILL)
    time.sleep(0.3)
    with pytest.raises(ClusterError, match="has ended"):
        processes.exited()


def test_ctrl_c_at_the_terminal_does_not_reach_programs(processes: Processes, directory: Path) -> None:
    process = run(processes, directory, SLEEP)
    assert os.getsid(int(process)) != os.getsid(0)


def test_detached_programs_end_on_request(processes: Processes, directory: Path) -> None:
    process = run(processes, directory, SLEEP)
    processes.detach()
    running = is_supervised(directory) and is_alive(process)
    assert (running, stop_detached(directory), is_alive(process)) == (True, True, False)


def test_detached_programs_end_together(processes: Processes, directory: Path) -> None:
    process = run(processes, directory, SLEEP)
    processes.detach()
    os.kill(int(process), signal.SIGKILL)
    deadline = time.monotonic() + 5
    while directory.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not directory.exists()


def test_nothing_is_supervised_in_a_strange_directory(tmp_path: Path) -> None:
    assert not is_supervised(tmp_path)


def test_a_stale_process_id_is_not_taken_for_a_supervisor(directory: Path) -> None:
    (directory / "supervisor.pid").write_text(str(os.getpid()))
    assert (stop_detached(directory), directory.exists()) == (False, False)
