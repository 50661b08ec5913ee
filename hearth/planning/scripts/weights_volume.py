"""A volume that holds one model: its marker, its lock, and whether its files are those of the hub.

The marker is written last and atomically: a volume with a marker holds a whole model.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

MARKER = ".hearth-complete"
LOCK = ".hearth-lock"
LIBRARY_FOLDER = Path(".cache", "huggingface", "download")
"""Where huggingface_hub keeps partial files and, as FILE.metadata, the commit of each finished one."""
GIB = 2**30
MIB = 2**20


@dataclass(frozen=True)
class Snapshot:
    """A revision as the hub has it: its commit and the bytes of each file that is wanted."""

    commit: str
    files: Mapping[str, int]

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())


@dataclass(frozen=True)
class Marker:
    """What a complete volume holds."""

    source: str
    revision: str
    commit: str
    files: Mapping[str, int]
    bytes: int
    completed: str
    """When, in ISO 8601."""

    def names(self, source: str, revision: str) -> bool:
        """Whether the volume is complete for this source and revision."""
        return (self.source, self.revision) == (source, revision)


def say(text: str) -> None:
    """One line to the log, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def read_marker(root: Path) -> Marker | None:
    """The volume's marker; None while there is none that can be read."""
    try:
        return Marker(**json.loads((root / MARKER).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write_marker(root: Path, marker: Marker) -> None:
    """Declares the volume complete."""
    replace(root / MARKER, json.dumps(asdict(marker), indent=1).encode())


def remove_marker(root: Path) -> None:
    """Declares the volume incomplete."""
    (root / MARKER).unlink(missing_ok=True)


@contextlib.contextmanager
def locked(root: Path, telling_seconds: float) -> Generator[None]:
    """Holds the volume's lock; waits for it, and says so. Raises OSError if the volume has no locks.

    NFS 4 keeps the lock across nodes, and drops it when the holder's process or node ends.
    """
    with (root / LOCK).open("a") as lock:
        told = -float("inf")
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() - told >= telling_seconds:
                    say("another pod is downloading to this volume; waiting for it")
                    told = time.monotonic()
                time.sleep(min(1.0, telling_seconds))
        yield


def size_of(path: Path) -> int:
    """Bytes of a file; 0 if it is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def bytes_present(root: Path, snapshot: Snapshot) -> int:
    """Bytes of the snapshot that are there, in finished and in partial files."""
    partial = sum(size_of(path) for path in (root / LIBRARY_FOLDER).rglob("*.incomplete"))
    return partial + sum(size_of(root / file) for file in snapshot.files)


@contextlib.contextmanager
def progress(root: Path, snapshot: Snapshot, seconds: float) -> Generator[None]:
    """Prints a line of progress every so many seconds, and one at the end."""
    ended = threading.Event()
    samples = deque([(time.monotonic(), bytes_present(root, snapshot))], maxlen=7)

    def report() -> None:
        samples.append((time.monotonic(), bytes_present(root, snapshot)))
        say(progress_line(samples[0], samples[-1], snapshot.bytes))

    def watch() -> None:
        while not ended.wait(seconds):
            report()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        report()


def progress_line(first: tuple[float, int], last: tuple[float, int], total: int) -> str:
    """The state at the last sample and the rate since the first; a sample is a time in seconds and bytes present."""
    present = last[1]
    line = f"{present / GIB:.1f} of {total / GIB:.1f} GiB ({present * 100 // total}%)"
    rate = (present - first[1]) / max(last[0] - first[0], 0.001)
    if present >= total:
        return line
    return f"{line}, {rate / MIB:.0f} MiB/s, about {(total - present) / rate / 60:.0f} min left" if rate > 0 else line


def wrong_sizes(root: Path, files: Mapping[str, int]) -> dict[str, str]:
    """Files that have another size than they should, each with the figures."""
    sizes = {file: size_of(root / file) for file in files}
    return {
        file: f"{file} has {sizes[file]} bytes instead of {expected}"
        for file, expected in files.items()
        if sizes[file] != expected
    }


def wrong_files(root: Path, snapshot: Snapshot) -> dict[str, str]:
    """Files that are not what the hub says, each with why."""
    stale = {
        file: f"{file} is of another commit" for file in snapshot.files if _commit_of(root, file) != snapshot.commit
    }
    return {**stale, **wrong_sizes(root, snapshot.files)}


def missing_shards(root: Path) -> list[str]:
    """Files that a safetensors index names and that are not there."""
    named = {
        index.parent / file
        for index in root.glob("*.safetensors.index.json")
        for file in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    }
    return sorted(path.name for path in named if not path.is_file())


def forget(root: Path, file: str) -> None:
    """Removes a file and what the library keeps about it, so that it is fetched again."""
    (root / file).unlink(missing_ok=True)
    _metadata(root, file).unlink(missing_ok=True)


def remove_partial_files(root: Path) -> None:
    """Removes what an interrupted run left: from 1.31 on the library never goes on from a partial file."""
    for path in (root / LIBRARY_FOLDER).rglob("*.incomplete"):
        path.unlink(missing_ok=True)


def remove_stale_files(root: Path, snapshot: Snapshot) -> None:
    """Removes what an earlier run fetched and this revision has not: a loader may take every shard it finds."""
    folder = root / LIBRARY_FOLDER
    for path in list(folder.rglob("*.metadata")):
        file = path.relative_to(folder).as_posix().removesuffix(".metadata")
        if file not in snapshot.files:
            forget(root, file)


def flush(root: Path, snapshot: Snapshot) -> None:
    """Has the server of the volume write every file, before the marker says that they are there."""
    for file in snapshot.files:
        with (root / file).open("rb") as content:
            os.fsync(content.fileno())


def replace(path: Path, content: bytes) -> None:
    """Writes a file that is never seen in part."""
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _metadata(root: Path, file: str) -> Path:
    return root / LIBRARY_FOLDER / f"{file}.metadata"


def _commit_of(root: Path, file: str) -> str | None:
    """Commit that the library fetched a file from: the first line of what it keeps about it."""
    try:
        return _metadata(root, file).read_text(encoding="utf-8").partition("\n")[0]
    except FileNotFoundError:
        return None
