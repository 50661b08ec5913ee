"""What tests of several packages share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from hearth.evaluation import Evaluation, evaluate
from hearth.settings.loading import LoadedStack, load_stack

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def prod() -> LoadedStack:
    return load_stack(ROOT, "prod")


@pytest.fixture(scope="session")
def prod_evaluation(prod: LoadedStack) -> Evaluation:
    return evaluate(prod)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes run the tests, one has all that share a cluster or a web tier, and a file is of one."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_sharing(item)))


def _sharing(item: pytest.Item) -> str:
    if item.get_closest_marker("live"):
        return "live"
    if isinstance(item, pytest.Function) and "cluster" in item.fixturenames:
        return "cluster"
    return item.nodeid.partition("::")[0]


def pytest_configure() -> None:
    """Handles SIGINT, which tests send to programs that they start.

    A shell starts what runs in its background with SIGINT ignored, and an ignored signal, unlike a handled one, is
    ignored in every child as well.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
