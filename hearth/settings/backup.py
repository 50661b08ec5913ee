"""Copies of what people made: the web UI's database and files."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from hearth.settings.base import Image, Means, ObjectName, PositiveInt, Secret, StrictModel, Text
from hearth.settings.services import S3

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_PART = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?")


def _schedule(text: str) -> str:
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"has {len(fields)} fields instead of five: minute, hour, day, month, weekday")
    for field, (name, least, most) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            found = _PART.fullmatch(part)
            if not found:
                raise ValueError(f"its {name} {part} is neither *, nor a number, nor a range such as 1-5 or */2")
            first, last, step = (int(number) if number else None for number in found.groups())
            if step == 0 or any(n is not None and not least <= n <= most for n in (first, last)):
                raise ValueError(f"its {name} {part} is not within {least} to {most}")
            if first is not None and last is not None and last < first:
                raise ValueError(f"its {name} {part} ends before it begins")
    return text


class BackupVolume(StrictModel):
    """A volume of the cluster."""

    size_gib: PositiveInt = 100
    """Size of the volume in GiB: every file once, and the database as often as backups are kept."""
    storage_class: ObjectName | None = None
    """An existing StorageClass, best on another machine than the data; the stack's own when left out."""


class BackupBucket(S3):
    """A bucket of S3 or of a server that is compatible with it."""

    prefix: Text | None = None
    """Begin of every key; the stack's namespace when left out."""
    access_key: Secret
    """pulumi config set --secret --path hearth:backup.to.s3.accessKey"""
    secret_key: Secret
    """pulumi config set --secret --path hearth:backup.to.s3.secretKey"""


class BackupPlace(StrictModel):
    """One of the two."""

    volume: BackupVolume | None = None
    """A volume of the cluster."""
    s3: BackupBucket | None = None
    """A bucket."""


class Backup(StrictModel):
    """When backups are made, how many are kept, and where. Restore one with: python -m hearth restore"""

    schedule: Annotated[str, AfterValidator(_schedule), Means("a schedule of cron in five fields", "0 2 * * *")] = (
        "0 2 * * *"
    )
    """Minute, hour, day, month, weekday, in the stack's timeZone."""
    keep: PositiveInt = 14
    """Backups that are kept; older ones are removed."""
    to: Annotated[BackupPlace, Means("a section with volume or s3", {"volume": {"sizeGib": 100}})]
    """Where they go."""
    tools_image: Image | None = None
    """Of Postgres, at least of the server's major version; that of the stack's own Postgres when left out."""
    scratch_gib: PositiveInt = 20
    """Space of the node for the database's copy on its way, in GiB: about a quarter of what the database takes."""
