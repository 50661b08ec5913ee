"""Scripts that run inside containers; they are mounted from ConfigMaps and need nothing of Hearth."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

SCRIPTS = "/opt/hearth"
"""Where containers mount them."""


@cache
def script(name: str) -> str:
    """Text of one script of this folder."""
    return files("hearth.planning.scripts").joinpath(name).read_text(encoding="utf-8")
