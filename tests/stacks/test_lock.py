from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from hearth.errors import UserError
from hearth.stacks.folder import StackFolder, stack_folder
from hearth.stacks.lock import held, wait_for_engine


@pytest.fixture
def folder(tmp_path: Path) -> StackFolder:
    return stack_folder(tmp_path, "dev-anna")


def lock_of_an_engine(folder: StackFolder, process: int, host: str = "") -> None:
    """As Pulumi's file backend leaves it while an engine is at work."""
    file = folder.state / ".pulumi/locks/organization/hearth/dev-anna/1.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"pid": process, "hostname": host or socket.gethostname(), "username": "anna"}))


def ended_process() -> int:
    with subprocess.Popen(["true"]) as process:
        return process.pid


def test_two_runs_never_hold_a_stack(folder: StackFolder) -> None:
    refusal = pytest.raises(UserError, match=rf"hearth up \(process {os.getpid()}.*wait for its end")
    with held(folder, "up"), refusal, held(folder, "down"):
        pass


def test_a_stack_can_be_held_again_afterwards(folder: StackFolder) -> None:
    for operation in ("up", "down"):
        with held(folder, operation):
            assert operation in folder.lock_file.read_text()


def test_a_stack_that_was_removed_while_held_can_be_held_anew(folder: StackFolder) -> None:
    with held(folder, "down"):
        folder.remove()
    with held(folder, "up"):
        assert folder.lock_file.exists()


def test_without_an_engine_nothing_is_waited_for(folder: StackFolder) -> None:
    assert not wait_for_engine(folder, pytest.fail)


def test_the_lock_of_an_engine_that_was_killed_is_told(folder: StackFolder) -> None:
    lock_of_an_engine(folder, ended_process())
    assert wait_for_engine(folder, pytest.fail)


def test_an_engine_at_work_is_waited_for(folder: StackFolder) -> None:
    told: list[str] = []
    with subprocess.Popen(["sleep", "60"]) as engine:
        lock_of_an_engine(folder, engine.pid)

        def end_it(line: str) -> None:
            told.append(line)
            engine.kill()
            engine.wait()

        assert wait_for_engine(folder, end_it)
    assert told == [f"waiting for Pulumi's engine, which still works on dev-anna (process {engine.pid})"]


def test_an_engine_on_another_host_is_named_with_the_remedy(folder: StackFolder) -> None:
    lock_of_an_engine(folder, 1, "elsewhere")
    with pytest.raises(UserError, match=r"works on stack dev-anna on elsewhere.* cancel --stack dev-anna"):
        wait_for_engine(folder, pytest.fail)
