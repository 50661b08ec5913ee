"""The model types of config.json that Hearth knows, and how each differs from a plain grouped-query transformer."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from hearth.catalog.config_values import ConfigError


@dataclass(frozen=True)
class ModelType:
    """One model_type. The defaults of the fields describe Llama."""

    name: str
    text: str | None = None
    """A multimodal wrapper: the model_type of its text model where that does not name its own."""
    refused: str | None = None
    """Why Hearth cannot plan it."""
    pooling: bool = False
    """An encoder, for embeddings or ranking."""
    latent: bool = False
    """Multi-head latent attention where kv_lora_rank is given."""
    linear: str | None = None
    """What its linear layers are: gated_delta_net, kda, mamba2, mamba, convolution or lightning."""
    full_layers: tuple[int, int] | None = None
    """Period and remainder of the layers with full attention where the config does not list layer_types."""
    position_offset: int = 0
    """Positions that the embedding table has beyond the longest input."""
    norms: int = 2
    """Norm vectors of a layer, of the hidden size."""
    query_key_norm: str | None = None
    """head: query and key normed by head; full: over all heads together."""
    attention_bias: str = ""
    """Projections with a bias whatever the config says: qkv, or qkvo for the output as well."""
    output_bias: bool = True
    """The config's attention_bias goes for the output as well."""
    output_gate: bool = False
    """The query projection has a gate of its own size beside it."""
    sinks: bool = False
    """One attention sink per head."""
    gated_mlp: bool = True
    """Gate, up and down; otherwise up and down."""
    router_bias: bool = False
    expert_bias: bool = False
    dense_beside_experts: bool = False
    """Every layer has both a dense MLP and experts."""
    draft_layers: int = 0
    """Layers for multi-token prediction that the checkpoint has and the config does not mention."""
    defaults: Mapping[str, object] = field(default_factory=dict[str, object])
    """What transformers' configuration class assumes for keys that are not there."""


def model_type(name: str, key: str = "model_type") -> ModelType:
    """The model type of this name.

    Raises ConfigError for one that Hearth does not know or cannot plan.
    """
    entry = _entries().get(name)
    if entry is None:
        near = difflib.get_close_matches(name, _entries(), n=3)
        hint = f"like {', '.join(near)}" if near else "like llama or qwen3"
        raise ConfigError(
            key,
            name,
            "Hearth does not know how this architecture keeps its context",
            f"add it to hearth/catalog/model_types.json, or name one that it equals in shape, {hint}",
        )
    known = ModelType(name, **entry)
    if known.refused:
        raise ConfigError(key, name, known.refused, "measure it on the GPU and set the engine's arguments by hand")
    return known


def model_types() -> tuple[str, ...]:
    """Every model_type in the data, the refused ones too."""
    return tuple(_entries())


@cache
def _entries() -> Mapping[str, dict[str, Any]]:
    return json.loads(files("hearth.catalog").joinpath("model_types.json").read_text(encoding="utf-8"))
