"""Backups."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

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


def backup_networks_valid(settings: Settings) -> Iterator[Problem]:
    """They go into a NetworkPolicy."""
    bucket = settings.backup.to.s3 if settings.backup else None
    for index, network in enumerate(bucket.networks if bucket else ()):
        try:
            ip_network(network)
        except ValueError:
            remedy = "write a network such as 10.1.2.0/24, or one address such as 10.1.2.3/32"
            yield Problem((*_TO, "s3", "networks", index), network, "is not a network in CIDR notation", remedy)
