"""What a model's config.json says, as far as memory and parallel sizes need it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class FullAttention:
    """Multi-head, grouped-query or multi-query attention: every token's keys and values are kept."""

    kv_heads: int
    head_dim: int
    value_dim: int
    """Size of a value head; almost always that of a key head."""


@dataclass(frozen=True)
class SlidingAttention:
    """Attention that sees only the last `window` tokens, so that no more of them are kept."""

    kv_heads: int
    head_dim: int
    value_dim: int
    window: int
    """Tokens."""
    chunked: bool = False
    """The window does not slide: tokens see those of their own chunk of `window` tokens (Llama 4)."""


@dataclass(frozen=True)
class LatentAttention:
    """Multi-head latent attention: one compressed vector per token, the same on every GPU."""

    rank: int
    """kv_lora_rank."""
    rope_dim: int
    """qk_rope_head_dim."""
    indexer_dim: int = 0
    """Size of the sparse indexer's key (DeepSeek-V3.2); 0 without."""


@dataclass(frozen=True)
class LinearAttention:
    """Gated delta net, Mamba and the like: a state of fixed size per request, however long it is."""

    recurrent_elements: int
    """Elements of the recurrent state of one layer, over all GPUs of a tensor-parallel group."""
    convolution_elements: int
    """Elements of the convolution's state of one layer, likewise."""
    recurrent_bytes: int = 4
    """Bytes of a recurrent element: as config.json says, else as vLLM keeps it (SGLang: 4 unless told otherwise)."""
    snapshots: bool = True
    """The engine can keep states for prefix caching."""


Attention: TypeAlias = FullAttention | SlidingAttention | LatentAttention | LinearAttention


@dataclass(frozen=True)
class LayerGroup:
    """Layers that keep their tokens in the same way."""

    count: int
    attention: Attention


@dataclass(frozen=True)
class Quantization:
    """How the checkpoint stores its linear layers."""

    method: str
    """As config.json names it: fp8, awq, gptq, compressed-tensors, modelopt, mxfp4, bitsandbytes ..."""
    bits: float
    """Bits of a stored weight, scales included (mxfp4 4.25, AWQ with groups of 128 about 4.25, fp8 8)."""
    block: int | None = None
    """Width of a quantised block that a rank's slice must be a multiple of (128 for DeepSeek's fp8)."""
    unquantized: frozenset[str] = frozenset()
    """Fields of ParameterCounts with linear layers that stay in the model's dtype: attention, key_value, dense."""


@dataclass(frozen=True)
class ParameterCounts:
    """Parameters by how parallel ranks divide them."""

    embedding: int
    """Input embedding and, where not tied, output layer: split by tensor parallel, on the first and last stage."""
    attention: int
    """Query, output and what else is split by attention heads."""
    key_value: int
    """Key and value projections: split at most into the number of KV heads."""
    dense: int
    """Dense MLPs and shared experts, all layers."""
    experts: int
    """Routed experts, all layers."""
    replicated: int
    """Whole on every rank: norms, routers, latent down-projections, and a vision or audio tower."""
    expert_bits: float | None = None
    """Bits of a stored expert weight where only the experts are quantised (gpt-oss)."""
    draft: int = 0
    """Layers for multi-token prediction: in the checkpoint, but loaded only for speculative decoding. Not in total."""

    @property
    def total(self) -> int:
        return self.embedding + self.attention + self.key_value + self.dense + self.experts + self.replicated


@dataclass(frozen=True)
class Architecture:
    """A model's shape. Sizes are of the whole model, not of one GPU's share."""

    model_type: str
    """config.json's model_type of the text model."""
    layers: tuple[LayerGroup, ...]
    """Every layer that keeps something, by kind."""
    hidden_layers: int
    """All layers; those that share another's cache or have no attention are in no group."""
    hidden_size: int
    intermediate_size: int
    """Width of the dense MLP, or of all experts that one token activates together."""
    dense_width: int
    """Width of a dense MLP, which tensor parallel divides; 0 where every MLP is of experts."""
    expert_width: int
    """Width of one routed expert, likewise; 0 for a dense model."""
    attention_heads: int
    vocabulary: int
    max_context: int
    """Tokens: max_position_embeddings, with the checkpoint's own rope scaling."""
    yarn_context: int
    """Tokens that YaRN's original length and factor give, which vLLM took before 0.30; max_context without YaRN."""
    dtype_bytes: int
    """Bytes of an activation and of an unquantised weight: 2 (bfloat16, float16); engines load float32 as that too."""
    parameters: ParameterCounts
    quantization: Quantization | None = None
    kv_cache_dtype: str | None = None
    """Set where the checkpoint itself asks for a quantised KV cache, such as fp8."""
    experts: int = 0
    """Routed experts of a layer; 0 for a dense model."""
    experts_per_token: int = 0
    multimodal: bool = False
    """Has a vision or audio tower, whose profiling takes memory at start."""
    pooling: bool = False
    """An embedding or reranking model: no decoding, but engines still keep a KV cache for the prefill."""
    checkpoint_dtype_bytes: int = 2
    """Bytes of an unquantised weight in the files: 4 where the checkpoint is in float32."""
