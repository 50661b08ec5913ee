"""What each engine's memory model answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hearth.planning.memory.deployment import Deployment
from hearth.planning.memory.overhead import Overhead


@dataclass(frozen=True)
class Share:
    """What an engine may use of a GPU, and what of it neither weights nor KV cache get."""

    budget_gib: float
    overhead: Overhead
    max_num_seqs: int
    """Requests at once, by setting or by the version's default."""
    notes: tuple[str, ...] = ()


class Cache(Protocol):
    """What an engine makes of so many bytes of KV cache on the fullest rank."""

    def tokens(self, available_bytes: int, context: int) -> int: ...
    def request_bytes(self, context: int) -> int: ...
    def longest_context(self, available_bytes: int) -> int: ...
    def max_concurrency(self, available_bytes: int, context: int) -> float: ...
    def state_slots(self, available_bytes: int) -> int | None: ...


@dataclass(frozen=True)
class Engine:
    """An engine's memory model."""

    share: Callable[[Deployment], Share]
    cache: Callable[[Deployment], Cache]
    least_states: Callable[[Deployment], int]
    """States that a hybrid model must have room for, or the engine does not start."""
