"""Memory and CPU time of running servers, from /proc."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """Of one process, in MiB. PSS shares pages among the processes that map them; its sum is what a node gives."""

    rss_mib: float
    pss_mib: float


def tree(*roots: int) -> dict[int, str]:
    """Command lines of processes and all below them, by process id."""
    parents = {pid: _parent(pid) for pid in map(int, (path.name for path in Path("/proc").glob("[0-9]*")))}
    found = list(roots)
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


def cpu_seconds(pid: int) -> float:
    """CPU time of one process and of those of its children that have ended; 0 when it has ended itself."""
    return sum(map(int, _stat(pid)[11:15])) / _TICKS


def busy_seconds() -> float:
    """CPU time that all programs have had since the machine started."""
    fields = Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]
    user, nice, system, _, _, interrupts, soft_interrupts, _ = map(int, fields)
    return (user + nice + system + interrupts + soft_interrupts) / _TICKS


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat after the name, zeros when the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["0"] * 50


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
