"""What is asked: a model's replica, the GPUs it gets and how its engine is told to use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hearth.catalog.architecture import Architecture
from hearth.catalog.gpus import Gpu

GIB = 2**30

EngineName = Literal["vllm", "sglang"]


@dataclass(frozen=True)
class Parallelism:
    """How a replica is divided over GPUs."""

    tensor: int = 1
    """Ranks that share each layer."""
    pipeline: int = 1
    """Stages of consecutive layers."""
    data: int = 1
    """Copies inside one server; with vLLM they share the routed experts."""

    @property
    def gpus(self) -> int:
        return self.tensor * self.pipeline * self.data


@dataclass(frozen=True)
class Deployment:
    """One replica of a model on GPUs of one kind."""

    model: str
    """Name for messages."""
    architecture: Architecture
    weights_bytes: int
    """What the engine loads, all ranks of one copy together."""
    gpu: Gpu
    engine: EngineName
    engine_version: str
    parallelism: Parallelism = Parallelism()
    expert_parallel: bool = False
    """Each rank holds whole experts instead of a slice of each."""
    context_length: int | None = None
    """Tokens; None: as long as the model allows."""
    gpu_memory_utilization: float | None = None
    """Share of a GPU's memory for the engine (SGLang: for weights and KV cache); None: the engine's own default."""
    kv_cache_dtype: str = "auto"
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    prefix_caching: bool | None = None
    """None: as the version does by default."""
    enforce_eager: bool = False
    """Without CUDA graphs."""
    adapter_rank: int = 0
    """Highest rank of LoRA adapters; 0 without adapters."""
    concurrent_users: int = 1
    """Requests of the whole context that must find room at once."""

    @property
    def context(self) -> int:
        """Tokens that are judged: as asked, else the model's longest."""
        return self.context_length or self.architecture.max_context


@dataclass(frozen=True)
class Fit:
    """Memory of the fullest GPU of a replica, and what its KV cache holds. GiB, tokens."""

    fits: bool
    reason: str
    """One sentence: why it fits or what it lacks, with the arithmetic."""
    total_gib: float
    """What CUDA reports."""
    budget_gib: float
    """What the engine may use of it."""
    weights_gib: float
    overhead_gib: float
    """Activations, CUDA graphs, communication buffers and the CUDA context."""
    kv_cache_gib: float
    """What is left for the KV cache; 0 when nothing is."""
    kv_needed_gib: float
    """KV cache that one request of the whole context takes."""
    kv_cache_tokens: int
    context_length: int
    """The length that was judged."""
    max_context: int
    """Longest that as many requests as asked can have at once; 0 when nothing fits."""
    max_concurrency: float
    """Requests of the whole context that find room at once."""
    max_num_seqs: int
    """Requests that the engine handles at once; a hybrid model's states bound it."""
    notes: tuple[str, ...] = ()
    """What deserves a second look."""
