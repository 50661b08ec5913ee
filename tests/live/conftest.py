"""The running web tier that the tests of this folder share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live import packages
from tests.live.client import Client
from tests.live.stack import LiveStack, live_stack

_LOGS = pytest.StashKey[list[Path]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    reason = packages.left_out()
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.live)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Says of a failed test where the servers' logs are; pytest keeps the folders of its last three runs."""
    report = yield
    logs = [log for folder in item.config.stash.get(_LOGS, []) for log in sorted(folder.glob("*.log"))]
    if report.failed and logs:
        report.sections.append(("logs of the servers", "\n".join(map(str, logs))))
    return report


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots and measurements go: the folder that HEARTH_LIVE_ARTIFACTS names."""
    folder = Path(os.environ.get("HEARTH_LIVE_ARTIFACTS") or tmp_path_factory.mktemp("artifacts"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


@pytest.fixture(scope="session")
def stack_folder(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """Makes a folder for the servers of a stack, whose logs a failed test names."""

    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        pytestconfig.stash.setdefault(_LOGS, []).append(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def stack(stack_folder: Callable[[str], Path]) -> Iterator[LiveStack]:
    with live_stack(stack_folder("live"), progress) as running:
        yield running


@pytest.fixture(scope="session")
def admin(stack: LiveStack) -> Client:
    """The first account, at the first replica. It signs in once: Open WebUI refuses more than 15 times in 3 minutes."""
    return Client(stack.urls[0]).sign_in(*stack.admin)


def progress(line: str) -> None:
    """To the terminal, past pytest's capturing."""
    print(f"\n{line}", file=sys.__stderr__, flush=True)
