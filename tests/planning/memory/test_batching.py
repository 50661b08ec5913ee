"""The engines' defaults by version and GPU."""

from __future__ import annotations

import pytest

from hearth.planning.memory.batching import (
    GIB,
    Prefill,
    async_scheduling,
    gpu_memory_utilization,
    graphs_are_budgeted,
    max_running_requests,
    mem_fraction_static,
    sglang_prefill,
    vllm_batching,
)

H100 = round(79.2 * GIB)
RTX4090 = round(23.55 * GIB)
H200 = round(139.8 * GIB)
B200 = round(178.35 * GIB)


@pytest.mark.parametrize(
    ("version", "total", "gpu", "expected"),
    [
        ((0, 8), H100, "H100-80GB", (1024, 8192)),
        ((0, 8), RTX4090, "RTX4090-24GB", (1024, 2048)),
        ((0, 8, 4), RTX4090, "RTX4090-24GB", (256, 2048)),
        ((0, 8, 5), H100, "A100-80GB", (1024, 8192)),
        ((0, 10), H100, "A100-80GB", (256, 2048)),
        ((0, 10), H100, "H100-80GB", (1024, 8192)),
        ((0, 20), B200, "B200-180GB", (1024, 8192)),
        ((0, 33), B200, "B200-180GB", (1024, 16384)),
        ((0, 33), RTX4090, "RTX4090-24GB", (256, 2048)),
    ],
)
def test_vllm_requests_and_tokens(version: tuple[int, ...], total: int, gpu: str, expected: tuple[int, int]) -> None:
    chosen = vllm_batching(version, total, 32768, gpu=gpu)
    assert (chosen.max_num_seqs, chosen.max_num_batched_tokens) == expected


def test_vllm_takes_what_is_given() -> None:
    chosen = vllm_batching((0, 33), H100, 32768, max_num_seqs=8, max_num_batched_tokens=4096)
    assert (chosen.max_num_seqs, chosen.max_num_batched_tokens) == (8, 4096)


def test_vllm_handles_no_more_requests_than_tokens() -> None:
    assert vllm_batching((0, 33), H100, 32768, max_num_batched_tokens=512).max_num_seqs == 512


def test_without_chunks_a_prefill_takes_the_whole_context() -> None:
    assert vllm_batching((0, 33), H100, 32768, chunked_prefill=False).max_num_batched_tokens == 32768


def test_no_requests_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="max_num_seqs 0"):
        vllm_batching((0, 33), H100, 32768, max_num_seqs=0)


def test_a_negative_number_of_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="max_num_batched_tokens -1"):
        vllm_batching((0, 33), H100, 32768, max_num_batched_tokens=-1)


def test_vllm_changed_its_share_of_the_memory_in_0_20() -> None:
    assert [(gpu_memory_utilization((0, minor)), graphs_are_budgeted((0, minor))) for minor in (19, 20)] == [
        (0.9, False),
        (0.92, True),
    ]


@pytest.mark.parametrize(
    ("version", "stages", "expected"), [((0, 13), 1, False), ((0, 14), 1, True), ((0, 14), 2, False)]
)
def test_asynchronous_scheduling(version: tuple[int, ...], stages: int, expected: bool) -> None:
    assert async_scheduling(version, stages) is expected


@pytest.mark.parametrize(
    ("version", "total", "tp", "expected"),
    [
        ((0, 4, 3), RTX4090, 1, Prefill(2048, 8)),
        ((0, 4, 6), H100, 1, Prefill(8192, 160)),
        ((0, 4, 8), B200, 1, Prefill(16384, 512)),
        ((0, 5, 10), RTX4090, 1, Prefill(2048, 24)),
        ((0, 5, 10), H100, 8, Prefill(8192, 512)),
        ((0, 5, 23), RTX4090, 4, Prefill(4096, 160)),
    ],
)
def test_sglang_prefill_and_graphs(version: tuple[int, ...], total: int, tp: int, expected: Prefill) -> None:
    assert sglang_prefill(version, total, tp) == expected


def test_sglang_takes_what_is_given() -> None:
    assert sglang_prefill((0, 5, 23), H100, 1, chunked_prefill_size=-1, graphs=False) == Prefill(-1, 0)


@pytest.mark.parametrize(
    ("version", "total", "tp", "expected"),
    [
        ((0, 4, 3), H100, 1, 0.88),
        ((0, 4, 3), H100, 16, 0.79),
        ((0, 4, 6), H200, 8, (139.8 - 13) / 139.8),
        ((0, 4, 7), B200, 8, 0.79),
        ((0, 4, 8), H100, 8, (79.2 - 13.5) / 79.2),
        ((0, 5, 6), H100, 1, (79.2 * 1024 - 512 - 8192 * 1.5 - 512 - 128) / (79.2 * 1024)),
        ((0, 5, 6), RTX4090, 1, (23.55 * 1024 - 512 - 3072 - 48 - 128) / (23.55 * 1024)),
    ],
)
def test_mem_fraction_static(version: tuple[int, ...], total: int, tp: int, expected: float) -> None:
    given = mem_fraction_static(version, total, sglang_prefill(version, total, tp), tensor_parallel=tp)
    assert given == pytest.approx(expected, abs=0.001)


def test_graphs_of_prefills_take_memory_since_0_5_10() -> None:
    old, new = (
        mem_fraction_static(version, RTX4090, sglang_prefill(version, RTX4090, 1))
        for version in ((0, 5, 9), (0, 5, 10))
    )
    assert old - new == pytest.approx(42 * 8 / (23.55 * 1024), abs=0.001)


def test_a_gpu_too_small_for_the_reserve_leaves_nothing() -> None:
    assert mem_fraction_static((0, 5, 10), 2 * GIB, Prefill(8192, 160)) == 0.0


@pytest.mark.parametrize(
    ("held", "context", "given", "expected"),
    [(1_000_000, 131072, None, 2048 + 1858), (100_000, 131072, None, 2048), (100, 131072, None, 50), (100, 64, 7, 7)],
)
def test_sglang_requests_at_once(held: int, context: int, given: int | None, expected: int) -> None:
    assert max_running_requests(held, context, given) == expected
