"""Memory of running servers, from /proc."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Memory:
    """Of one process, in MiB. PSS shares pages among the processes that map them; its sum is what a node gives."""

    rss_mib: float
    pss_mib: float


def tree(root: int) -> dict[int, str]:
    """Command lines of a process and all below it, by process id."""
    parents = {pid: _parent(pid) for pid in map(int, (path.name for path in Path("/proc").glob("[0-9]*")))}
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return {pid: _command(pid) for pid in found}


def workers(root: int) -> list[int]:
    """Uvicorn's workers below `root`; without workers of its own the root is the one."""
    return [pid for pid, command in tree(root).items() if "multiprocessing.spawn" in command] or [root]


def memory(pid: int) -> Memory:
    """Of one process; FileNotFoundError when it has ended."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()

    def mib(key: str) -> float:
        return int(re.findall(rf"^{key}:\s+(\d+) kB", text, re.MULTILINE)[0]) / 1024

    return Memory(mib("Rss"), mib("Pss"))


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
