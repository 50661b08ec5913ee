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


def pytest_configure() -> None:
    """Handles SIGINT, which tests send to programs that they start.

    A shell starts what runs in its background with SIGINT ignored, and an ignored signal, unlike a handled one, is
    ignored in every child as well.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
