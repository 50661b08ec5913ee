"""What one replica serves with 1, 2 and 4 workers: `python -m bench.web_tier [--write]`; takes about 15 minutes.

--write also renews its section of docs/benchmarks.md. All replicas, each with stores and engines of its own, start
before the first measurement, and the load goes to them in turns: what else the machine does slows all alike.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.page import PAGE, ROOT, write_section
from bench.tier import SLOTS, Tier, Turn, running_tier, take_turn
from bench.web_tier_page import LEAST_GAIN, Footprint, Load, render
from tests.live import packages
from tests.live.measure import Memory
from tests.live.packages import PackageError
from tests.live.processes import ServerError

TITLE = "The web tier"
WORKERS = (1, 2, 4)
ACTIVITIES = {"pages": "read", "chats": "chat"}
"""What the people do: the name of it, and that in bench/people.py."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.web_tier", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"renew its section of {PAGE.relative_to(ROOT)}")
    parser.add_argument("--rounds", type=int, default=3, help="how often each load goes to each replica")
    options = parser.parse_args(arguments)
    if reason := packages.left_out():
        sys.exit(f"Cannot measure the web tier: {reason}")
    try:
        loads, footprints = measure_all(options.rounds)
    except (PackageError, ServerError) as error:
        sys.exit(str(error))
    lines = list(render(loads, footprints))
    print("\n".join(lines))
    if options.write:
        write_section(TITLE, lines)
    return 0 if all(load.gain(2) >= LEAST_GAIN for load in loads if load.shares) else 1


def measure_all(rounds: int) -> tuple[list[Load], list[Footprint]]:
    """Start the tiers, and put all loads to them. Raises PackageError and ServerError when something does not run."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as started:
        tiers: dict[int, Tier] = {}
        for workers in WORKERS:
            tell(f"starting a replica with {workers} workers, its stores and its engines")
            folder = Path(directory) / str(workers)
            folder.mkdir()
            tiers[workers] = started.enter_context(running_tier(workers, folder, tell))
        idle = {workers: largest(tier) for workers, tier in tiers.items()}
        kinds = [(name, shares) for name in ACTIVITIES for shares in (True, False)]
        loads = [put(name, shares, tiers, rounds) for name, shares in kinds]
        footprints = [
            Footprint(workers, idle[workers], largest(tier), tier.total_mib(), tier.stack.web_ui.memory_mib)
            for workers, tier in tiers.items()
        ]
    return loads, footprints


def put(name: str, shares: bool, tiers: Mapping[int, Tier], rounds: int) -> Load:
    """One load to each tier, round by round."""
    turns: dict[int, list[Turn]] = {workers: [] for workers in tiers}
    where = f"{1 / SLOTS:g} of a core each" if shares else "the whole machine"
    for number in range(1, rounds + 1):
        for workers, tier in tiers.items():
            turn = take_turn(tier, ACTIVITIES[name], shares=shares)
            turns[workers].append(turn)
            tell(f"{name}, {where}, round {number} of {rounds}, {workers} workers: {turn.rate:.1f} a second")
    return Load(name, shares, turns)


def largest(tier: Tier) -> Memory:
    """Of the tier's workers."""
    return max(tier.memory(), key=lambda memory: memory.pss_mib)


def tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
