"""Time: how long a server may take to start, and how a new version replaces the old one."""

from __future__ import annotations

import math

from hearth.workload import HttpProbe, Probe, Probes, Rollout

_COMPILE_SECONDS = 600
"""Kernel compilation, graph capture and warm-up after the weights are loaded."""
_LOAD_MARGIN = 2.0
"""The volume's reading speed is shared by replicas that start together."""
_DOWNLOAD_MIB_PER_SECOND = 10
"""Slowest download that is not taken for stuck."""


def startup_seconds(weights_gib: float, read_mib_per_second: int) -> int:
    """Start-up budget: weights / bandwidth with a margin, plus compilation, in whole 10 seconds."""
    load = weights_gib * 1024 / read_mib_per_second * _LOAD_MARGIN
    return math.ceil((load + _COMPILE_SECONDS) / 10) * 10


def download_seconds(size_gib: float) -> int:
    """Time limit of a download: an hour, or what a slow line (10 MiB/s) needs."""
    return max(3600, math.ceil(size_gib * 1024 / _DOWNLOAD_MIB_PER_SECOND / 60) * 60)


def http_probes(port: int, *, alive_path: str, ready_path: str, budget_seconds: int) -> Probes:
    """Probes of a server that has `budget_seconds` to start."""
    ready = HttpProbe(ready_path, port)
    return Probes(
        startup=Probe(ready, period_seconds=10, failure_threshold=math.ceil(budget_seconds / 10)),
        readiness=Probe(ready, period_seconds=5),
        liveness=Probe(HttpProbe(alive_path, port), period_seconds=20, timeout_seconds=10, failure_threshold=6),
    )


def gpu_rollout(replicas: int, budget_seconds: int, *, spare: bool) -> Rollout:
    """A rollout that never waits for a GPU which only the old version could free.

    With a spare GPU the new pod starts first. Without, an old pod ends first; a single replica is simply recreated.
    """
    deadline = budget_seconds * (1 if spare else replicas) + 300
    if spare:
        return Rollout("rolling", max_surge=1, max_unavailable=0, progress_deadline_seconds=deadline)
    if replicas == 1:
        return Rollout("recreate", progress_deadline_seconds=deadline)
    return Rollout("rolling", max_surge=0, max_unavailable=1, progress_deadline_seconds=deadline)
