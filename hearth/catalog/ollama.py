"""The models of Ollama's library that Hearth knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from hearth.catalog.data import read


@dataclass(frozen=True)
class OllamaModel:
    """One tag of the library."""

    size_gib: float
    """Download in GiB: the space on the volume, and about the memory when loaded with a short context."""


@cache
def ollama_models() -> Mapping[str, OllamaModel]:
    """Every model, by all names that Ollama takes for it: gemma3:4b, gemma3 and gemma3:latest are the same."""
    content = read("ollama.yaml")
    tags = {
        f"{name}:{tag}": OllamaModel(float(size))
        for name, sizes in content["sizeGib"].items()
        for tag, size in sizes.items()
    }
    latest = {name: tags[f"{name}:{tag}"] for name, tag in content["latest"].items()}
    return {**tags, **latest, **{f"{name}:latest": model for name, model in latest.items()}}
