from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from hearth.settings.loading import LoadedStack, load_stack
from tests.settings.stack_files import BASE

LoadText = Callable[..., LoadedStack]
LoadChanged = Callable[..., LoadedStack]

_BASE = yaml.safe_load(BASE)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # ten times faster where there is libyaml


@pytest.fixture
def load_text(tmp_path: Path) -> LoadText:
    """Loads the text of a stack file."""

    def load(text: str, overrides: Sequence[str] = ()) -> LoadedStack:
        (tmp_path / "Pulumi.test.yaml").write_text(text, encoding="utf-8")
        return load_stack(tmp_path, "test", overrides)

    return load


@pytest.fixture
def load_changed(load_text: LoadText) -> LoadChanged:
    """Loads the base stack file with some values changed (`models[0].pool: ada`) and some keys left out."""

    def load(changes: Mapping[str, object], without: Sequence[str] = (), overrides: Sequence[str] = ()) -> LoadedStack:
        tree = deepcopy(_BASE)
        for key, value in changes.items():
            *above, last = _parts(key)
            place: Any = tree["config"]
            for part in above:
                place = place.setdefault(part, {}) if isinstance(part, str) else place[part]
            place[last] = value
        for key in without:
            *above, last = _parts(key)
            place = tree["config"]
            for part in above:
                place = place[part]
            del place[last]
        return load_text(yaml.dump(tree, Dumper=_DUMPER, sort_keys=False), overrides)

    return load


def _parts(key: str) -> list[str | int]:
    first, *rest = re.findall(r"[^.\[\]]+", key)
    return [f"hearth:{first}", *(int(part) if part.isdigit() else part for part in rest)]
