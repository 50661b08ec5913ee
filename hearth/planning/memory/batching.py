"""What the engines do at once when nobody says: requests, tokens of a step, share of the memory.

Sources: vllm 0.8.0 to 0.33.0 vllm/engine/arg_utils.py and vllm/config/cache.py; sglang 0.4.0 to 0.5.23
srt/server_args.py, later srt/arg_groups/memory_hook.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from hearth.planning.memory.deployment import GIB
from hearth.planning.memory.dtypes import Version

_MIB = 2**20


@dataclass(frozen=True)
class Batching:
    """What vLLM handles in one step."""

    max_num_seqs: int
    max_num_batched_tokens: int


def vllm_batching(
    version: Version,
    gpu_bytes: int,
    context: int,
    *,
    gpu: str = "",
    max_num_seqs: int | None = None,
    max_num_batched_tokens: int | None = None,
    chunked_prefill: bool = True,
) -> Batching:
    """vLLM's API server on GPUs of `gpu_bytes` as CUDA reports them, with what was given in place of its defaults.

    `gpu` is the product's name: A100 and the GB10 are treated as small. Raises ValueError for sizes below one.
    """
    for name, value in (("max_num_seqs", max_num_seqs), ("max_num_batched_tokens", max_num_batched_tokens)):
        if value is not None and value < 1:
            raise ValueError(f"{name} {value}: must be at least 1")
    requests, batch = _vllm_defaults(version, gpu_bytes, gpu.upper())
    if not chunked_prefill:
        batch = max(batch, context)
    batch = max_num_batched_tokens or min(batch, (max_num_seqs or requests) * context)
    requests = max_num_seqs or min(requests, batch)
    return Batching(requests, batch)


def _vllm_defaults(version: Version, gpu_bytes: int, gpu: str) -> tuple[int, int]:
    """Requests and tokens of a step."""
    if version < (0, 8, 4):
        return 1024, 8192 if "H100" in gpu or "H200" in gpu else 2048
    if version < (0, 8, 5):
        return (1024, 8192) if "H100" in gpu or "H200" in gpu else (256, 2048)
    if version >= (0, 28) and gpu_bytes >= 160 * GIB:
        return 1024, 16384
    counts_as_small = ("A100" in gpu and version >= (0, 9)) or ("GB10" in gpu and version >= (0, 33))
    return (1024, 8192) if gpu_bytes >= 70 * GIB and not counts_as_small else (256, 2048)


def gpu_memory_utilization(version: Version) -> float:
    """vLLM's default share of a GPU's memory."""
    return 0.92 if version >= (0, 20) else 0.9


def graphs_are_budgeted(version: Version) -> bool:
    """CUDA graphs come out of that share; before, they took what was left beside it."""
    return version >= (0, 20)


def async_scheduling(version: Version, pipeline_parallel: int = 1) -> bool:
    """vLLM schedules a step while the last one runs, by default."""
    return version >= (0, 14) and (pipeline_parallel == 1 or version >= (0, 26))


@dataclass(frozen=True)
class Prefill:
    """What SGLang handles in one step."""

    chunked_prefill_size: int
    """Tokens of a prefill step."""
    graph_batch: int
    """Largest batch that CUDA graphs are captured for; 0 without graphs."""


Tier = tuple[int, int, int, int]
"""Below how many MiB of a GPU; prefill tokens; graph batch with fewer than 4 tensor-parallel ranks, and with more."""
_ENDLESS = 2**62
_FIRST_TIERS: tuple[Tier, ...] = ((25_000, 2048, 8, 80), (_ENDLESS, 8192, 160, 160))
_MIDDLE_TIERS: tuple[Tier, ...] = (
    (35 * 1024, 2048, 8, 80),
    (90 * 1024, 8192, 160, 160),
    (160 * 1024, 8192, 256, 256),
    (_ENDLESS, 16384, 512, 512),
)
_LATER_TIERS: tuple[Tier, ...] = (
    (20 * 1024, 2048, 8, 8),
    (35 * 1024, 2048, 24, 80),
    (60 * 1024, 4096, 32, 160),
    (160 * 1024, 8192, 256, 512),
    (_ENDLESS, 16384, 512, 512),
)
_NEWEST_TIERS: tuple[Tier, ...] = ((20 * 1024, 2048, 8, 8), (35 * 1024, 4096, 48, 160), *_LATER_TIERS[2:])


def sglang_prefill(
    version: Version,
    gpu_bytes: int,
    tensor_parallel: int,
    *,
    chunked_prefill_size: int | None = None,
    graph_batch: int | None = None,
    graphs: bool = True,
) -> Prefill:
    """SGLang's defaults on GPUs of `gpu_bytes`, with what was given in their place; -1 prefills without chunks."""
    tiers = _FIRST_TIERS
    for since, later in (((0, 4, 8), _MIDDLE_TIERS), ((0, 5, 3), _LATER_TIERS), ((0, 5, 20), _NEWEST_TIERS)):
        tiers = later if version >= since else tiers
    _, tokens, small, large = next(tier for tier in tiers if gpu_bytes / _MIB < tier[0])
    batch = graph_batch or (small if tensor_parallel < 4 else large)
    return Prefill(chunked_prefill_size or tokens, batch if graphs else 0)


_MAX_PREFILL_TOKENS = 16384


def mem_fraction_static(
    version: Version,
    gpu_bytes: int,
    prefill: Prefill,
    *,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    attention: Literal["heads", "latent"] = "heads",
) -> float:
    """SGLang's default share of the memory for weights and KV cache, of a text model without speculative decoding."""
    total = gpu_bytes / _MIB
    ranks = tensor_parallel * pipeline_parallel
    if version < (0, 4, 8):
        return _first_fraction(version, total, ranks)
    if version < (0, 5, 3):
        reserved = _middle_reserve(total, ranks)
    else:
        activations = prefill.chunked_prefill_size if prefill.chunked_prefill_size > 0 else _MAX_PREFILL_TOKENS
        reserved = 512 + max(activations, 2048) * 1.5 + prefill.graph_batch * 2 + ranks / 8 * 1024
        if version >= (0, 5, 10) and prefill.graph_batch:
            reserved += 1.5 * 1024 if attention == "latent" else 8 * _prefill_graphs(prefill.chunked_prefill_size)
        if total > 60 * 1024:
            reserved = max(reserved, 10 * 1024)
    return max(0.0, round((total - reserved) / total, 3))


def _first_fraction(version: Version, total: float, ranks: int) -> float:
    by_ranks = ((16, 0.79), (8, 0.81), (4, 0.85), (2, 0.87), (1, 0.88))
    share = next(share for least, share in by_ranks if ranks >= least)
    if version < (0, 4, 6) or total <= 81920:
        return share
    if version < (0, 4, 7):
        return (total - 13 * 1024) / total
    if total > 180_000:
        return 0.79
    return min(0.88 + 48 * 1024 * 0.12 / total, (total - 18 * 1024) / total) if total > 96 * 1024 else 0.88


def _middle_reserve(total: float, ranks: int) -> float:
    """MiB."""
    if total < 35 * 1024:
        return (2.8 + ranks / 10) * 1024
    if total < 90 * 1024:
        return (9.5 + ranks / 2) * 1024
    return (12 + ranks / 2) * 1024 if total < 160 * 1024 else 32 * 1024


def _prefill_graphs(tokens: int) -> int:
    """CUDA graphs captured for prefills of up to `tokens`."""
    spans = ((4, 33, 4), (48, 257, 16), (288, 513, 32), (576, 1025, 64), (1280, 4097, 256), (4608, tokens + 1, 512))
    return sum(1 for first, end, step in spans for size in range(first, end, step) if size <= tokens)


def max_running_requests(tokens: int, context: int, given: int | None = None) -> int:
    """SGLang's limit of requests at once for a cache of `tokens`, before a hybrid model's states lower it."""
    if given is not None:
        return given
    return max(1, min(max(min(math.floor(tokens / context * 512), 4096), 2048), tokens // 2))
