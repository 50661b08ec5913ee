"""The models that Hearth knows: one file each under models/, and what their families need of an engine."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, cast

import yaml

from hearth.catalog.architecture import Architecture
from hearth.catalog.config_json import ConfigError, read_architecture
from hearth.catalog.data import read

WEIGHTS_SOURCES = {
    "index": "total_size of the repository's model.safetensors.index.json, or what its tensors add up to",
    "shape": "counted from the config",
    "log": "a published start-up log",
    "card": "the model's card or report, or a listing of its files",
}
"""Where an entry's weightsBytes may come from."""
_FOLDER = "models"


class CatalogError(ValueError):
    """An entry of the catalog that cannot be used: its file, and what is wrong there."""


class UnknownModelError(LookupError):
    """No model, or more than one, goes by a name."""

    def __init__(self, message: str, candidates: tuple[str, ...]) -> None:
        super().__init__(message)
        self.candidates = candidates
        """Hugging Face ids that may have been meant, the likeliest first."""


@dataclass(frozen=True)
class Parsers:
    """What one engine needs to be told for a family of models. Names are best first: newer versions know more."""

    reasoning: tuple[str, ...] = ()
    """Empty where the model gives no reasoning of its own."""
    tool_call: tuple[str, ...] = ()
    """Empty where the model calls no tools."""
    chat_template: str | None = None
    """Path in the engine's image, where tool calls need another template than the model's."""
    extra_args: tuple[str, ...] = ()
    """Arguments without which the family does not run."""


@dataclass(frozen=True)
class CatalogModel:
    """One model. Sizes are of the whole model, not of one GPU's share."""

    source: str
    """Its Hugging Face id."""
    family: str
    weights_bytes: int
    """Of its safetensors files together."""
    loaded_bytes: int | None
    """What an engine keeps of them, where that is known to differ."""
    parsers: Mapping[str, Parsers] = field(compare=False)
    """By engine; an engine is missing where there is nothing to tell it."""
    config: Mapping[str, object] = field(repr=False, compare=False)
    """Its config.json, as far as Hearth reads it."""

    @cached_property
    def architecture(self) -> Architecture:
        """Its shape. Raises CatalogError for a config that cannot be read."""
        try:
            return read_architecture(self.config)
        except ConfigError as error:
            raise _broken(self.source, f"config: {error}") from None


@cache
def model_names() -> tuple[str, ...]:
    """The Hugging Face id of every model of the catalog, sorted."""
    organizations = (entry for entry in files("hearth.catalog").joinpath(_FOLDER).iterdir() if entry.is_dir())
    return tuple(
        sorted(
            f"{organization.name}/{entry.name.removesuffix('.yaml')}"
            for organization in organizations
            for entry in organization.iterdir()
            if entry.name.endswith(".yaml")
        )
    )


@cache
def catalog_model(source: str) -> CatalogModel | None:
    """The model with this Hugging Face id, None when the catalog has none. Raises CatalogError for a broken entry."""
    if source not in model_names():
        return None
    try:
        content = read(_path(source))
    except yaml.YAMLError as error:
        raise _broken(source, f"is not YAML: {error}") from None
    return model_from_entry(source, content)


def find(name: str) -> CatalogModel:
    """The model that goes by a name: its Hugging Face id, or that without the organization, in any case.

    Raises UnknownModelError, with the candidates, when there is none or more than one.
    """
    key = name.strip().lower()
    found = [source for source in model_names() if key in (source.lower(), source.lower().partition("/")[2])]
    model = catalog_model(found[0]) if len(found) == 1 else None
    if model:
        return model
    if found:
        raise UnknownModelError(
            f"model {name!r}: several in the catalog go by it: {', '.join(found)}; give the organization as well",
            tuple(found),
        )
    close = _closest(key)
    hint = f"did you mean {', '.join(close)}? If not, run" if close else "run"
    raise UnknownModelError(
        f"model {name!r}: is not in the catalog; {hint} python -m hearth catalog add, or give its config.json", close
    )


def model_from_entry(source: str, entry: object) -> CatalogModel:
    """A model from the content of its file. Raises CatalogError for what is missing or wrong there."""
    if not isinstance(entry, Mapping):
        raise _broken(source, "is not a mapping: it needs family, weightsBytes, weightsSource and config")
    content = cast("Mapping[str, Any]", entry)
    family, origin, config = content.get("family"), content.get("weightsSource"), content.get("config")
    if not isinstance(family, str) or family not in families():
        raise _broken(source, f"family: {family!r} is not in families.yaml: choose one of those or add it there")
    if origin not in WEIGHTS_SOURCES:
        raise _broken(source, f"weightsSource: {origin!r} is none of {', '.join(WEIGHTS_SOURCES)}")
    if not isinstance(config, Mapping):
        raise _broken(source, f"config: {config!r} is not a mapping: give the keys of the model's config.json")
    return CatalogModel(
        source=source,
        family=family,
        weights_bytes=_bytes(source, "weightsBytes", content.get("weightsBytes")),
        loaded_bytes=_bytes(source, "loadedBytes", content["loadedBytes"]) if "loadedBytes" in content else None,
        parsers=families()[family],
        config=cast("Mapping[str, object]", config),
    )


@cache
def families() -> Mapping[str, Mapping[str, Parsers]]:
    """What each engine needs to be told for each family of models."""
    return {
        family: {
            engine: Parsers(
                reasoning=tuple(entry.get("reasoning", ())),
                tool_call=tuple(entry.get("toolCall", ())),
                chat_template=entry.get("chatTemplate"),
                extra_args=tuple(entry.get("extraArgs", ())),
            )
            for engine, entry in engines.items()
        }
        for family, engines in read("families.yaml").items()
    }


def _path(source: str) -> str:
    return f"{_FOLDER}/{source}.yaml"


def _broken(source: str, what: str) -> CatalogError:
    return CatalogError(f"hearth/catalog/{_path(source)}: {what}")


def _bytes(source: str, key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise _broken(source, f"{key}: {value!r} is not a number of bytes above 0")
    return value


def _closest(name: str) -> tuple[str, ...]:
    """Ids whose name is most like `name`, which may have an organization."""
    by_short = {source.lower().partition("/")[2]: source for source in model_names()}
    short = re.sub(r"[\s_]+", "-", name.rpartition("/")[2])
    return tuple(by_short[match] for match in difflib.get_close_matches(short, by_short, n=4, cutoff=0.5))
