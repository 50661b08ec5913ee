"""Foundations: what a stack stands on, by target. Each declares what comes before the tiers, and gives a runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.runtimes import Need, Runtime


@dataclass(frozen=True)
class Foundation:
    """What the tiers of a stack are declared with."""

    runtime: Runtime
    namespace: pulumi.Output[str]
    tier: pulumi.ResourceOptions
    """Options of every tier: its provider, and what its deletion is part of."""
    gpus: Sequence[Need] = ()
    """What workloads with GPUs come after."""
    engines: Sequence[Need] = ()
    """What everything in an engine's image comes after: images that are built."""
