"""Whether a deployment fits: weights, overhead and KV cache of the fullest GPU against the engine's share of it."""

from __future__ import annotations

import math
from functools import lru_cache

from hearth.planning.memory import sglang, vllm
from hearth.planning.memory.deployment import GIB, Deployment, Fit
from hearth.planning.memory.engine import Engine, Share
from hearth.planning.memory.weights import rank_bytes

_ENGINES: dict[str, Engine] = {"vllm": vllm.ENGINE, "sglang": sglang.ENGINE}


@lru_cache(maxsize=4096)
def fit(deployment: Deployment) -> Fit:
    """Memory of the fullest GPU, and what its KV cache holds.

    The deployment must be free of misfits (`checks.find_misfits`).
    """
    share = _ENGINES[deployment.engine].share(deployment)
    weights = rank_bytes(deployment) / GIB
    available = share.budget_gib - weights - share.overhead.total
    gpu = deployment.gpu
    sums = (
        f"of the {gpu.usable_gib:.1f} GiB of a {gpu.name} {deployment.engine} uses {share.budget_gib:.1f}, weights "
        f"take {weights:.1f} and activations, graphs and buffers up to {share.overhead.total:.1f}"
    )
    if available <= 0:
        return _judge(deployment, share, weights, available, f"{sums}: {-available:.1f} too much before any KV cache")
    return _judge(deployment, share, weights, available, f"{sums}; {available:.2f} GiB are left for the KV cache")


def fit_cache(deployment: Deployment, kv_cache_gib: float) -> Fit:
    """The same for a KV cache whose size is known: the rest of the GPU is taken to be in order."""
    share = _ENGINES[deployment.engine].share(deployment)
    sums = f"the KV cache has {kv_cache_gib:.2f} GiB on each GPU"
    return _judge(deployment, share, rank_bytes(deployment) / GIB, kv_cache_gib, sums)


def _judge(deployment: Deployment, share: Share, weights_gib: float, available_gib: float, sums: str) -> Fit:
    engine, context, users = _ENGINES[deployment.engine], deployment.context, deployment.concurrent_users
    available = max(0, math.floor(available_gib * GIB))
    cache = engine.cache(deployment)
    needed = cache.request_bytes(context)
    longest = cache.longest_context(available // users)
    slots = cache.state_slots(available)
    too_few_states = slots is not None and slots < engine.least_states(deployment)
    fits = longest >= context and not too_few_states
    return Fit(
        fits=fits,
        reason=sums if available_gib <= 0 else f"{sums}, {_wanted(deployment, needed / GIB, too_few_states, slots)}",
        total_gib=deployment.gpu.usable_gib,
        budget_gib=share.budget_gib,
        weights_gib=weights_gib,
        overhead_gib=share.overhead.total,
        kv_cache_gib=max(0.0, available_gib),
        kv_needed_gib=needed / GIB,
        kv_cache_tokens=cache.tokens(available, context),
        context_length=context,
        max_context=longest,
        max_concurrency=cache.max_concurrency(available, context),
        max_num_seqs=share.max_num_seqs if slots is None else min(slots, share.max_num_seqs),
        notes=share.notes,
    )


def _wanted(deployment: Deployment, needed_gib: float, too_few_states: bool, slots: int | None) -> str:
    users, context = deployment.concurrent_users, deployment.context
    if too_few_states:
        return f"which hold the states of {slots} requests: fewer must be allowed at once"
    if users > 1:
        return f"and {users} requests of {context:,} tokens need {users * needed_gib:.2f}"
    return f"and a request of {context:,} tokens needs {needed_gib:.2f}"
