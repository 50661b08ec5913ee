"""Labels by which what belongs to a stack is found again."""

from __future__ import annotations

PROJECT = "dev.hearth.project"
STACK = "dev.hearth.stack"
WORKLOAD = "dev.hearth.workload"
ATTEMPT = "dev.hearth.attempt"
"""Of a container that was made anew because the one before it failed: which attempt it is."""
CACHE = "dev.hearth.cache"
"""Of a volume that all stacks share: what is in it."""


def stack_labels(stack: str, workload: str | None = None) -> dict[str, str]:
    """Of an object of this stack, and of this workload in it."""
    return {PROJECT: "hearth", STACK: stack, **({WORKLOAD: workload} if workload else {})}


def cache_labels(content: str) -> dict[str, str]:
    """Of a volume that belongs to no stack."""
    return {PROJECT: "hearth", CACHE: content}
