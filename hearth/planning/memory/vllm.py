"""vLLM's share of a GPU, and its KV cache."""

from __future__ import annotations

from dataclasses import dataclass

from hearth.catalog.architecture import Architecture
from hearth.engines.flags import release
from hearth.planning.memory import kv_vllm
from hearth.planning.memory.batching import Batching, async_scheduling, gpu_memory_utilization, vllm_batching
from hearth.planning.memory.deployment import GIB, Deployment
from hearth.planning.memory.engine import Engine, Share
from hearth.planning.memory.kv_vllm import KvLayout
from hearth.planning.memory.overhead import vllm_overhead

_UNCHUNKED = (0, 8)
"""Before, prompts of up to 32,768 tokens were processed in one piece."""
_UNCHUNKED_CONTEXT = 32_768
_CONTEXT_GIB = 0.6
"""CUDA context, outside of every version's share since V1."""


@dataclass(frozen=True)
class VllmCache:
    """The functions of kv_vllm for one deployment."""

    architecture: Architecture
    layout: KvLayout

    def tokens(self, available_bytes: int, context: int) -> int:
        return kv_vllm.tokens(self.architecture, self.layout, available_bytes, context)

    def request_bytes(self, context: int) -> int:
        return kv_vllm.request_bytes(self.architecture, self.layout, context)

    def longest_context(self, available_bytes: int) -> int:
        return kv_vllm.longest_context(self.architecture, self.layout, available_bytes)

    def max_concurrency(self, available_bytes: int, context: int) -> float:
        return kv_vllm.max_concurrency(self.architecture, self.layout, available_bytes, context)

    def state_slots(self, available_bytes: int) -> int | None:
        return kv_vllm.state_slots(self.architecture, self.layout, available_bytes)


def _share(deployment: Deployment) -> Share:
    version = release(deployment.engine_version)[0]
    batching = _batching(deployment)
    overhead = vllm_overhead(deployment, version, batching)
    share = deployment.gpu_memory_utilization or gpu_memory_utilization(version)
    budget = share * deployment.gpu.usable_gib
    beside = deployment.gpu.usable_gib - budget
    needed = overhead.graphs_beside + _CONTEXT_GIB
    notes: tuple[str, ...] = ()
    if beside < needed:
        notes = (
            f"{beside:.1f} GiB are left beside the engine's share, and the CUDA context"
            f"{' and graphs take' if overhead.graphs_beside else ' takes'} about {needed:.1f}: lower it",
        )
    return Share(budget, overhead, batching.max_num_seqs, notes)


def _batching(deployment: Deployment) -> Batching:
    version = release(deployment.engine_version)[0]
    return vllm_batching(
        version,
        round(deployment.gpu.usable_gib * GIB),
        deployment.context,
        gpu=deployment.gpu.product,
        max_num_seqs=deployment.max_num_seqs,
        max_num_batched_tokens=deployment.max_num_batched_tokens,
        chunked_prefill=version >= _UNCHUNKED or deployment.context > _UNCHUNKED_CONTEXT,
    )


def _cache(deployment: Deployment) -> VllmCache:
    version, batching = release(deployment.engine_version)[0], _batching(deployment)
    layout = KvLayout(
        version=version,
        max_num_batched_tokens=batching.max_num_batched_tokens,
        max_num_seqs=batching.max_num_seqs,
        tensor_parallel=deployment.parallelism.tensor,
        pipeline_parallel=deployment.parallelism.pipeline,
        kv_dtype=deployment.kv_cache_dtype,
        prefix_caching=deployment.prefix_caching,
        async_scheduling=async_scheduling(version, deployment.parallelism.pipeline),
        compute_capability=deployment.gpu.capability,
    )
    return VllmCache(deployment.architecture, layout)


ENGINE = Engine(_share, _cache, least_states=lambda deployment: _batching(deployment).max_num_seqs)
