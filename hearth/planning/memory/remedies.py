"""What would make a deployment fit: each proposal is tried before it is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hearth.planning.memory.checks import as_divided, find_misfits, tensor_sizes
from hearth.planning.memory.deployment import Deployment
from hearth.planning.memory.fit import fit

STEP = 256
"""Proposed contexts are multiples of this many tokens."""
UTILIZATION = 0.95
"""The largest share worth proposing: the rest is for the driver and whatever else is on the GPU."""

_FEW_REQUESTS = 64
_FP8 = {"vllm": "fp8", "sglang": "fp8_e4m3"}
"""Each engine's name for it."""


@dataclass(frozen=True)
class Remedy:
    """A change of one field of a Deployment or its Parallelism that makes it fit."""

    field: str
    value: object
    because: str


def find_remedies(deployment: Deployment, gpus: int) -> Iterator[Remedy]:
    """Changes that make the deployment fit, the least drastic first. `gpus`: as many as one replica may have."""
    longest = fit(deployment).max_context
    shorter = longest // STEP * STEP or longest
    if shorter and fit(replace(deployment, context_length=shorter)).fits:
        yield Remedy("context_length", shorter, "the longest that fits")
    fp8 = _FP8[deployment.engine]
    smaller_cache = replace(deployment, kv_cache_dtype=fp8)
    if deployment.kv_cache_dtype == "auto" and _works(smaller_cache):
        yield Remedy("kv_cache_dtype", fp8, "halves the KV cache, at some loss of precision")
    fewer = replace(deployment, max_num_seqs=_FEW_REQUESTS)
    if fit(deployment).max_num_seqs > _FEW_REQUESTS and _works(fewer):
        yield Remedy("max_num_seqs", _FEW_REQUESTS, "fewer requests at once take less beside the KV cache")
    share = replace(deployment, gpu_memory_utilization=UTILIZATION)
    # SGLang's activations need what its share leaves, and so do CUDA graphs until vLLM 0.20, as a note says.
    spare = deployment.engine == "vllm" and not fit(share).notes
    if spare and (deployment.gpu_memory_utilization or 0.0) < UTILIZATION and _works(share):
        yield Remedy("gpu_memory_utilization", UTILIZATION, "where nothing else uses these GPUs")
    parallel = deployment.parallelism
    for size in tensor_sizes(as_divided(deployment)):
        wider = replace(deployment, parallelism=replace(parallel, tensor=size))
        if size > parallel.tensor and _works(wider):
            needed = wider.parallelism.gpus
            yield Remedy("tensor_parallel", size, f"takes {needed} GPUs" + ("" if needed <= gpus else " instead"))
            return


def _works(deployment: Deployment) -> bool:
    return not any(find_misfits(deployment)) and fit(deployment).fits
