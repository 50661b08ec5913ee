"""Waiting for what is told in whole seconds."""

from __future__ import annotations

import time


def next_second() -> None:
    """Returns when what follows has another time than what came before."""
    time.sleep(1 - time.time() % 1)
