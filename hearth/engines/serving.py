"""What every engine module answers, and where things are in its container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hearth.workload import Drain, Mount, Security

WEIGHTS = "/weights"
"""Where the model's volume is mounted, read-only."""
CACHE = "/cache"
"""Scratch for compiled kernels and everything that an engine writes at run time."""
SECRETS = "/run/secrets/hearth"
"""Where secret files are mounted."""
CACHES: Mapping[str, str] = {
    "HOME": CACHE,
    "XDG_CACHE_HOME": CACHE,
    "TRITON_CACHE_DIR": f"{CACHE}/triton",
    "TORCHINDUCTOR_CACHE_DIR": f"{CACHE}/inductor",
    "FLASHINFER_WORKSPACE_BASE": CACHE,
}
"""Where engines and their libraries put compiled kernels; by default some use the home folder and some /tmp."""
OFFLINE: Mapping[str, str] = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "DO_NOT_TRACK": "1"}
"""No call to a hub while serving: weights come from the volume."""


@dataclass(frozen=True)
class Request:
    """What to serve."""

    source: str
    served_name: str
    tensor_parallel: int
    context_length: int
    gpu_memory_utilization: float | None
    """None: the engine's own default."""
    reasoning_parser: str | None
    tool_call_parser: str | None
    extra: tuple[str, ...]


@dataclass(frozen=True)
class Serving:
    """How an engine serves it."""

    command: tuple[str, ...]
    args: tuple[str, ...]
    env: Mapping[str, str]
    secret_env: tuple[str, ...]
    mounts: tuple[Mount, ...]
    port: int
    alive_path: str
    ready_path: str
    security: Security
    drain: Drain
