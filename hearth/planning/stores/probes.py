"""Probes of stores: commands within their containers."""

from __future__ import annotations

from hearth.workload import CommandProbe, Probe, Probes

START_SECONDS = 300


def command_probes(ready: CommandProbe, alive: CommandProbe | None = None, *, dead_seconds: int = 120) -> Probes:
    """`alive` is what a restart mends, `ready` when left out; `dead_seconds` is how long it may fail.

    What is ready only together with others must not be restarted while it waits for them.
    """
    alive = alive or ready
    period = min(20, dead_seconds // 3)
    return Probes(
        startup=Probe(alive, period_seconds=5, failure_threshold=START_SECONDS // 5),
        readiness=Probe(ready),
        liveness=Probe(
            alive,
            period_seconds=period,
            timeout_seconds=min(10, period),
            failure_threshold=dead_seconds // period,
        ),
    )
