"""What a backup is: a manifest that names a copy of the database and every file with its checksum.

Keys of the store: backups/NAME/manifest.json, written last, backups/NAME/database, and files/SHA256 for the contents of
files, which all backups share: a file that did not change is stored once.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from backup_store import Store

FORMAT = 1
BACKUPS = "backups/"
FILES = "files/"
FOLDERS = ("uploads", "cache/image")
"""Of the data folder: what people uploaded, and generated images that chats link to."""
_MANIFEST = "manifest.json"


class BackupError(Exception):
    """A backup cannot be made, read or restored; the message says why and what to do."""


@dataclass(frozen=True)
class File:
    """A file of the data folder: its path there, bytes, time of change in ns since 1970, and checksum."""

    path: str
    size: int
    modified: int
    sha256: str

    @property
    def key(self) -> str:
        """Where its content is stored."""
        return f"{FILES}{self.sha256}"


@dataclass(frozen=True)
class Manifest:
    """A whole backup."""

    name: str
    started: str
    completed: str
    """Both in ISO 8601."""
    stack: str
    open_webui: str
    """Version that the backup was made of; empty where the image's tag names none."""
    engine: str
    """postgres or sqlite."""
    database_size: int
    database_sha256: str
    files: tuple[File, ...]
    format: int = FORMAT

    @property
    def database_key(self) -> str:
        return database_key(self.name)

    @property
    def bytes(self) -> int:
        """Of the database's copy and all files."""
        return self.database_size + sum(file.size for file in self.files)

    def objects(self) -> dict[str, int]:
        """Bytes of every object that it needs."""
        return {self.database_key: self.database_size} | {file.key: file.size for file in self.files}

    def text(self) -> str:
        return json.dumps(asdict(self), indent=1)


def say(text: str) -> None:
    """One line to the log, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def size_text(size: int) -> str:
    """Bytes for people."""
    amount, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{amount:.0f} {units[0]}" if units[0] == "B" else f"{amount:.1f} {units[0]}"


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_key(name: str) -> str:
    return f"{BACKUPS}{name}/{_MANIFEST}"


def database_key(name: str) -> str:
    return f"{BACKUPS}{name}/database"


def names(sizes: Mapping[str, int]) -> list[str]:
    """Names of the backups in a store, oldest first; a run that did not write its manifest has none."""
    ends = f"/{_MANIFEST}"
    return sorted(key[len(BACKUPS) : -len(ends)] for key in sizes if key.startswith(BACKUPS) and key.endswith(ends))


def read(store: Store, name: str) -> Manifest:
    """A backup's manifest. Raises BackupError when it is damaged or not of this version's format."""
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder, _MANIFEST)
        store.fetch(manifest_key(name), local)
        content = local.read_bytes()
    try:
        return _parse(json.loads(content), name)
    except (ValueError, TypeError, KeyError) as error:
        raise BackupError(f"the manifest of {name} is broken ({error}): restore another backup") from error


def _parse(found: dict[str, Any], name: str) -> Manifest:
    if found["format"] != FORMAT:
        raise ValueError(f"its format is {found['format']}, this version of Hearth reads {FORMAT}")
    if found["name"] != name:
        raise ValueError(f"it belongs to {found['name']}")
    files = tuple(File(**file) for file in found.pop("files"))
    manifest = Manifest(**found, files=files)
    for file in manifest.files:
        if not _inside(PurePosixPath(file.path)):
            raise ValueError(f"{file.path} is outside of the folders of a backup")
    return manifest


def _inside(path: PurePosixPath) -> bool:
    return ".." not in path.parts and any(path.is_relative_to(folder) for folder in FOLDERS)


def damage(manifest: Manifest, sizes: Mapping[str, int]) -> Iterator[str]:
    """What the store lacks of a backup, one object at a time."""
    for key, size in manifest.objects().items():
        if key not in sizes:
            yield f"{key} is missing"
        elif sizes[key] != size:
            yield f"{key} has {sizes[key]} bytes instead of {size}"


def is_newer(version: str, other: str) -> bool:
    """Whether a version comes after another; False where one of the two is unknown."""
    try:
        return [int(part) for part in version.split(".")] > [int(part) for part in other.split(".")]
    except ValueError:
        return False
