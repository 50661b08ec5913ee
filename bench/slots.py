"""Gives each of some processes the same share of a core: `python -m bench.slots SLOTS PID ...`.

They run one after another, each in one slot of SLOTS, until this program is told to end; then they run on as before.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sys
import time
from collections.abc import Sequence

SECONDS = 0.01


def main(slots: int, pids: Sequence[int]) -> None:
    """Never returns: SIGTERM ends it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for slot in itertools.cycle(range(slots)):
            running = pids[slot : slot + 1]
            for pid in running:
                os.kill(pid, signal.SIGCONT)
            time.sleep(SECONDS)
            for pid in running:
                os.kill(pid, signal.SIGSTOP)
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


if __name__ == "__main__":
    main(int(sys.argv[1]), list(map(int, sys.argv[2:])))
