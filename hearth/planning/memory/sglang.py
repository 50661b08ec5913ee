"""SGLang's share of a GPU, and its KV cache.

SGLang takes its share for weights and KV cache together; activations and CUDA graphs have to find room in the rest:
KV cache = memory free after loading - (1 - share) x memory free before (sglang srt/model_executor/model_runner.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from hearth.catalog.architecture import Architecture, LatentAttention
from hearth.engines.flags import release
from hearth.planning.memory import kv_sglang
from hearth.planning.memory.batching import max_running_requests, mem_fraction_static, sglang_prefill
from hearth.planning.memory.deployment import GIB, Deployment
from hearth.planning.memory.engine import Engine, Share
from hearth.planning.memory.kv_sglang import KvLayout
from hearth.planning.memory.overhead import MARGIN_GIB, Overhead, adapters_gib, forward_gib, graphs_gib

_BUFFERS_GIB = {"one rank": 0.7, "several": 2.0}
"""CUDA context and communication, taken before SGLang looks at the memory: up to 1.9 GiB in logs of 4 and 8 ranks."""
_ADAPTERS_AT_ONCE = 8
"""--max-loras-per-batch."""
_REQUEST_TOKEN_BYTES = 4
"""Of the table that says where each token of each request is."""


@dataclass(frozen=True)
class SglangCache:
    """The functions of kv_sglang for one deployment."""

    architecture: Architecture
    layout: KvLayout

    def tokens(self, available_bytes: int, context: int) -> int:
        return kv_sglang.tokens(self.architecture, self.layout, available_bytes)

    def request_bytes(self, context: int) -> int:
        return kv_sglang.request_bytes(self.architecture, self.layout, context)

    def longest_context(self, available_bytes: int) -> int:
        return kv_sglang.longest_context(self.architecture, self.layout, available_bytes)

    def max_concurrency(self, available_bytes: int, context: int) -> float:
        return kv_sglang.max_concurrency(self.architecture, self.layout, available_bytes, context)

    def state_slots(self, available_bytes: int) -> int | None:
        return kv_sglang.state_slots(self.architecture, self.layout, available_bytes)


def _share(deployment: Deployment) -> Share:
    version, gpu = release(deployment.engine_version)[0], deployment.gpu
    parallel = deployment.parallelism
    latent = any(isinstance(group.attention, LatentAttention) for group in deployment.architecture.layers)
    total = round(gpu.usable_gib * GIB)
    prefill = sglang_prefill(
        version,
        total,
        parallel.tensor,
        chunked_prefill_size=deployment.max_num_batched_tokens,
        graphs=not deployment.enforce_eager,
    )
    share = deployment.gpu_memory_utilization or mem_fraction_static(
        version,
        total,
        prefill,
        tensor_parallel=parallel.tensor,
        pipeline_parallel=parallel.pipeline,
        attention="latent" if latent else "heads",
    )
    before = gpu.usable_gib - _BUFFERS_GIB["one rank" if parallel.gpus == 1 else "several"]
    requests = _requests(deployment)
    table = requests * deployment.context * _REQUEST_TOKEN_BYTES / GIB
    adapters = adapters_gib(deployment, _ADAPTERS_AT_ONCE)
    # Activations and graphs have what the share leaves; what they need beyond that would be missing later.
    graphs = 0.0 if deployment.enforce_eager else graphs_gib(deployment)
    tokens = prefill.chunked_prefill_size if prefill.chunked_prefill_size > 0 else deployment.context
    missing = max(0.0, forward_gib(deployment, tokens) + graphs + MARGIN_GIB - (1 - share) * before)
    overhead = Overhead(table + adapters, activations=missing, graphs=0.0, graphs_beside=graphs, margin=MARGIN_GIB)
    return Share(share * before, overhead, requests)


def _requests(deployment: Deployment) -> int:
    """Requests at once; SGLang reckons its own limit from the cache, which is at least that of one whole context."""
    return max_running_requests(deployment.context, deployment.context, deployment.max_num_seqs)


def _cache(deployment: Deployment) -> SglangCache:
    layout = KvLayout(
        version=release(deployment.engine_version)[0],
        tensor_parallel=deployment.parallelism.tensor,
        pipeline_parallel=deployment.parallelism.pipeline,
        kv_dtype=deployment.kv_cache_dtype,
        radix_cache=deployment.prefix_caching is not False,
        max_running_requests=deployment.max_num_seqs,
        compute_capability=deployment.gpu.capability,
    )
    return SglangCache(deployment.architecture, layout)


ENGINE = Engine(_share, _cache, least_states=lambda _: 1)
