"""How many tokens SGLang's KV cache holds ("max_total_num_tokens") and what bounds a request.

One pool for tokens; a second, smaller one for sliding layers of models that SGLang gives one; for hybrid models a pool
of states beside it. Sources: sglang 0.4.0 to 0.5.23 srt/model_executor/model_runner.py (profile_max_num_token), later
model_runner_kv_cache_mixin.py, pool_configurator.py and srt/mem_cache/kv_cache_configurator.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from hearth.catalog.architecture import Architecture, LinearAttention, SlidingAttention
from hearth.planning.memory.dtypes import Version, resolve, token_bytes
from hearth.planning.memory.kv_vllm import CHUNKED_ATTENTION, largest, require_positive

_SLIDING_POOLS = (0, 4, 10)
"""First version with a pool of its own for sliding layers."""
_NAMED_SLIDING_POOLS = (0, 5, 8)
"""First version that has it only for the models it names."""
_SLIDING_POOL_SINCE: Mapping[str, Version] = {
    "gpt_oss": (0, 5, 8),
    "llama4_text": (0, 5, 8),
    "gemma4": (0, 5, 11),
    "gemma4_text": (0, 5, 11),
}
"""Model type -> since when, of those versions: srt/configs/model_config.py is_hybrid_swa_model."""
_STATES_BY_RATIO = (0, 5, 4)
"""First version that divides the memory between states and tokens by a ratio."""
_STATES_BEFORE = 512
"""States before that, where the requests are not limited."""
_STATES_PER_REQUEST = 3
"""States that the prefix cache keeps for a running request: MAMBA_CACHE_SIZE_MAX_RUNNING_REQUESTS_RATIO."""
_RECURRENT_BYTES = 4
"""SGLang keeps recurrent states in float32: srt/configs/mamba_utils.py."""


@dataclass(frozen=True)
class KvLayout:
    """What divides and shapes the KV cache."""

    version: Version
    tensor_parallel: int = 1
    """Ranks that share the attention heads: with data-parallel attention, tensor / data parallel size."""
    pipeline_parallel: int = 1
    kv_dtype: str = "auto"
    page_size: int = 1
    radix_cache: bool = True
    max_running_requests: int | None = None
    sliding_ratio: Fraction = Fraction(8, 10)
    """--swa-full-tokens-ratio."""
    state_ratio: Fraction = Fraction(9, 10)
    """--mamba-full-memory-ratio."""
    compute_capability: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Pools:
    """Bytes on the fullest rank."""

    token: int
    """Of one token in all layers that keep every token."""
    sliding_token: int
    """Of one token in all layers with a pool for windows."""
    window: int
    """Longest window of those, tokens."""
    state: int
    """Of one state of all linear layers."""

    def cell(self, layout: KvLayout) -> Fraction:
        """Bytes of memory per token of the full pool; all layers slide where there is no full pool."""
        if not self.token:
            return Fraction(self.sliding_token)
        return self.token + layout.sliding_ratio * self.sliding_token


def tokens(architecture: Architecture, layout: KvLayout, available_bytes: int) -> int:
    """max_total_num_tokens; 0 where nothing fits or the model keeps no tokens. Raises UnsupportedDtype."""
    pools = _pools(architecture, layout)
    cell = pools.cell(layout)
    left = available_bytes - states(architecture, layout, available_bytes) * pools.state
    if left <= 0 or not cell:
        return 0
    return int(left / cell) // layout.page_size * layout.page_size


def states(architecture: Architecture, layout: KvLayout, available_bytes: int) -> int:
    """States of a hybrid model that find room; 0 for other models."""
    state = _pools(architecture, layout).state
    if not state:
        return 0
    if not _by_ratio(layout):
        return layout.max_running_requests or _STATES_BEFORE
    share = layout.state_ratio / (1 + layout.state_ratio)
    return max(0, int(available_bytes * share) // state)


def state_slots(architecture: Architecture, layout: KvLayout, available_bytes: int) -> int | None:
    """Requests that a hybrid model's states allow at once, to which SGLang lowers its limit; None for other models."""
    if not any(isinstance(group.attention, LinearAttention) for group in architecture.layers):
        return None
    return states(architecture, layout, available_bytes) // (_STATES_PER_REQUEST if _by_ratio(layout) else 1)


def request_bytes(architecture: Architecture, layout: KvLayout, context: int) -> int:
    """A cache this large, on the fullest rank, holds a request of `context` tokens for certain.

    SGLang starts with less, but refuses such requests. Raises ValueError for a context below one token or sizes that
    make no sense, UnsupportedDtype.
    """
    require_positive("context", context)
    pools = _pools(architecture, layout)
    least = math.ceil((pools.window + layout.page_size + 1) / layout.sliding_ratio) if pools.window else 1
    held = pools.cell(layout) * _paged(max(context, least), layout)
    if not pools.state:
        return math.ceil(held)
    if _by_ratio(layout):
        return math.ceil((1 + layout.state_ratio) * max(held, _STATES_PER_REQUEST * pools.state / layout.state_ratio))
    return math.ceil(held) + (layout.max_running_requests or _STATES_BEFORE) * pools.state


def fits(architecture: Architecture, layout: KvLayout, available_bytes: int, context: int) -> bool:
    """A request of `context` tokens is taken."""
    return request_bytes(architecture, layout, context) <= available_bytes


def longest_context(architecture: Architecture, layout: KvLayout, available_bytes: int) -> int:
    """Longest request in tokens, at most what the model allows; 0 where nothing fits."""
    return largest(architecture.max_context, lambda context: fits(architecture, layout, available_bytes, context))


def max_concurrency(architecture: Architecture, layout: KvLayout, available_bytes: int, context: int) -> float:
    """Requests of `context` tokens that find room at once; infinite for a model that keeps nothing."""
    require_positive("context", context)
    slots = state_slots(architecture, layout, available_bytes)
    bound = math.inf if slots is None else float(slots)
    if not _pools(architecture, layout).cell(layout):
        return bound
    return min(bound, tokens(architecture, layout, available_bytes) / _paged(context, layout))


def _paged(context: int, layout: KvLayout) -> int:
    return math.ceil(context / layout.page_size) * layout.page_size


def _by_ratio(layout: KvLayout) -> bool:
    return layout.version >= _STATES_BY_RATIO and layout.radix_cache


@lru_cache(maxsize=64)
def _pools(architecture: Architecture, layout: KvLayout) -> _Pools:
    for name in ("tensor_parallel", "pipeline_parallel", "page_size"):
        require_positive(name, getattr(layout, name))
    dtype = resolve(architecture, "sglang", layout.version, layout.kv_dtype, layout.compute_capability)
    sliding = _has_sliding_pool(architecture, layout.version)
    token = sliding_token = window = state = 0
    for group in architecture.layers:
        count = math.ceil(group.count / layout.pipeline_parallel)
        kind = group.attention
        if isinstance(kind, LinearAttention):
            state += count * _state_bytes(kind, architecture, layout)
        elif isinstance(kind, SlidingAttention) and sliding:
            sliding_token += count * token_bytes(kind, layout.tensor_parallel, dtype, architecture.dtype_bytes)
            window = max(window, kind.window)
        else:
            token += count * token_bytes(kind, layout.tensor_parallel, dtype, architecture.dtype_bytes)
    return _Pools(token, sliding_token, window, state)


def _has_sliding_pool(architecture: Architecture, version: Version) -> bool:
    if version < _NAMED_SLIDING_POOLS:
        return version >= _SLIDING_POOLS and not architecture.model_type.startswith(CHUNKED_ATTENTION)
    since = _SLIDING_POOL_SINCE.get(architecture.model_type)
    return since is not None and version >= since


def _state_bytes(kind: LinearAttention, architecture: Architecture, layout: KvLayout) -> int:
    recurrent = kind.recurrent_elements * max(kind.recurrent_bytes, _RECURRENT_BYTES)
    return math.ceil((recurrent + kind.convolution_elements * architecture.dtype_bytes) / layout.tensor_parallel)
