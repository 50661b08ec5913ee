"""Imported for the vocabulary of one family of models, which the stand-in has not."""

from __future__ import annotations

from typing import NoReturn


def get_session() -> NoReturn:
    """There is no network."""
    raise ConnectionError("the stand-in of huggingface_hub has no network")
