"""Reads the catalog's data files."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(file: str) -> dict[str, Any]:
    """The content of one data file of this folder."""
    text = files("hearth.catalog").joinpath(file).read_text(encoding="utf-8")
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - either loader is a safe one
