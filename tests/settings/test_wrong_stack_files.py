"""Each wrong stack file is one problem that names the key, why it is wrong and what would be right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from hearth.problems import render
from hearth.settings.loading import LoadedStack
from tests.settings.stack_files import Wrong
from tests.settings.wrong_combinations import COMBINATIONS
from tests.settings.wrong_values import VALUES

Load = Callable[..., LoadedStack]

CASES = {**VALUES, **COMBINATIONS}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_wrong_stack_file_is_one_problem(case: Wrong, load_changed: Load) -> None:
    loaded = load_changed(yaml.safe_load(case.changes), case.without)

    assert [problem.key for problem in loaded.problems] == [case.key], render(loaded.problems, loaded.source)
    problem = loaded.problems[0]
    assert case.why in problem.why
    assert case.remedy in problem.remedy
    assert problem.line is not None or case.without


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_message_has_no_jargon_and_no_secret(case: Wrong, load_changed: Load) -> None:
    loaded = load_changed(yaml.safe_load(case.changes), case.without)

    text = render(loaded.problems, loaded.source).lower()
    for forbidden in ("input should", "pydantic", "validation error", "ctx", "nonetype", "dict", "planted", "20261121"):
        assert forbidden not in text
