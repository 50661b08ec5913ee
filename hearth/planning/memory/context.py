"""The longest context that an engine's version lets a model have."""

from __future__ import annotations

from dataclasses import replace

from hearth.catalog.architecture import Architecture
from hearth.engines.flags import release

_YARN_NOT_MULTIPLIED = release("0.30.0")
"""First version of vLLM that takes max_position_embeddings as it is: vllm/config/model.py."""


def at_version(architecture: Architecture, engine: str, version: str) -> Architecture:
    """The shape as this version reads it: YaRN's length differs. Raises UnknownVersion for what is no version."""
    if engine == "vllm" and release(version) < _YARN_NOT_MULTIPLIED:
        return replace(architecture, max_context=architecture.yarn_context)
    return architecture
