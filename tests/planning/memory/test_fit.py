"""The sums, and the verdict drawn from them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hearth.planning.memory.deployment import Deployment
from hearth.planning.memory.fit import fit, fit_cache
from tests.planning.memory.deployments import deploy

QWQ = deploy("QwQ-32B", "H100-80GB", tensor=2, context_length=32768)
R1 = deploy("DeepSeek-R1", "H200-141GB", tensor=8, engine="sglang", context_length=65536)
NEXT = deploy("Qwen3-Next-80B-A3B-Instruct", "H100-80GB", tensor=4, engine_version="0.29.0", context_length=32768)


@pytest.mark.parametrize("deployment", [QWQ, R1, NEXT])
def test_the_parts_add_up_to_the_engines_share(deployment: Deployment) -> None:
    answer = fit(deployment)
    assert answer.weights_gib + answer.overhead_gib + answer.kv_cache_gib == pytest.approx(answer.budget_gib)


def test_the_share_is_the_versions_default() -> None:
    old, new = (fit(replace(QWQ, engine_version=version)) for version in ("0.19.0", "0.29.0"))
    assert (old.budget_gib, new.budget_gib) == pytest.approx((0.9 * old.total_gib, 0.92 * new.total_gib))


def test_the_longest_context_fits_and_no_longer_one() -> None:
    tight = replace(QWQ, gpu_memory_utilization=0.5)
    longest = fit(tight).max_context
    assert 0 < longest < QWQ.architecture.max_context
    assert [fit(replace(tight, context_length=length)).fits for length in (longest, longest + 16)] == [True, False]


def test_a_fit_says_the_context_of_the_model_where_none_is_asked() -> None:
    assert fit(replace(QWQ, context_length=None)).context_length == QWQ.architecture.max_context


def test_users_at_once_need_room_for_each() -> None:
    some = int(fit(QWQ).max_concurrency)
    verdicts = [fit(replace(QWQ, concurrent_users=users)).fits for users in (some, some + 1)]
    assert verdicts == [True, False]


def test_weights_that_do_not_fit_leave_no_cache() -> None:
    answer = fit(deploy("Llama-3.3-70B-Instruct", "H100-80GB"))
    assert (answer.fits, answer.kv_cache_gib, answer.kv_cache_tokens, answer.max_context) == (False, 0, 0, 0)


def test_the_reason_names_what_is_lacking_before_any_cache() -> None:
    assert "too much before any KV cache" in fit(deploy("Llama-3.3-70B-Instruct", "H100-80GB")).reason


def test_the_reason_names_what_a_request_needs() -> None:
    answer = fit(QWQ)
    assert f"a request of 32,768 tokens needs {answer.kv_needed_gib:.2f}" in answer.reason


def test_a_known_cache_is_taken_as_it_is() -> None:
    assert fit_cache(QWQ, 10.0).kv_cache_gib == 10.0


def test_a_known_cache_that_is_too_small_does_not_fit() -> None:
    needed = fit(QWQ).kv_needed_gib
    assert [fit_cache(QWQ, gib).fits for gib in (needed + 0.1, needed - 0.1)] == [True, False]


def test_an_fp8_cache_holds_twice_the_tokens() -> None:
    half = replace(QWQ, kv_cache_dtype="fp8")
    assert fit_cache(half, 10.0).kv_cache_tokens == pytest.approx(2 * fit_cache(QWQ, 10.0).kv_cache_tokens, rel=0.001)


def test_pipeline_stages_share_the_layers() -> None:
    staged = fit(deploy("QwQ-32B", "H100-80GB", pipeline=2, context_length=32768))
    assert staged.kv_needed_gib == pytest.approx(fit(QWQ).kv_needed_gib)


def test_a_hybrid_models_states_bound_its_requests() -> None:
    answer = fit(replace(NEXT, gpu_memory_utilization=0.58, max_num_seqs=1024))
    assert (answer.fits, answer.max_num_seqs < 1024) == (False, True)
    assert f"the states of {answer.max_num_seqs} requests" in answer.reason


def test_as_many_requests_as_there_are_states_are_enough() -> None:
    bound = fit(replace(NEXT, gpu_memory_utilization=0.58, max_num_seqs=1024)).max_num_seqs
    assert fit(replace(NEXT, gpu_memory_utilization=0.58, max_num_seqs=bound)).fits


def test_a_share_that_leaves_no_room_for_the_context_of_cuda_is_noted() -> None:
    assert "lower it" in fit(replace(QWQ, gpu_memory_utilization=0.99)).notes[0]


def test_a_share_with_room_beside_it_has_no_note() -> None:
    assert fit(QWQ).notes == ()


def test_sglang_counts_a_table_of_the_requests_tokens() -> None:
    few, many = (fit(replace(R1, max_num_seqs=requests)).overhead_gib for requests in (16, 1024))
    assert many - few == pytest.approx((1024 - 16) * 65536 * 4 / 2**30)
