"""Makes a model's entry of the catalog from its repository."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import yaml

from hearth.catalog.config_json import RELEVANT_KEYS, ConfigError, read_architecture
from hearth.catalog.models import catalog_model, families, model_names
from hearth.catalog.parameters import weight_bytes
from hearth.catalog.repository import Description, Repository, describe

MODELS = Path(__file__).parent / "models"
NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
"""A Hugging Face id."""
_PLAUSIBLE = 0.15
"""Difference between the files and what config.json adds up to, beyond which something is odd."""


class AddError(Exception):
    """An entry that cannot be made or written: what, why and the remedy."""


@dataclass(frozen=True)
class Addition:
    """An entry that was made."""

    source: str
    content: Mapping[str, Any]
    """Of its file, as catalog.models reads it."""
    max_context: int
    """Tokens."""
    relative: str | None
    """The model of the catalog whose family it was given; None when the family was said."""
    counted_bytes: int
    """Size of the weights as config.json adds up to."""

    @property
    def plausible(self) -> bool:
        """The files are about as large as config.json says."""
        return abs(self.content["weightsBytes"] / self.counted_bytes - 1) < _PLAUSIBLE


def entry_path(source: str) -> Path:
    """Where the entry is or will be."""
    return MODELS / f"{source}.yaml"


def refuse_existing(source: str) -> None:
    """Raises AddError when the catalog has the model."""
    if entry_path(source).exists():
        raise AddError(f"{source} is in the catalog, in {entry_path(source)}: --replace writes it anew")


def make_entry(source: str, repository: Repository, family: str | None) -> Addition:
    """The entry for what the repository has. Raises AddError, RepositoryError or CatalogError."""
    description = describe(repository)
    try:
        architecture = read_architecture(description.config)
    except ConfigError as error:
        raise AddError(f"config.json of {repository.origin}: {error}") from None
    relative = None if family else _nearest_relative(source, str(description.config["model_type"]))
    chosen = family or (relative and _family(relative))
    if not chosen:
        raise AddError(
            f"the catalog has no model of type {description.config['model_type']!r} to take the family from: give one "
            f"with --family: {', '.join(families())}"
        )
    counted = weight_bytes(architecture)
    content = {
        "family": chosen,
        **_weights(description, counted),
        "configSource": repository.origin,
        "collected": datetime.now(UTC).date(),
        **({"revision": repository.revision} if repository.revision else {}),
        "config": _relevant(description.config),
    }
    return Addition(source, content, architecture.max_context, relative, counted)


def write_entry(addition: Addition) -> Path:
    """Write the file at once and whole. Raises AddError."""
    path = entry_path(addition.source)
    text = yaml.safe_dump(dict(addition.content), sort_keys=False, default_flow_style=None, width=120)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise AddError(f"{path} cannot be written: {error.strerror}; is the catalog's folder writable?") from None
    return path


def _weights(description: Description, counted: int) -> dict[str, object]:
    if description.weights_bytes is None:
        return {"weightsBytes": counted, "weightsSource": "shape"}
    source = "index" if description.weights_from == "index" else "card"
    return {"weightsBytes": description.weights_bytes, "weightsSource": source}


def _relevant(config: Mapping[str, Any]) -> dict[str, Any]:
    """What Hearth reads. A null is kept: a missing key takes what the model's class assumes, and that may differ."""
    return {key: value for key, value in config.items() if key in RELEVANT_KEYS}


def _nearest_relative(source: str, model_type: str) -> str | None:
    """The catalog's model of the same type whose name is most like this one."""
    relatives = [name for name in model_names() if name != source and _model_type(name) == model_type]
    return max(relatives, key=lambda name: SequenceMatcher(None, name.lower(), source.lower()).ratio(), default=None)


def _model_type(source: str) -> object:
    model = catalog_model(source)
    return model and model.config.get("model_type")


def _family(source: str) -> str | None:
    model = catalog_model(source)
    return model and model.family
