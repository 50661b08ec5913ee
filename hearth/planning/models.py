"""What each model of a stack comes to: its memory, and how its engine serves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hearth.catalog.versions import version_of
from hearth.engines.flags import EngineTable, UnknownVersion, engine_table, newest
from hearth.engines.serving import Serving
from hearth.planning.model_memory import ModelMemory, judge
from hearth.planning.model_serving import serving_of
from hearth.planning.pools import PoolPlans
from hearth.settings.stack import Settings


@dataclass(frozen=True)
class JudgedModel:
    """A model, before anything is refused for it."""

    memory: ModelMemory
    serving: Serving
    table: EngineTable
    """Flags of the engine's pinned version; of the newest known where the image does not tell its version."""


def judge_models(settings: Settings, pools: PoolPlans, images: Mapping[str, str]) -> dict[str, JudgedModel]:
    """By name; without models whose pool or size nobody knows."""
    found: dict[str, JudgedModel] = {}
    for model in settings.models:
        pool = pools.by_name.get(model.pool)
        table = table_of(model.engine, images[model.engine])
        memory = judge(model, table.version, pool) if pool else None
        if memory:
            found[model.name] = JudgedModel(memory, serving_of(model, memory.context_length, table), table)
    return found


def table_of(engine: str, image: str) -> EngineTable:
    """Flags of an image's engine; of the newest version where the tag names none that is known."""
    try:
        return engine_table(engine, version_of(image) or newest(engine))
    except UnknownVersion:
        return engine_table(engine, newest(engine))
