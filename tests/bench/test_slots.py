"""Shares of a core, with processes that are always busy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.page import ROOT

pytestmark = pytest.mark.programs
BUSY = "while True: pass"


@pytest.fixture
def busy() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]
    yield processes
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def slots(busy: list[subprocess.Popen[bytes]]) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "bench.slots", "4", *(str(process.pid) for process in busy)]
    running = subprocess.Popen(argv, cwd=ROOT)
    yield running
    running.kill()
    running.wait()


def is_stopped(process: subprocess.Popen[bytes]) -> bool:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def wait_until_stopped(processes: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + 30
    while not all(map(is_stopped, processes)):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    user, system = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def test_each_has_its_share_of_a_core(busy: list[subprocess.Popen[bytes]], slots: subprocess.Popen[bytes]) -> None:
    wait_until_stopped(busy)
    assert slots.poll() is None
    before, started = [cpu_seconds(process) for process in busy], time.monotonic()
    time.sleep(2)
    used = [cpu_seconds(process) - earlier for process, earlier in zip(busy, before, strict=True)]
    # A quarter, and what a late signal adds on a machine that has other work; without slots each has a core.
    assert all(0 < share < 0.5 * (time.monotonic() - started) for share in used)


def test_all_run_on_when_it_ends(busy: list[subprocess.Popen[bytes]], slots: subprocess.Popen[bytes]) -> None:
    wait_until_stopped(busy)
    slots.terminate()
    assert slots.wait(30) == 0
    assert not any(map(is_stopped, busy))


def test_a_process_that_has_ended_does_not_keep_the_others_stopped(
    busy: list[subprocess.Popen[bytes]], slots: subprocess.Popen[bytes]
) -> None:
    wait_until_stopped(busy)
    busy[0].kill()
    busy[0].wait()
    slots.wait(30)
    assert not is_stopped(busy[1])
