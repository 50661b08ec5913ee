"""Deployments of models of the catalog, for tests of several modules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hearth.catalog.gpus import find_gpu
from hearth.catalog.models import find
from hearth.planning.memory.context import at_version
from hearth.planning.memory.deployment import Deployment, Parallelism
from hearth.planning.memory.weights import catalog_bytes

VERSIONS: dict[Any, str] = {"vllm": "0.19.0", "sglang": "0.5.10"}


def deploy(
    model: str, gpu: str, *, tensor: int = 1, pipeline: int = 1, data: int = 1, engine: Any = "vllm", **fields: Any
) -> Deployment:
    """A model on so many GPUs; `fields` are those of Deployment."""
    found = find(model)
    version = fields.get("engine_version", VERSIONS[engine])
    asked = Deployment(
        model=found.source,
        architecture=at_version(found.architecture, engine, version),
        weights_bytes=catalog_bytes(found),
        gpu=find_gpu(gpu),
        engine=engine,
        engine_version=version,
        parallelism=Parallelism(tensor, pipeline, data),
    )
    return replace(asked, **fields)
