"""What an engine takes of its share of a GPU beside weights and KV cache: measured where it cannot be derived.

vLLM runs the model once at its start with max_num_batched_tokens tokens and samples for max_num_seqs requests; the peak
of that run is set aside (vllm v1/worker/gpu_worker.py, determine_available_memory). The peak is one of two: the widest
MLP over all tokens, or the sampler's copies of max_num_seqs x vocabulary. The constants are fitted to published logs,
which tests/planning/memory/measurements.yaml lists, and rounded up: a plan must not promise what a GPU does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hearth.catalog.architecture import LatentAttention, LinearAttention
from hearth.planning.memory.batching import Batching, graphs_are_budgeted
from hearth.planning.memory.deployment import GIB, Deployment
from hearth.planning.memory.dtypes import Version

_V1 = (0, 8)
"""First version with the engine called V1; before, requests were not split into batches unless told so."""
_LEAN_SAMPLER = (0, 17)
"""First version whose sampler sorts without a copy in 64-bit integers."""
_ALL_REDUCE_WORKSPACE = (0, 17)
"""First version that was seen to take FlashInfer's workspace for all-reduce of two ranks on Hopper and newer."""
_UNMEASURED = (0, 32)
"""First version without a published log; its profile also samples with penalties and log-probabilities."""
_SAMPLER_BYTES: Mapping[Version, float] = {_UNMEASURED: 24.0, _LEAN_SAMPLER: 15.0, _V1: 38.4, (): 12.0}
"""First version -> bytes for each element of max_num_seqs x vocabulary: logits in float32, sorted copies, indices."""
_LIBRARIES_GIB = 0.3
"""Memory that PyTorch does not count, on one GPU: logs show 0.05 to 0.46."""
_V0_LIBRARIES_GIB = {"large": 1.8, "small": 0.5}
"""Before V1 the CUDA context counted too; it grows with the GPU's processors."""
_LARGE_GPU_GIB = 60
_COMMUNICATION_GIB = {8: 2.0, 4: 0.6, 2: 0.45, 1: 0.0}
"""Buffers of NCCL and custom all-reduce on each rank, by ranks."""
_WORKSPACE_GIB = 2.0
"""The same on Hopper and newer for four ranks, and for two with FlashInfer's workspace."""
_WORKSPACE_RANKS = 4
_EXPERTS_CHUNK = 32_768
"""Tokens that a layer's experts take at once: VLLM_FUSED_MOE_CHUNK_SIZE, while vllm envs.py had it; a log of 0.10.1
agrees, and newer versions have no published one."""
_AUTOTUNING = ((0, 17, 1), (0, 20))
"""Versions, from and until, whose warm-up of linear attention was seen to keep its memory."""
_AUTOTUNING_GIB = 3.4
_GRAPHS_GIB = 0.35
_GRAPHS_GIB_PER_LAYER = 0.018
"""Estimate of the CUDA graphs: 0.5 to 1.9 GiB in logs of models with 18 to 80 layers."""
_ENCODER_GIB = 0.5
"""Profiling of a vision or audio tower beyond the text model's own peak, for images of up to about 1,500 tokens."""
_LARGE_ENCODERS_GIB = {
    "qwen2_vl": 2.0,
    "qwen2_5_vl": 2.0,
    "qwen2_5_omni": 2.0,
    "qwen3_vl": 2.8,
    "qwen3_omni": 2.8,
    "qwen3_5": 4.0,
    "llama4": 5.0,
    "mllama": 5.0,
}
"""The same for models whose largest image or video is 16,384 tokens and more, by the beginning of the model type."""
_ADAPTERS_AT_ONCE = 1
"""Adapters of one step: --max-loras."""
_SPARSE_FORWARD_GIB = 6.5
"""Forward pass with DeepSeek-V3.2's sparse attention: its indexer scores every token against the whole context."""
_SPARSE_GRAPHS_GIB = 5.0
MARGIN_GIB = 0.45
"""Largest excess of a published log over the rest of this model; starts with a cold compile cache are among them."""
_V1_MARGIN_GIB = 0.15
"""The same from V1 until CUDA graphs, whose estimate varies most, were charged."""
_UNMEASURED_MARGIN_GIB = 0.9


@dataclass(frozen=True)
class Overhead:
    """GiB on the fullest rank."""

    buffers: float
    """Libraries, communication and adapters."""
    activations: float
    graphs: float
    """CUDA graphs, where they count within the engine's share."""
    graphs_beside: float
    """CUDA graphs that come on top of it."""
    margin: float

    @property
    def total(self) -> float:
        """What the engine's share loses."""
        return self.buffers + self.activations + self.graphs + self.margin


def vllm_overhead(deployment: Deployment, version: Version, batching: Batching) -> Overhead:
    """Overhead of one rank of vLLM."""
    graphs = 0.0 if deployment.enforce_eager else graphs_gib(deployment)
    charged = graphs_are_budgeted(version)
    return Overhead(
        buffers=_libraries_gib(deployment, version)
        + _communication_gib(deployment, version)
        + _autotuning_gib(deployment, version)
        + adapters_gib(deployment, _ADAPTERS_AT_ONCE),
        activations=_activations_gib(deployment, version, batching),
        graphs=graphs if charged else 0.0,
        graphs_beside=0.0 if charged else graphs,
        margin=_margin_gib(version),
    )


def _activations_gib(deployment: Deployment, version: Version, batching: Batching) -> float:
    """Peak of the profiling run on one rank: the forward pass, or sampling for max_num_seqs x vocabulary.

    Sampling still holds a hidden state of every token.
    """
    model = deployment.architecture
    hidden = model.dtype_bytes * batching.max_num_batched_tokens * model.hidden_size
    sampling = 0.0 if model.pooling else _sampler_bytes(version) * batching.max_num_seqs * model.vocabulary + hidden
    forward = forward_gib(deployment, batching.max_num_batched_tokens)
    return max(forward, sampling / GIB) + _encoder_gib(deployment)


def forward_gib(deployment: Deployment, tokens: int) -> float:
    """Activations of one step of so many tokens on one rank.

    Gate, up and their product (3 x intermediate size / tensor parallel), four hidden states of every token and one for
    each of its experts, in 16 bits; with data parallel the experts get the tokens of all copies.
    """
    model, parallel = deployment.architecture, deployment.parallelism
    hidden = model.dtype_bytes * tokens * model.hidden_size
    copies = parallel.data if model.experts else 1
    at_once = min(copies, max(1.0, _EXPERTS_CHUNK / tokens))
    widest = model.dtype_bytes * tokens * 3 * model.intermediate_size / parallel.tensor
    # Gathered, and once more for what the experts make of them.
    gathered = 2 * copies * hidden if copies > 1 else 0.0
    forward = at_once * (widest + model.experts_per_token * hidden) + 4 * hidden + gathered
    return max(forward / GIB, _SPARSE_FORWARD_GIB if _is_sparse(deployment) else 0.0)


def adapters_gib(deployment: Deployment, slots: int) -> float:
    """Buffers of LoRA adapters on one rank, of the highest rank that is allowed.

    Two matrices beside every projection of a layer: its query, key, value and output (8 hidden sizes at most), its
    gate, up and down (3 hidden sizes, 3 intermediate sizes).
    """
    if not deployment.adapter_rank:
        return 0.0
    model, parallel = deployment.architecture, deployment.parallelism
    width = 11 * model.hidden_size + 3 * model.intermediate_size
    elements = slots * deployment.adapter_rank * width * model.hidden_layers / parallel.pipeline
    return model.dtype_bytes * elements / parallel.tensor / GIB


def graphs_gib(deployment: Deployment) -> float:
    """CUDA graphs of one rank, as vLLM estimates them."""
    layers = deployment.architecture.hidden_layers / deployment.parallelism.pipeline
    return _GRAPHS_GIB + _GRAPHS_GIB_PER_LAYER * layers + (_SPARSE_GRAPHS_GIB if _is_sparse(deployment) else 0.0)


def _is_sparse(deployment: Deployment) -> bool:
    kinds = (group.attention for group in deployment.architecture.layers)
    return any(isinstance(kind, LatentAttention) and kind.indexer_dim for kind in kinds)


def _sampler_bytes(version: Version) -> float:
    return next(size for since, size in _SAMPLER_BYTES.items() if version >= since)


def _margin_gib(version: Version) -> float:
    if version >= _UNMEASURED:
        return _UNMEASURED_MARGIN_GIB
    return _V1_MARGIN_GIB if version >= _V1 and not graphs_are_budgeted(version) else MARGIN_GIB


def _libraries_gib(deployment: Deployment, version: Version) -> float:
    if version >= _V1:
        return _LIBRARIES_GIB
    return _V0_LIBRARIES_GIB["large" if deployment.gpu.usable_gib > _LARGE_GPU_GIB else "small"]


def _communication_gib(deployment: Deployment, version: Version) -> float:
    parallel = deployment.parallelism
    ranks = parallel.tensor * (parallel.data if deployment.architecture.experts else 1)
    plain = next(gib for least, gib in _COMMUNICATION_GIB.items() if ranks >= least)
    alone = parallel.tensor == parallel.gpus > 1
    enough = version >= _ALL_REDUCE_WORKSPACE or parallel.tensor >= _WORKSPACE_RANKS
    workspace = alone and enough and deployment.gpu.capability[0] in (9, 10)
    return max(plain, _WORKSPACE_GIB) if workspace else plain


def _autotuning_gib(deployment: Deployment, version: Version) -> float:
    kinds = (group.attention for group in deployment.architecture.layers)
    since, until = _AUTOTUNING
    kept = since <= version < until and any(isinstance(kind, LinearAttention) for kind in kinds)
    return _AUTOTUNING_GIB if kept else 0.0


def _encoder_gib(deployment: Deployment) -> float:
    model = deployment.architecture
    if not model.multimodal:
        return 0.0
    large = (gib for beginning, gib in _LARGE_ENCODERS_GIB.items() if model.model_type.startswith(beginning))
    return next(large, _ENCODER_GIB)
