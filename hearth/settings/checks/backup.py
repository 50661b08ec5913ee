"""Backups."""

from __future__ import annotations

from collections.abc import Iterator

from hearth.problems import Path, Problem
from hearth.settings.stack import Settings

_TO: Path = ("backup", "to")


def one_backup_place(settings: Settings) -> Iterator[Problem]:
    """A volume or a bucket."""
    if settings.backup is None:
        return
    place = settings.backup.to
    depends: tuple[Path, ...] = ((*_TO, "volume"), (*_TO, "s3"))
    if place.volume and place.s3:
        why = "to has volume already, and backups go to one place"
        yield Problem((*_TO, "s3"), None, why, "remove either volume or s3", depends)
    elif not place.volume and not place.s3:
        remedy = "add volume: {sizeGib: 100}, or s3 with endpoint, bucket, accessKey and secretKey"
        yield Problem(_TO, None, "has neither volume nor s3, so there is nowhere to put backups", remedy, depends)
