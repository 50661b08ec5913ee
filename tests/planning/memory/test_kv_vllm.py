"""vLLM's pool of blocks, against start-up logs that people published and against its own rules."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from hearth.catalog.architecture import Architecture
from hearth.planning.memory.kv_vllm import (
    KvLayout,
    fits,
    longest_context,
    max_concurrency,
    request_bytes,
    state_slots,
    tokens,
)
from tests.planning.memory import shapes

GIB = 2**30


def layout(
    *version: int, batch: int = 8192, tp: int = 1, pp: int = 1, dtype: str = "auto", prefix: bool | None = None
) -> KvLayout:
    return KvLayout(
        version=version,
        max_num_batched_tokens=batch,
        max_num_seqs=256,
        tensor_parallel=tp,
        pipeline_parallel=pp,
        kv_dtype=dtype,
        prefix_caching=prefix,
    )


PUBLISHED = {
    "vllm#21348": (shapes.QWEN3_235B, layout(0, 9, 2, tp=4), 8.11, 32768, 178_880),
    "vllm#10517, 1952 blocks": (shapes.LLAMA_8B, layout(0, 6, 4), 3.81, 20000, 1952 * 16),
    "vllm#10517, 1478 blocks": (shapes.LLAMA_8B, layout(0, 6, 4), 2.89, 29000, 1478 * 16),
    "recipes Kimi-K2-Think": (shapes.DEEPSEEK_R1, layout(0, 11, 1, tp=8), 46.80, 262144, 715_072),
    "vllm#25350, fp8": (shapes.QWEN3_30B_A3B, layout(0, 10, 2, dtype="fp8"), 10.55, 100000, 230_528),
    "LMCache#1739, Qwen3-14B": (shapes.shape(shapes.full(40, 8, 128)), layout(0, 10, 2), 6.51, 32768, 42_656),
    "vllm#33263, Qwen3-1.7B": (shapes.shape(shapes.full(28, 8, 128)), layout(0, 14), 18.78, 1024, 175_856),
    "H100, Llama-3.1-8B in two stages": (shapes.LLAMA_8B, layout(0, 19, pp=2), 66.54, 8192, 1_075_312),
    "H100, Llama-3.1-8B in four stages": (shapes.LLAMA_8B, layout(0, 19, pp=4), 69.80, 8192, 2_257_264),
    "MiniMax-M2.5 TP4": (shapes.shape(shapes.full(62, 8, 128)), layout(0, 16, tp=4), 23.62, 196608, 399_424),
    "DeepSeek-V2-Lite": (shapes.shape(shapes.latent(27)), layout(0, 23), 75.49, 2048, 2_606_080),
    "DeepSeek-V3.2 TP8, bf16": (shapes.DEEPSEEK_V32, layout(0, 16, tp=8), 30.52, 16384, 418_304),
    "GLM-5.1 TP8, fp8": (
        shapes.shape(shapes.latent(78, indexer_dim=128), max_context=202752),
        layout(0, 20, tp=8, dtype="fp8"),
        19.55,
        202752,
        341_504,
    ),
    "gpt-oss-120b TP4": (shapes.GPT_OSS_120B, layout(0, 10, 1, batch=2048, tp=4), 45.32, 16384, 2_640_144),
    "gpt-oss-120b": (shapes.GPT_OSS_120B, layout(0, 11, 2), 8.99, 98304, 130_960),
    "gemma-2-27b": (shapes.GEMMA_2_27B, layout(0, 19), 20.59, 8192, 58_672),
    "gemma-3-27b": (shapes.GEMMA_3_27B, layout(0, 19), 19.53, 8192, 36_560),
    "hf-mem#61, gemma-4-31B": (shapes.GEMMA_4_31B, layout(0, 20), 24.54, 8192, 26_800),
    "vllm#36973, Qwen3.5-35B, fp8": (shapes.QWEN35_35B, layout(0, 17, 1, dtype="fp8"), 5.18, 32768, 134_144),
    "Qwen3.5-27B TP4": (shapes.QWEN35_27B, layout(0, 19, tp=4), 7.00, 32768, 114_464),
    "club-3090#612, Qwen3.6-35B, fp8": (
        shapes.QWEN35_35B,
        layout(0, 24, dtype="fp8", prefix=True),
        5.98,
        131072,
        567_978,
    ),
    "talos-argocd-proxmox#1995, Qwen3.8-27B TP2, fp8": (
        shapes.QWEN35_27B,
        layout(0, 28, tp=2, dtype="fp8"),
        4.99,
        131072,
        302_921,
    ),
}


@pytest.mark.parametrize(("model", "how", "gib", "context", "logged"), PUBLISHED.values(), ids=PUBLISHED.keys())
def test_tokens_as_logged(model: Architecture, how: KvLayout, gib: float, context: int, logged: int) -> None:
    assert tokens(model, how, round(gib * GIB), context) == pytest.approx(logged, rel=0.02)


@pytest.mark.parametrize(
    ("model", "how", "gib", "context", "logged"),
    [
        (shapes.GEMMA_3_27B, layout(0, 19), 19.53, 8192, 4.46),
        (shapes.GEMMA_2_27B, layout(0, 19), 20.59, 8192, 7.16),
        (shapes.GPT_OSS_120B, layout(0, 11, 2), 8.99, 98304, 2.46),
        (shapes.QWEN35_27B, layout(0, 19, tp=4), 7.00, 32768, 12.98),
        (shapes.QWEN35_35B, layout(0, 24, dtype="fp8", prefix=True), 5.98, 131072, 4.33),
    ],
)
def test_concurrency_as_logged(model: Architecture, how: KvLayout, gib: float, context: int, logged: float) -> None:
    assert max_concurrency(model, how, round(gib * GIB), context) == pytest.approx(logged, rel=0.01)


@pytest.mark.parametrize(
    ("model", "how", "gib", "logged"),
    [
        (shapes.QWEN3_CODER_480B, layout(0, 10, 1), 48.66, 205_728),
        (shapes.with_context(shapes.QWEN3_30B_A3B, 221_000), layout(0, 10, 2, dtype="fp8"), 5.59, 122_080),
    ],
    ids=["recipes#12", "vllm#25350"],
)
def test_longest_context_as_logged(model: Architecture, how: KvLayout, gib: float, logged: int) -> None:
    assert longest_context(model, how, round(gib * GIB)) == pytest.approx(logged, rel=0.001)


@pytest.mark.parametrize(
    ("model", "how", "context", "logged"),
    [
        (shapes.QWEN3_CODER_480B, layout(0, 10, 1), 262_144, 62.00),
        (shapes.QWEN3_30B_A3B, layout(0, 10, 2, dtype="fp8"), 221_000, 10.12),
    ],
    ids=["recipes#12", "vllm#25350"],
)
def test_needed_memory_as_logged(model: Architecture, how: KvLayout, context: int, logged: float) -> None:
    assert request_bytes(model, how, context) / GIB == pytest.approx(logged, abs=0.005)


def test_qwen3_8b_takes_147456_bytes_a_token() -> None:
    assert request_bytes(shapes.QWEN3_8B, layout(0, 10), 16) == 16 * 147_456


def test_latent_attention_is_whole_on_every_rank() -> None:
    assert request_bytes(shapes.DEEPSEEK_R1, layout(0, 10, tp=8), 64) == 64 * 70_272


def test_kv_heads_are_repeated_where_there_are_more_ranks() -> None:
    few, many = layout(0, 10, tp=4), layout(0, 10, tp=8)
    assert request_bytes(shapes.QWEN3_235B, few, 4096) == request_bytes(shapes.QWEN3_235B, many, 4096)


def test_a_request_takes_whole_blocks() -> None:
    assert request_bytes(shapes.LLAMA_8B, layout(0, 10), 17) == request_bytes(shapes.LLAMA_8B, layout(0, 10), 32)


def test_the_fullest_stage_counts() -> None:
    one, two = (request_bytes(shapes.QWEN3_CODER_480B, layout(0, 18, pp=pp), 4096) for pp in (1, 4))
    assert two / one == 16 / 62


def test_versions_0_14_to_0_16_compare_a_stage_with_the_whole_model() -> None:
    whole, stage = (request_bytes(shapes.LLAMA_8B, layout(0, minor, pp=2), 4096) for minor in (14, 17))
    assert whole == 2 * stage


def test_before_0_9_1_sliding_layers_keep_everything() -> None:
    assert request_bytes(shapes.GEMMA_3_27B, layout(0, 9), 131_072) / GIB == 62.0


def test_sliding_layers_keep_everything_without_the_hybrid_manager() -> None:
    how = replace(layout(0, 19), hybrid_manager=False)
    assert request_bytes(shapes.GEMMA_3_27B, how, 131_072) / GIB == 62.0


@pytest.mark.parametrize("minor", [9, 19, 33])
def test_chunked_attention_keeps_everything(minor: int) -> None:
    assert request_bytes(shapes.LLAMA_4_SCOUT, layout(0, minor), 131_072) / GIB == 24.0


def test_a_window_larger_than_the_request_keeps_the_request() -> None:
    assert request_bytes(shapes.GEMMA_2_27B, layout(0, 10), 32) == 23 * 16 * 8192 * (2 + 3)


def test_padding_of_uneven_groups_is_counted_since_0_14() -> None:
    """Gemma 3 27B has 10 global and 52 sliding layers: six groups of sliding ones, the last two not full."""
    exact, padded = (request_bytes(shapes.GEMMA_3_27B, layout(0, minor), 131_072) for minor in (13, 19))
    window = (math.ceil((1023 + 8192) / 16) + 1) * 16 * 8192
    assert padded - exact == 8 * window


def test_asynchronous_scheduling_holds_two_batches_of_a_window() -> None:
    together = layout(0, 26)
    alone = replace(together, async_scheduling=False)
    more = request_bytes(shapes.GPT_OSS_120B, together, 131_072) - request_bytes(shapes.GPT_OSS_120B, alone, 131_072)
    assert more == 8192 * 18 * 2048


def test_the_null_block_is_set_aside_since_0_29() -> None:
    needed = request_bytes(shapes.LLAMA_8B, layout(0, 28), 4096)
    assert [fits(shapes.LLAMA_8B, layout(0, minor), needed, 4096) for minor in (28, 29)] == [True, False]


def test_hybrid_blocks_hold_a_state() -> None:
    """Qwen3-Next on four GPUs: attention blocks of 272 tokens, and three groups of states."""
    assert request_bytes(shapes.QWEN3_NEXT, layout(0, 18, tp=4), 272) == 4 * 12 * 272 * 1024


def test_prefix_caching_of_hybrid_models_doubles_the_states() -> None:
    off, on = (request_bytes(shapes.QWEN3_NEXT, layout(0, 20, tp=4, prefix=on), 272) for on in (False, True))
    assert on / off == 7 / 4


def test_prefix_caching_of_hybrid_models_is_on_since_0_27() -> None:
    old, new = (request_bytes(shapes.QWEN3_NEXT, layout(0, minor, tp=4), 272) for minor in (26, 27))
    assert new > old


def test_states_bound_the_requests_since_0_20() -> None:
    assert state_slots(shapes.QWEN3_NEXT, layout(0, 20, tp=4), 3 * GIB) == 963


@pytest.mark.parametrize(("model", "minor"), [(shapes.QWEN3_NEXT, 19), (shapes.LLAMA_8B, 30)])
def test_no_states_to_bound_the_requests(model: Architecture, minor: int) -> None:
    assert state_slots(model, layout(0, minor), 3 * GIB) is None


def test_the_longest_context_is_what_still_fits() -> None:
    how = layout(0, 33)
    longest = longest_context(shapes.GEMMA_3_27B, how, 8 * GIB)
    assert fits(shapes.GEMMA_3_27B, how, 8 * GIB, longest)
    assert not fits(shapes.GEMMA_3_27B, how, 8 * GIB, longest + 1)


def test_the_longest_context_is_at_most_what_the_model_allows() -> None:
    assert longest_context(shapes.LLAMA_8B, layout(0, 33), 1024 * GIB) == 131_072


@pytest.mark.parametrize("available", [0, -2 * GIB, 1])
@pytest.mark.parametrize("minor", [8, 18, 33])
def test_nothing_fits_into_no_memory(minor: int, available: int) -> None:
    how = layout(0, minor)
    held = (
        longest_context(shapes.GPT_OSS_120B, how, available),
        tokens(shapes.GPT_OSS_120B, how, available, 4096),
        max_concurrency(shapes.GPT_OSS_120B, how, available, 4096),
    )
    assert held == (0, 0, 0.0)


def test_a_huge_context_needs_a_huge_cache() -> None:
    assert request_bytes(shapes.LLAMA_8B, layout(0, 33), 10**9) == 10**9 * 131_072


def test_an_encoder_keeps_nothing() -> None:
    how = layout(0, 33)
    assert request_bytes(shapes.ENCODER, how, 512) == 0
    assert longest_context(shapes.ENCODER, how, 0) == 512
    assert max_concurrency(shapes.ENCODER, how, 0, 512) == math.inf
    assert tokens(shapes.ENCODER, how, GIB, 512) == 0


@pytest.mark.parametrize("context", [0, -5])
def test_a_context_below_one_token_is_refused(context: int) -> None:
    with pytest.raises(ValueError, match=f"context {context}"):
        request_bytes(shapes.LLAMA_8B, layout(0, 33), context)


@pytest.mark.parametrize("wrong", [{"tensor_parallel": 0}, {"block_size": -16}, {"max_num_batched_tokens": 0}])
def test_sizes_below_one_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        request_bytes(shapes.LLAMA_8B, replace(layout(0, 33), **wrong), 4096)
