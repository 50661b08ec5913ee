"""How many tokens vLLM's KV cache holds, and the longest request it takes, as each version reckons it.

The cache is one pool of blocks. A block holds one page of every layer of a group; layers of different kinds are in
different groups and take blocks of their own from the same pool. Sources: vllm 0.8.0 to 0.33.0
vllm/v1/core/kv_cache_utils.py (kv_cache_planning.py since 0.33), vllm/v1/kv_cache_interface.py,
vllm/model_executor/models/config.py (hybrid models) and vllm/platforms/interface.py.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from hearth.catalog.architecture import (
    Architecture,
    Attention,
    FullAttention,
    LatentAttention,
    LinearAttention,
    SlidingAttention,
)
from hearth.planning.memory.dtypes import Version, resolve, token_bytes

_GROUPS = (0, 9, 1)
"""First version whose pool keeps only a window's tokens of sliding layers, where there are others too."""
_CHECK_BY_GROUP = (0, 14)
"""First version whose check counts whole blocks, the padding of uneven groups included."""
_CHECK_PER_STAGE = (0, 17)
"""First version since 0.14 that compares a pipeline stage's memory with that stage's layers only."""
_TOKENS_FROM_CONCURRENCY = (0, 21)
"""First version that logs concurrency x context as the cache's size, before: blocks / groups x block size."""
_ASYNC_WINDOWS = (0, 26)
"""First version that reserves the tokens of every batch in flight for sliding layers."""
_NULL_BLOCK = (0, 29)
"""First version whose check sets aside the block that the pool holds back."""
_ALIGNED_STATES = (0, 16)
"""First version that keeps a second state per request for prefix caching of hybrid models."""
_HYBRID_PREFIX_CACHING = (0, 27)
"""First version with prefix caching of hybrid models by default."""
_CHECKPOINT_STATES = (0, 32)
"""First version that keeps a third one on Hopper and later, to save a state in the middle of a prefill."""
_HOPPER = (9, 0)
CHUNKED_ATTENTION = "llama4"
"""Beginning of the model types whose windows are chunks: vLLM keeps all their tokens, since that is faster."""
_STATES_BOUND_REQUESTS = (0, 20)
"""First version that refuses to start with more requests than states."""


@dataclass(frozen=True)
class KvLayout:
    """What divides and shapes the KV cache."""

    version: Version
    max_num_batched_tokens: int
    max_num_seqs: int
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    kv_dtype: str = "auto"
    block_size: int = 16
    prefix_caching: bool | None = None
    """None: as the version does by default."""
    hybrid_manager: bool = True
    """False: --disable-hybrid-kv-cache-manager."""
    async_scheduling: bool = True
    compute_capability: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Layer:
    """One layer's share of the cache on one rank."""

    page: int
    """Bytes of the layer in a block, as its tokens or state need."""
    block: int
    """Tokens of a block; 0 where it holds a state."""
    kind: Attention

    def pages(self, layout: KvLayout, context: int) -> int:
        """Blocks that a request of `context` tokens takes."""
        if isinstance(self.kind, LinearAttention):
            return _states(layout)
        if isinstance(self.kind, SlidingAttention):
            in_flight = layout.max_num_batched_tokens * _batches(layout)
            return math.ceil(min(self.kind.window - 1 + in_flight, context) / self.block) + 1
        return math.ceil(context / self.block)


@dataclass(frozen=True)
class _Group:
    """Layers of one kind that share blocks."""

    layers: tuple[_Layer, ...]

    @property
    def bytes(self) -> int:
        return sum(layer.page for layer in self.layers)

    def pages(self, layout: KvLayout, context: int) -> int:
        return max(layer.pages(layout, context) for layer in self.layers)


def request_bytes(architecture: Architecture, layout: KvLayout, context: int) -> int:
    """Bytes that a request of `context` tokens takes on the fullest rank, as vLLM's check at the start sums them.

    Raises ValueError for a context below one token or sizes that make no sense, UnsupportedDtype.
    """
    require_positive("context", context)
    if _CHECK_BY_GROUP <= layout.version < _CHECK_PER_STAGE:
        layout = replace(layout, pipeline_parallel=1)
    groups = _groups(architecture, layout)
    if _GROUPS <= layout.version < _CHECK_BY_GROUP:
        return sum(layer.page * layer.pages(layout, context) for group in groups for layer in group.layers)
    return _block_bytes(groups) * sum(group.pages(layout, context) for group in groups)


def fits(architecture: Architecture, layout: KvLayout, available_bytes: int, context: int) -> bool:
    """vLLM starts with this much memory for the cache and this context length."""
    held_back = _block_bytes(_groups(architecture, layout)) if layout.version >= _NULL_BLOCK else 0
    return request_bytes(architecture, layout, context) <= available_bytes - held_back


def longest_context(architecture: Architecture, layout: KvLayout, available_bytes: int) -> int:
    """vLLM's "estimated maximum model length" in tokens, at most what the model allows; 0 where nothing fits."""
    return largest(architecture.max_context, lambda context: fits(architecture, layout, available_bytes, context))


def max_concurrency(architecture: Architecture, layout: KvLayout, available_bytes: int, context: int) -> float:
    """Requests of `context` tokens that find room at once; infinite for a model that keeps nothing."""
    require_positive("context", context)
    groups = _groups(architecture, layout)
    if not groups:
        return math.inf
    return _blocks(groups, available_bytes) / sum(group.pages(layout, context) for group in groups)


def tokens(architecture: Architecture, layout: KvLayout, available_bytes: int, context: int) -> int:
    """What this version's log calls "GPU KV cache size" when it serves `context` tokens; 0 without a cache."""
    groups = _groups(architecture, layout)
    if not groups:
        return 0
    if layout.version >= _TOKENS_FROM_CONCURRENCY:
        return int(max_concurrency(architecture, layout, available_bytes, context) * context)
    sizes = [layer.block for group in groups for layer in group.layers if layer.block]
    return _blocks(groups, available_bytes) // len(groups) * min(sizes, default=context)


def state_slots(architecture: Architecture, layout: KvLayout, available_bytes: int) -> int | None:
    """Most --max-num-seqs that a hybrid model starts with; None where this version or model has no such bound."""
    linear = any(isinstance(group.attention, LinearAttention) for group in architecture.layers)
    if not linear or layout.version < _STATES_BOUND_REQUESTS:
        return None
    return _blocks(_groups(architecture, layout), available_bytes)


def largest(limit: int, fitting: Callable[[int], bool]) -> int:
    """Largest number up to `limit` that is fitting, where all smaller ones are too; 0 where 1 is not."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fitting(middle) else (low, middle - 1)
    return low


def require_positive(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} {value}: must be at least 1")


def _batches(layout: KvLayout) -> int:
    """Batches that are scheduled but not settled yet."""
    if layout.version < _ASYNC_WINDOWS:
        return 1
    return layout.pipeline_parallel + (1 if layout.async_scheduling else 0)


def _states(layout: KvLayout) -> int:
    """States of one linear layer that a request holds."""
    if layout.version < _ALIGNED_STATES or not _caches_prefixes(layout):
        return 1
    checkpoints = layout.compute_capability is None or layout.compute_capability >= _HOPPER
    return 3 if layout.version >= _CHECKPOINT_STATES and checkpoints else 2


def _caches_prefixes(layout: KvLayout) -> bool:
    return layout.version >= _HYBRID_PREFIX_CACHING if layout.prefix_caching is None else layout.prefix_caching


def _blocks(groups: tuple[_Group, ...], available_bytes: int) -> int:
    return max(0, available_bytes) // _block_bytes(groups) if groups else 0


def _block_bytes(groups: tuple[_Group, ...]) -> int:
    return max((group.bytes for group in groups), default=0)


@lru_cache(maxsize=64)
def _groups(architecture: Architecture, layout: KvLayout) -> tuple[_Group, ...]:
    """The groups of layers of the fullest pipeline stage."""
    for name in ("max_num_batched_tokens", "tensor_parallel", "pipeline_parallel", "block_size"):
        require_positive(name, getattr(layout, name))
    counts = _layers(architecture, layout)
    if len({_scope(layer.kind) for layer in counts}) <= 1:
        layers = tuple(layer for layer, count in counts.items() for _ in range(_stage(count, layout)))
        return (_Group(layers),) if layers else ()
    groups: list[_Group] = []
    size = _group_size(counts, layout.version)
    for layer, count in _one_page_size(counts).items():
        number = math.ceil(count / size)
        for index in range(number):
            members = len(range(index, count, number))
            groups.append(_Group((layer,) * _stage(members, layout)))
    return tuple(groups)


def _group_size(counts: Counter[_Layer], version: Version) -> int:
    """Layers of a group: as many as the rarest kind has, or the commonest where they are nearly as many."""
    slack = 1.0 if version < (0, 12) else 1.25 if version < (0, 18) else 1.5
    least, most = min(counts.values()), max(counts.values())
    return most if most < least * slack else least


def _one_page_size(counts: Counter[_Layer]) -> Counter[_Layer]:
    """Layers whose pages are all of the largest one's size: by more tokens a block, else by padding."""
    page = max(layer.page for layer in counts)
    return Counter(
        {
            replace(
                layer, page=page, block=layer.block * (page // layer.page) if page % layer.page == 0 else layer.block
            ): count
            for layer, count in counts.items()
        }
    )


def _stage(layers: int, layout: KvLayout) -> int:
    return math.ceil(layers / layout.pipeline_parallel)


def _scope(kind: Attention) -> str:
    """What must be alike for layers to share a block table."""
    if isinstance(kind, LinearAttention):
        return "state"
    return f"window {kind.window}" if isinstance(kind, SlidingAttention) else "all tokens"


def _layers(architecture: Architecture, layout: KvLayout) -> Counter[_Layer]:
    """Layers that keep something and how many of each there are, over all stages."""
    mixed = len({_scope(group.attention) for group in architecture.layers}) > 1
    chunked = architecture.model_type.startswith(CHUNKED_ATTENTION)
    in_full = mixed and (chunked or layout.version < _GROUPS or not layout.hybrid_manager)
    dtype = resolve(architecture, "vllm", layout.version, layout.kv_dtype, layout.compute_capability)
    costs = [
        (group, token_bytes(group.attention, layout.tensor_parallel, dtype, architecture.dtype_bytes))
        for group in architecture.layers
    ]
    block = _block_size(architecture, layout, [cost for _, cost in costs if cost])
    page = block * max((cost for _, cost in costs), default=0)
    counts: Counter[_Layer] = Counter()
    for group, cost in costs:
        kind = group.attention
        if isinstance(kind, LinearAttention):
            counts[_Layer(max(page, _state_bytes(kind, architecture, layout)), 0, kind)] += group.count
            continue
        if in_full and isinstance(kind, SlidingAttention):
            kind = FullAttention(kind.kv_heads, kind.head_dim, kind.value_dim)
        counts[_Layer(block * cost, block, kind)] += group.count
    return counts


def _state_bytes(kind: LinearAttention, architecture: Architecture, layout: KvLayout) -> int:
    whole = kind.recurrent_elements * kind.recurrent_bytes + kind.convolution_elements * architecture.dtype_bytes
    return math.ceil(whole / layout.tensor_parallel)


def _block_size(architecture: Architecture, layout: KvLayout, token_bytes: list[int]) -> int:
    """Tokens of a block: enlarged for latent attention's kernels, and until an attention layer's page holds a state."""
    kinds = [group.attention for group in architecture.layers]
    latent = any(isinstance(kind, LatentAttention) for kind in kinds)
    block = max(layout.block_size, 64) if latent else layout.block_size
    state = max(
        (_state_bytes(kind, architecture, layout) for kind in kinds if isinstance(kind, LinearAttention)), default=0
    )
    if not state or not token_bytes:
        return block
    return math.ceil(state / (block * min(token_bytes))) * block
