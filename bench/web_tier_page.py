"""What the load on the web tier showed, as a section of docs/benchmarks.md."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.page import measured_with, table
from bench.tier import PEOPLE, SLOTS, Turn
from tests.live import packages
from tests.live.measure import Memory

CORES = os.cpu_count() or 1
LEAST_GAIN = 1.6
"""Of 2 workers over 1, where each has as much of a core."""

_PARTS = {"web": "workers", "postgres": "Postgres", "redis": "Valkey", "engines": "engines", "client": "people"}


@dataclass(frozen=True)
class Load:
    """Something that all tiers were put to."""

    name: str
    shares: bool
    """Whether each worker had a share of a core; else all programs had the whole machine."""
    turns: Mapping[int, Sequence[Turn]]
    """Of each round, by the number of workers."""

    def gain(self, workers: int) -> float:
        """How many times as much as one worker, in the same round."""
        pairs = zip(self.turns[workers], self.turns[1], strict=True)
        return median(turn.rate / one.rate for turn, one in pairs)

    def most(self, workers: int) -> float:
        """The gain at which all cores are busy, at the CPU time that each part takes for one worker."""
        if self.shares:
            return workers
        costs = {part: median(turn.cost_ms(part) for turn in self.turns[1]) for part in _PARTS}
        return min(workers, CORES * costs["web"] / sum(costs.values()))


@dataclass(frozen=True)
class Footprint:
    """Memory of one replica."""

    workers: int
    idle: Memory
    """Of its largest worker."""
    loaded: Memory
    total_mib: float
    """Sum of PSS."""
    limit_mib: int


def render(loads: Sequence[Load], footprints: Sequence[Footprint]) -> Iterator[str]:
    """Lines of the section."""
    shared, whole = [load for load in loads if load.shares], [load for load in loads if not load.shares]
    gains = [(f"{load.name}: 2 workers / 1, a quarter of a core each", f"{load.gain(2):.2f}") for load in shared]
    turns = loads[0].turns[1]
    yield measured_with("make bench-web")
    yield ""
    yield from table(("result", "measured", "at least"), [(*gain, LEAST_GAIN) for gain in gains])
    yield ""
    yield f"{PEOPLE} people at one replica of Open WebUI {packages.open_webui_version()} do the next thing as soon as"
    yield "the last is done, on connections that they keep as browsers do. *Pages* are the requests of an opened chat:"
    yield "configuration, models, chats, the chat, settings. *Chats* are begun over HTTP and answered word by word over"
    yield "the socket, by an engine whose model is tiny; only whole answers count."
    yield f"Medians of {len(turns)} rounds of {turns[0].seconds:g} s each, in turns."
    yield ""
    yield "### What a worker adds"
    yield ""
    yield f"Each worker runs in one of {SLOTS} slots of 10 ms, so that it has a quarter of a core however many there"
    yield "are; the rest of the machine is free for stores, engines and people."
    yield ""
    yield from _rates(shared)
    yield ""
    yield f"### All of it on {CORES} cores"
    yield ""
    yield "*At most* is the gain at which the cores are full: stores, engines and people use them too."
    yield ""
    yield from _rates(whole)
    yield ""
    yield "CPU time of each part for one request or chat, in ms, and what other programs took of the machine meanwhile:"
    yield ""
    yield from _costs(whole)
    yield ""
    yield "### Memory"
    yield ""
    yield "In MiB, without PyTorch, before any load and after all of it. RSS and PSS are of the largest worker; the"
    yield "replica's is the sum of PSS, and the limit what the plan renders."
    yield ""
    yield from _memory(footprints)


def _rates(loads: Sequence[Load]) -> list[str]:
    header = ("load", "workers", "a second", "to 1 worker", "at most", "p50 ms", "p95 ms", "errors", "busiest worker")
    return table(
        header,
        [
            (
                load.name,
                workers,
                f"{median(turn.rate for turn in turns):.1f}",
                f"{load.gain(workers):.2f}",
                f"{load.most(workers):.2f}",
                *(f"{median(turn.percentile_ms(percent) for turn in turns):.0f}" for percent in (50, 95)),
                sum(sum(turn.errors.values()) for turn in turns),
                f"{median(turn.busiest for turn in turns):.2f}",
            )
            for load in loads
            for workers, turns in load.turns.items()
        ],
    )


def _costs(loads: Sequence[Load]) -> list[str]:
    return table(
        ("load", "workers", *_PARTS.values(), "other programs"),
        [
            (
                load.name,
                workers,
                *(f"{median(turn.cost_ms(part) for turn in turns):.1f}" for part in _PARTS),
                f"{median(turn.cpu_seconds['others'] / turn.seconds for turn in turns) / CORES:.0%}",
            )
            for load in loads
            for workers, turns in load.turns.items()
        ],
    )


def _memory(footprints: Sequence[Footprint]) -> list[str]:
    return table(
        ("workers", "RSS before", "RSS after", "PSS before", "PSS after", "replica", "limit"),
        [
            (
                found.workers,
                *(f"{memory.rss_mib:.0f}" for memory in (found.idle, found.loaded)),
                *(f"{memory.pss_mib:.0f}" for memory in (found.idle, found.loaded)),
                f"{found.total_mib:.0f}",
                found.limit_mib,
            )
            for found in footprints
        ],
    )
