"""Stack files for the smoke test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.containers import stacks

POOL: Mapping[str, Any] = {"gpuNodePools": [{"name": "local", "gpu": "H100-80GB", "gpusPerNode": 4}]}
HOST: Mapping[str, Any] = {**POOL, "ollama": None, "cpuNodes": {"cpus": 64, "memoryGib": 512}}


def model(name: str, source: str, **more: object) -> dict[str, object]:
    return {"name": name, "source": source, "engine": "vllm", "pool": "local", "contextLength": 8192, **more}


QWEN = model("qwen3-8b", "Qwen/Qwen3-8B")
"""Calls tools and reasons."""


def write(folder: Path, **changes: Any) -> Path:
    """Pulumi.test.yaml in `folder`: the Docker stack of the containers' tests, with settings replaced."""
    settings = {**stacks.BASE, **changes}
    config = {f"hearth:{key}": value for key, value in settings.items() if value is not None}
    (folder / "Pulumi.test.yaml").write_text(json.dumps({"config": config}))
    return folder
