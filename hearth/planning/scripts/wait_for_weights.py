"""Waits until a model's volume is complete; runs before a server, so that none starts on half a model.

Environment: MODEL_SOURCE, MODEL_REVISION and MODEL_DIRECTORY as the download has them, and PROGRESS_SECONDS, the time
between two lines of progress (30). Ends with 1 if the volume is marked complete but files are missing or cut.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from weights_volume import GIB, MARKER, read_marker, say, size_of, wrong_sizes

REQUIRED = ("MODEL_SOURCE", "MODEL_REVISION", "MODEL_DIRECTORY")


def main() -> int:
    """Exit code: 0 once the model is complete."""
    # As a container's first process Python would not end by SIGTERM on its own.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(128 + signal.SIGTERM))
    if missing := [name for name in REQUIRED if not os.environ.get(name)]:
        say(f"error: {', '.join(missing)} not set")
        return 1
    source, revision, root = (
        os.environ["MODEL_SOURCE"],
        os.environ["MODEL_REVISION"],
        Path(os.environ["MODEL_DIRECTORY"]),
    )
    seconds = float(os.environ.get("PROGRESS_SECONDS") or 30)
    while (marker := read_marker(root)) is None or not marker.names(source, revision):
        held = f"; the volume holds {marker.source} at {marker.revision}" if marker else ""
        present = sum(size_of(path) for path in root.rglob("*") if path.is_file())
        say(f"waiting for {source} at {revision}: {present / GIB:.1f} GiB so far{held}")
        time.sleep(seconds)
    if wrong := wrong_sizes(root, marker.files):
        say(f"error: {'; '.join(wrong.values())}: delete {root / MARKER} and run the download again")
        return 1
    say(f"{source} at commit {marker.commit} is complete: {marker.bytes / GIB:.1f} GiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
