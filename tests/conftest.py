"""What tests of several packages share."""

from __future__ import annotations

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
