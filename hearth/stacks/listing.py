"""The developers' stacks of a project, as `hearth stacks` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from hearth.stacks import docker_engine, durations
from hearth.stacks.folder import StackFolder, stack_folders
from hearth.stacks.remains import storage
from hearth.stacks.state import read_state


@dataclass(frozen=True)
class Listed:
    """One stack. Times are in UTC, sizes in bytes."""

    name: str
    source: str | None
    """None, like the times, where its first run was killed before it had written a record."""
    created: datetime | None
    expires: datetime | None
    resources: int
    """Those that exist outside Pulumi's state."""
    size: int | None
    """Volumes; None where that is not known."""
    url: str | None

    def is_expired(self, now: datetime) -> bool:
        return self.expires is not None and self.expires <= now


def listed(directory: Path) -> tuple[Listed, ...]:
    """Every stack of this user. Raises UserError for a record or state that cannot be read."""
    folders = stack_folders(directory)
    hosts = {record.docker_host for folder in folders if (record := folder.record()) and record.docker_host}
    sizes = {host: docker_engine.volume_sizes(host) for host in hosts}
    return tuple(_listed(folder, sizes) for folder in folders)


def expired(directory: Path) -> tuple[str, ...]:
    """Names of the stacks past their time to live, without asking any engine."""
    now = datetime.now(UTC)
    records = ((folder.name, folder.record()) for folder in stack_folders(directory))
    return tuple(name for name, record in records if record and record.expires <= now)


def plain(stacks: tuple[Listed, ...], now: datetime) -> list[dict[str, object]]:
    """For other programs: times as ISO 8601, sizes in bytes."""
    return [
        {
            "name": stack.name,
            "from": stack.source,
            "created": stack.created and stack.created.isoformat(),
            "expires": stack.expires and stack.expires.isoformat(),
            "expired": stack.is_expired(now),
            "resources": stack.resources,
            "size": stack.size,
            "url": stack.url,
        }
        for stack in stacks
    ]


def table(stacks: tuple[Listed, ...], now: datetime) -> Table:
    shown = Table(box=None, pad_edge=False)
    for heading in ("stack", "from", "age", "time left", "resources", "size", "url"):
        shown.add_column(heading, justify="right" if heading in ("resources", "size") else "left")
    for stack in stacks:
        left = durations.words(stack.expires - now) if stack.expires else "?"
        shown.add_row(
            stack.name,
            stack.source or "?",
            durations.words(now - stack.created) if stack.created else "?",
            "[red]expired[/]" if stack.is_expired(now) else left,
            str(stack.resources),
            size_words(stack.size),
            stack.url or "",
        )
    return shown


def size_words(size: int | None) -> str:
    """In GiB, small ones in MiB."""
    if size is None:
        return "?"
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def _listed(folder: StackFolder, sizes: Mapping[str, Mapping[str, int]]) -> Listed:
    record, state = folder.record(), read_state(folder)
    url = state.outputs.get("url")
    return Listed(
        name=folder.name,
        source=record.source if record else None,
        created=record.created if record else None,
        expires=record.expires if record else None,
        resources=len(state.deployed),
        size=storage(state, sizes.get((record and record.docker_host) or "", {})),
        url=url if isinstance(url, str) else None,
    )
