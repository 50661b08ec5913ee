"""SGLang's pools, against start-up logs that people published and against its own rules."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from hearth.catalog.architecture import Architecture
from hearth.planning.memory.kv_sglang import (
    KvLayout,
    fits,
    longest_context,
    max_concurrency,
    request_bytes,
    state_slots,
    states,
    tokens,
)
from tests.planning.memory import shapes

GIB = 2**30


@pytest.mark.parametrize(
    ("model", "how", "gib", "logged"),
    [
        (shapes.QWEN3_235B, KvLayout((0, 4, 9), 4), 16.46, 367_404),
        (shapes.shape(shapes.full(40, 8, 128)), KvLayout((0, 4, 6)), 14.00, 91_749),
        (shapes.QWEN3_30B_A3B, KvLayout((0, 5, 6), 4), 47.84, 2_090_351),
        (shapes.QWEN3_30B_A3B, KvLayout((0, 5, 8)), 152.88, 1_669_816),
    ],
    ids=["vllm#21348", "inference#3481, Qwen3-14B", "sglang#15909, Qwen3-Omni-30B", "sglang#18263"],
)
def test_tokens_as_logged(model: Architecture, how: KvLayout, gib: float, logged: int) -> None:
    assert tokens(model, how, round(gib * GIB)) == pytest.approx(logged, rel=0.002)


def test_tokens_are_whole_pages() -> None:
    assert tokens(shapes.LLAMA_8B, KvLayout((0, 5, 10), page_size=64), GIB + 1) == 8192


def test_latent_attention_is_whole_on_every_rank() -> None:
    assert request_bytes(shapes.DEEPSEEK_R1, KvLayout((0, 4, 6), 8), 1000) == 70_272_000


def test_a_stage_keeps_its_layers_only() -> None:
    assert request_bytes(shapes.QWEN3_235B, KvLayout((0, 5, 10), 4, 2), 1000) == 47 * 512 * 1000


def test_sliding_layers_keep_everything_before_0_4_10() -> None:
    assert request_bytes(shapes.GPT_OSS_120B, KvLayout((0, 4, 9)), 1000) == 36 * 2048 * 1000


def test_sliding_layers_have_a_pool_of_eight_tenths() -> None:
    assert request_bytes(shapes.GPT_OSS_120B, KvLayout((0, 5, 10)), 1000) == 18 * 2048 * 1800


@pytest.mark.parametrize(("version", "pooled"), [((0, 5, 6), True), ((0, 5, 8), False), ((0, 5, 23), False)])
def test_since_0_5_8_gemma_3_has_no_pool_for_windows(version: tuple[int, ...], pooled: bool) -> None:
    everything = 62 * 8192 * 100_000
    assert (request_bytes(shapes.GEMMA_3_27B, KvLayout(version), 100_000) < everything) is pooled


@pytest.mark.parametrize(("version", "counted"), [((0, 5, 6), 480), ((0, 5, 8), 120 + 8 * 36)])
def test_chunked_attention_has_a_pool_since_0_5_8(version: tuple[int, ...], counted: int) -> None:
    assert request_bytes(shapes.LLAMA_4_SCOUT, KvLayout(version), 100_000) == 4096 * 10_000 * counted


def test_the_pool_for_windows_holds_at_least_one() -> None:
    short, window = (request_bytes(shapes.GPT_OSS_120B, KvLayout((0, 5, 10)), context) for context in (1, 162))
    assert short == window


def test_states_and_tokens_share_by_ratio() -> None:
    """Nine parts of nineteen for states of 36 layers, in float32."""
    state = 36 * (32 * 128 * 128 * 4 + 24576 * 2)
    assert states(shapes.QWEN3_NEXT, KvLayout((0, 5, 10)), 19 * GIB) == 9 * GIB // state


def test_tokens_of_a_hybrid_model_take_what_states_leave() -> None:
    how = KvLayout((0, 5, 10))
    left = 19 * GIB - states(shapes.QWEN3_NEXT, how, 19 * GIB) * 36 * (32 * 128 * 128 * 4 + 24576 * 2)
    assert tokens(shapes.QWEN3_NEXT, how, 19 * GIB) == left // (12 * 2048)


def test_a_running_request_holds_three_states() -> None:
    how = KvLayout((0, 5, 10))
    assert state_slots(shapes.QWEN3_NEXT, how, 19 * GIB) == states(shapes.QWEN3_NEXT, how, 19 * GIB) // 3


@pytest.mark.parametrize("how", [KvLayout((0, 5, 3)), KvLayout((0, 5, 10), radix_cache=False)])
def test_without_prefix_caching_there_are_512_states(how: KvLayout) -> None:
    assert state_slots(shapes.QWEN3_NEXT, how, 60 * GIB) == 512


def test_fewer_requests_need_fewer_states() -> None:
    how = KvLayout((0, 5, 10), radix_cache=False, max_running_requests=16)
    assert state_slots(shapes.QWEN3_NEXT, how, 60 * GIB) == 16


def test_other_models_have_no_states() -> None:
    assert state_slots(shapes.LLAMA_8B, KvLayout((0, 5, 10)), GIB) is None


def test_states_bound_the_concurrency_of_short_requests() -> None:
    how = KvLayout((0, 5, 10))
    assert max_concurrency(shapes.QWEN3_NEXT, how, 19 * GIB, 1) == state_slots(shapes.QWEN3_NEXT, how, 19 * GIB)


@pytest.mark.parametrize("model", [shapes.LLAMA_8B, shapes.GPT_OSS_120B, shapes.QWEN3_NEXT, shapes.DEEPSEEK_V32])
def test_what_a_request_needs_is_enough(model: Architecture) -> None:
    how = KvLayout((0, 5, 10))
    assert tokens(model, how, request_bytes(model, how, 50_000)) >= 50_000


@pytest.mark.parametrize("model", [shapes.LLAMA_8B, shapes.GPT_OSS_120B, shapes.QWEN3_NEXT])
def test_the_longest_context_is_what_still_fits(model: Architecture) -> None:
    how = KvLayout((0, 5, 10))
    longest = longest_context(model, how, 2 * GIB)
    assert fits(model, how, 2 * GIB, longest)
    assert not fits(model, how, 2 * GIB, longest + 1)


@pytest.mark.parametrize("available", [0, -GIB, 1])
@pytest.mark.parametrize("model", [shapes.LLAMA_8B, shapes.GPT_OSS_120B, shapes.QWEN3_NEXT])
def test_nothing_fits_into_no_memory(model: Architecture, available: int) -> None:
    how = KvLayout((0, 5, 10))
    held = (tokens(model, how, available), longest_context(model, how, available))
    assert held == (0, 0)


def test_an_encoder_keeps_nothing() -> None:
    how = KvLayout((0, 5, 10))
    assert longest_context(shapes.ENCODER, how, 0) == 512
    assert max_concurrency(shapes.ENCODER, how, 0, 512) == math.inf


@pytest.mark.parametrize("wrong", [{"tensor_parallel": 0}, {"pipeline_parallel": -1}, {"page_size": 0}])
def test_sizes_below_one_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        tokens(shapes.LLAMA_8B, replace(KvLayout((0, 5, 10)), **wrong), GIB)
