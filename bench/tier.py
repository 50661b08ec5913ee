"""A web tier under load: one replica with its stores and engines, the people, and what each of the parts costs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import quantiles

from bench.page import ROOT
from tests.live import measure
from tests.live.client import Client
from tests.live.processes import Program
from tests.live.stack import LiveStack, live_stack
from tests.planning import stacks

PEOPLE = 12
SLOTS = 4
"""Of which a worker runs in one, when each has a share of a core: at most one core is theirs, the rest the others'."""

_LEFT_SECONDS = 60
"""In which people finish what they have begun."""

_MODEL = "plain"
_CHATS = 10
"""That each person has from the start."""


@dataclass(frozen=True)
class Course:
    """Of one turn, in seconds: people come one after another, all are there, and what they do counts."""

    arrival: float = 4
    warm_up: float = 3
    counted: float = 12


@dataclass(frozen=True)
class Tier:
    """A running replica, and who has an account there: a chat of each person by their token."""

    stack: LiveStack
    people: Mapping[str, str]

    @cached_property
    def workers(self) -> Sequence[int]:
        """Process ids."""
        return measure.workers(self._root)

    def memory(self) -> list[measure.Memory]:
        """Of each worker."""
        return [measure.memory(pid) for pid in self.workers]

    def total_mib(self) -> float:
        """What the replica takes of its node: PSS of its workers and of what started them."""
        return sum(measure.memory(pid).pss_mib for pid in measure.tree(self._root))

    def cpu_seconds(self, client: Sequence[int]) -> dict[str, float]:
        """CPU time so far by part; `client` are the processes that measure, `all` is the whole machine."""
        parts = {
            "web": [self._root],
            "postgres": [self.stack.postgres.running.pid],
            "redis": [self.stack.redis.running.pid],
            "engines": [engine.running.pid for engine in self.stack.engines.values()],
            "client": client,
        }
        spent = {part: sum(map(measure.cpu_seconds, measure.tree(*roots))) for part, roots in parts.items()}
        spent["client"] += time.process_time()
        return {**spent, "all": measure.busy_seconds()}

    @property
    def _root(self) -> int:
        return self.stack.replicas[0].running.pid


@dataclass(frozen=True)
class Turn:
    """What came of a load on one tier."""

    seconds: float
    latencies_ms: Sequence[float]
    errors: Mapping[str, int]
    """How often, by their text."""
    cpu_seconds: Mapping[str, float]
    """Of each part; `others` are all programs that have nothing to do with it."""
    busiest: float
    """CPU time of the worker that had most of it, as a multiple of their average."""

    @property
    def rate(self) -> float:
        """Finished requests or chats a second."""
        return len(self.latencies_ms) / self.seconds

    def percentile_ms(self, percent: int) -> float:
        return quantiles(self.latencies_ms, n=100)[percent - 1]

    def cost_ms(self, part: str) -> float:
        """CPU time for each that was finished."""
        return self.cpu_seconds[part] * 1000 / len(self.latencies_ms)


@contextmanager
def running_tier(workers: int, folder: Path, on_progress: Callable[[str], None]) -> Iterator[Tier]:
    """Start one replica with that many workers, and make the accounts.

    Raises ServerError and PackageError as live_stack does.
    """
    web_ui = stacks.chat(replicas=1, workers=workers, redis={"engine": "valkey"}, database={"engine": "postgres"})
    with live_stack(folder, on_progress, {"webUi": web_ui}) as stack:
        admin = Client(stack.urls[0]).sign_in(*stack.admin)

        def account(number: int) -> tuple[str, str]:
            token = admin.add_user(f"person-{number}@example.org", "a long password")["token"]
            person = Client(admin.url, token)
            history = {"messages": {}, "currentId": None}
            chats = [{"title": f"Chat {chat}", "models": [_MODEL], "history": history} for chat in range(_CHATS)]
            return token, [person.post("/api/v1/chats/new", {"chat": chat})["id"] for chat in chats][-1]

        with ThreadPoolExecutor(4) as pool:
            people = dict(pool.map(account, range(PEOPLE)))
        yield Tier(stack, people)


def take_turn(tier: Tier, activity: str, *, shares: bool, course: Course = Course()) -> Turn:
    """Have all people do one activity of bench/people.py at the same time.

    With `shares` each worker has 1 / SLOTS of a core. Raises ServerError when nothing is answered.
    """
    arrive = time.monotonic() + course.arrival
    begin = arrive + course.warm_up
    end = begin + course.counted
    url, site = tier.stack.urls[0], tier.stack.site
    options = {"url": url, "people": tier.people, "model": _MODEL, "activity": activity}
    options |= {"arrive": arrive, "begin": begin, "end": end}
    argv = [site.python, "-m", "bench.people", json.dumps(options)]
    with ExitStack() as started:
        people = started.enter_context(_program("people", argv, site.folder))
        measuring = [people.pid]
        _sleep_until(arrive)
        if shares:
            argv = [sys.executable, "-m", "bench.slots", SLOTS, *tier.workers]
            measuring.append(started.enter_context(_program("slots", argv, site.folder)).pid)
        _sleep_until(begin)
        before, workers_before = tier.cpu_seconds(measuring), _each(tier.workers)
        _sleep_until(end)
        after, workers_after = tier.cpu_seconds(measuring), _each(tier.workers)
        people.wait(_LEFT_SECONDS)
    found = json.loads(people.log.read_text().splitlines()[-1])
    if len(found["latencies_ms"]) < 2:
        raise people.failure("were not answered within the time")
    spent = {part: after[part] - before[part] for part in after}
    spent["others"] = max(0, spent.pop("all") - sum(spent.values()))
    each = [late - early for late, early in zip(workers_after, workers_before, strict=True)]
    return Turn(course.counted, found["latencies_ms"], found["errors"], spent, max(each) * len(each) / sum(each))


@contextmanager
def _program(name: str, argv: Sequence[object], folder: Path) -> Iterator[Program]:
    program = Program(name, argv, env={"PYTHONPATH": str(ROOT)}, log=folder / f"{name}.log")
    try:
        yield program
    finally:
        program.stop()


def _each(pids: Sequence[int]) -> list[float]:
    return [measure.cpu_seconds(pid) for pid in pids]


def _sleep_until(moment: float) -> None:
    time.sleep(max(0, moment - time.monotonic()))
