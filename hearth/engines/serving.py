"""What every engine module answers, and where things are in its container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hearth.engines.arguments import Unsupported
from hearth.workload import Drain, Mount, Security

WEIGHTS = "/weights"
"""Where the model's volume is mounted, read-only."""
ADAPTERS = "/adapters"
"""Where LoRA adapters are mounted, read-only, each in a folder of its name."""
CACHE = "/cache"
"""Scratch for compiled kernels and everything that an engine writes at run time."""
TEMPLATES = "/etc/hearth"
"""Where a chat template of the stack is mounted."""
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
    """What to serve. None and empty: the engine's own default."""

    source: str
    served_name: str
    context_length: int
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    data_parallel: int = 1
    expert_parallel: bool = False
    gpu_memory_utilization: float | None = None
    kv_cache_dtype: str | None = None
    quantization: str | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    prefix_caching: bool = True
    sleep_mode: bool = False
    adapters: tuple[str, ...] = ()
    """Names of LoRA adapters."""
    adapter_rank: int | None = None
    reasoning_parser: str | None = None
    tool_call_parser: str | None = None
    chat_template: str | None = None
    """A path in the container, or a name that the engine knows."""
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metrics:
    """Names of the engine's Prometheus metrics at its version; None where it has none."""

    waiting: str | None
    """Requests in the queue."""
    running: str | None
    kv_cache_usage: str | None
    """Share of the KV cache in use, 0 to 1."""
    time_to_first_token: str | None
    """Seconds, a histogram."""


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
    metrics: Metrics
    security: Security
    drain: Drain
    adapters: tuple[str, ...] = ()
    """Names by which requests choose the LoRA adapters."""
    unsupported: tuple[Unsupported, ...] = ()
    """Settings that this version does not know."""
