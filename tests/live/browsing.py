"""Visits of a person's browser to the chat."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live import packages
from tests.live.conftest import progress
from tests.live.servers import ROOT

_SECONDS = 240


@dataclass(frozen=True)
class Visit:
    """What each step saw, by its title, and the messages of the page's console."""

    seen: Mapping[str, Any]
    console: Sequence[str]

    @property
    def errors(self) -> list[str]:
        """Messages of the console that say so."""
        return [line for line in self.console if line.startswith("error")]


def visit(url: str, steps: Mapping[str, Sequence[object]], failure: Path) -> Visit:
    """Open the page and do the steps in order: by title, each a name in programs/browser.py with its arguments.

    AssertionError with the end of the console when one fails; then `failure` is a picture of the page.
    """
    options = {"chromium": str(packages.chromium(progress)), "url": url, "steps": steps, "failure": str(failure)}
    command = [str(packages.tools(progress)), "-m", "tests.live.programs.browser", json.dumps(options, default=str)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_SECONDS)
    assert done.returncode == 0, f"{done.stderr}\nthe page: {failure}"
    return Visit(**json.loads(done.stdout))
