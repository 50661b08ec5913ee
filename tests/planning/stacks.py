"""Stack settings for the planner's tests: a small stack that is right, and changes to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hearth.planning.plan import Plan
from hearth.planning.stack import make_plan
from hearth.settings.loading import load_config

BASE: Mapping[str, Any] = {
    "target": "onprem",
    "gpuNodePools": [
        {"name": "h100", "gpu": "H100-80GB", "gpusPerNode": 8, "nodes": ["gpu-01", "gpu-02"]},
        {"name": "ada", "gpu": "RTX4090-24GB", "gpusPerNode": 4, "nodes": ["gpu-03"]},
    ],
    "storage": {"nfs": {"server": "nfs.example.org", "share": "/export"}},
    "models": [
        {"name": "qwq", "source": "Qwen/QwQ-32B", "engine": "vllm", "pool": "h100", "contextLength": 8192},
    ],
    "webUi": {"admin": {"email": "admin@example.org"}, "exposure": {"type": "none"}},
}
"""One model on a pool with room to spare; no load balancer."""


def config(**changes: Any) -> dict[str, str]:
    """The stack's config as the engine hands it over, with top-level settings replaced."""
    settings = {**BASE, **changes}
    return {
        f"hearth:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in settings.items()
        if value is not None
    }


def plan(**changes: Any) -> Plan:
    """The plan of such a stack."""
    return make_plan(load_config(config(**changes), "test"))


def model(**changes: Any) -> dict[str, Any]:
    """The base stack's model, changed."""
    return {**BASE["models"][0], **changes}


def chat(**changes: Any) -> dict[str, Any]:
    """The base stack's web UI, changed."""
    return {**BASE["webUi"], **changes}
