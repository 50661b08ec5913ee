"""What tests of several packages share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from hearth.evaluation import Evaluation, evaluate
from hearth.settings.loading import LoadedStack, load_stack

ROOT = Path(__file__).parent.parent
_LIVE = "tests/live/"


@pytest.fixture(scope="session")
def prod() -> LoadedStack:
    return load_stack(ROOT, "prod")


@pytest.fixture(scope="session")
def prod_evaluation(prod: LoadedStack) -> Evaluation:
    return evaluate(prod)


class _Scheduling(LoadFileScheduling):
    """Where several processes run the tests, a file's stay on one, and so do those that share the running web tier."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return _LIVE if file.startswith(_LIVE) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    return _Scheduling(config, log)


def pytest_configure() -> None:
    """Handles SIGINT, which tests send to programs that they start.

    A shell starts what runs in its background with SIGINT ignored, and an ignored signal, unlike a handled one, is
    ignored in every child as well.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
