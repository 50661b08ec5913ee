"""Docker stacks for tests, by what the base has on top."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hearth.containers import ContainerSpec, containers
from hearth.planning.plan import Plan
from hearth.planning.stack import make_plan
from hearth.settings.loading import LoadedStack, load_config

BASE: Mapping[str, Any] = {
    "target": "docker",
    "ollama": {"models": ["llama3.2:1b"]},
    "webUi": {"admin": {"email": "admin@example.org"}, "database": {"engine": "sqlite"}},
}
"""One light model on CPUs, and chats in a file."""

GPU: Mapping[str, Any] = {
    "ollama": None,
    "gpuNodePools": [{"name": "local", "gpu": "RTX4090-24GB", "gpusPerNode": 4, "gpuIds": [3, 2, 1, 0]}],
    "models": [
        {
            "name": "qwen3-8b",
            "source": "Qwen/Qwen3-8B",
            "revision": "b968826d9c46dd6066d109eabc6255188de91218",
            "engine": "vllm",
            "pool": "local",
            "contextLength": 8192,
        },
        {
            "name": "pair",
            "source": "Qwen/Qwen3-8B",
            "engine": "vllm",
            "pool": "local",
            "tensorParallel": 2,
            "contextLength": 8192,
        },
    ],
    "docker": {"publish": {"qwen3-8b": 8000}},
    "cpuNodes": {"cpus": 32, "memoryGib": 256},
}
"""Two models on GPUs of one host."""

POSTGRES: Mapping[str, Any] = {
    "webUi": {"admin": {"email": "admin@example.org"}, "redis": {"engine": "valkey"}, "workers": 2}
}
"""Stores of their own."""


def loaded(**changes: Any) -> LoadedStack:
    """The base with top-level settings replaced; None leaves one out."""
    settings = {**BASE, **changes}
    config = {
        f"hearth:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in settings.items()
        if value is not None
    }
    return load_config(config, "test")


def plan(**changes: Any) -> Plan:
    """Its plan."""
    return make_plan(loaded(**changes))


def specs(**changes: Any) -> dict[str, ContainerSpec]:
    """Its containers by the part of their names that follows the namespace."""
    return {spec.name.removeprefix("hearth-test-"): spec for spec in containers(plan(**changes))}
