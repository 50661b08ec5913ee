"""Shapes of models as far as their KV cache goes, and the layers they are put together from."""

from __future__ import annotations

from dataclasses import replace

from hearth.catalog.architecture import (
    Architecture,
    FullAttention,
    LatentAttention,
    LayerGroup,
    LinearAttention,
    ParameterCounts,
    SlidingAttention,
)


def shape(
    *layers: LayerGroup, max_context: int = 131072, model_type: str = "llama", kv_cache_dtype: str | None = None
) -> Architecture:
    return Architecture(
        model_type=model_type,
        layers=layers,
        hidden_layers=sum(group.count for group in layers),
        hidden_size=1,
        intermediate_size=1,
        dense_width=1,
        expert_width=0,
        attention_heads=1,
        vocabulary=1,
        max_context=max_context,
        yarn_context=max_context,
        dtype_bytes=2,
        parameters=ParameterCounts(0, 0, 0, 0, 0, 0),
        kv_cache_dtype=kv_cache_dtype,
    )


def full(count: int, kv_heads: int, head_dim: int) -> LayerGroup:
    return LayerGroup(count, FullAttention(kv_heads, head_dim, head_dim))


def sliding(count: int, kv_heads: int, head_dim: int, window: int) -> LayerGroup:
    return LayerGroup(count, SlidingAttention(kv_heads, head_dim, head_dim, window))


def latent(count: int, rank: int = 512, rope_dim: int = 64, indexer_dim: int = 0) -> LayerGroup:
    return LayerGroup(count, LatentAttention(rank, rope_dim, indexer_dim))


def gated_delta(count: int, value_heads: int, recurrent_bytes: int) -> LayerGroup:
    """Layers of Qwen3-Next and Qwen3.5: 16 key heads of 128, value heads of 128, a convolution over 4 tokens."""
    convolution = (2 * 16 * 128 + value_heads * 128) * 3
    return LayerGroup(count, LinearAttention(value_heads * 128 * 128, convolution, recurrent_bytes))


LLAMA_8B = shape(full(32, 8, 128))
QWEN3_8B = shape(full(36, 8, 128))
QWEN3_30B_A3B = shape(full(48, 4, 128), max_context=262144)
QWEN3_235B = shape(full(94, 4, 128))
QWEN3_CODER_480B = shape(full(62, 8, 128), max_context=262144)
DEEPSEEK_R1 = shape(latent(61), max_context=262144, model_type="deepseek_v3")
DEEPSEEK_V32 = shape(latent(61, indexer_dim=128), max_context=163840, model_type="deepseek_v32")
GPT_OSS_120B = shape(full(18, 8, 64), sliding(18, 8, 64, 128), model_type="gpt_oss")
GEMMA_2_27B = shape(full(23, 16, 128), sliding(23, 16, 128, 4096), max_context=8192, model_type="gemma2")
GEMMA_3_27B = shape(full(10, 16, 128), sliding(52, 16, 128, 1024), model_type="gemma3_text")
GEMMA_4_31B = shape(full(10, 4, 512), sliding(50, 16, 256, 1024), max_context=262144, model_type="gemma4_text")
LLAMA_4_SCOUT = shape(full(12, 8, 128), sliding(36, 8, 128, 8192), max_context=10485760, model_type="llama4_text")
QWEN3_NEXT = shape(full(12, 2, 256), gated_delta(36, 32, 2), max_context=262144, model_type="qwen3_next")
QWEN35_35B = shape(full(10, 2, 256), gated_delta(30, 32, 4), max_context=262144, model_type="qwen3_5_moe_text")
QWEN35_27B = shape(full(16, 4, 256), gated_delta(48, 48, 4), max_context=262144, model_type="qwen3_5_text")
ENCODER = shape(model_type="bert", max_context=512)


def with_context(architecture: Architecture, max_context: int) -> Architecture:
    return replace(architecture, max_context=max_context)
