"""Makes a backup of the web tier: the database's copy, then the files, then the manifest; then prunes old ones.

With Postgres a step before has made the copy, with SQLite this script does. The manifest comes last, so that a run that
was interrupted is never taken for a backup; the next run removes what it left.

Environment: that of backup_store, BACKUP_STACK, BACKUP_KEEP, BACKUP_WORK (a scratch folder), DATA_DIR, DATABASE_ENGINE
(postgres or sqlite) and OPEN_WEBUI_VERSION. Ends with 1 and a line that begins with `error:` when it fails.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from backup_manifest import (
    BACKUPS,
    FILES,
    FOLDERS,
    BackupError,
    File,
    Manifest,
    checksum,
    damage,
    database_key,
    manifest_key,
    names,
    read,
    say,
    size_text,
)
from backup_store import Store, StoreError, open_store

SQLITE_FILE = "webui.db"
"""Of Open WebUI, in its data folder."""


def main(environment: Mapping[str, str]) -> int:
    """Exit code."""
    # As a container's first process Python would not end by SIGTERM on its own.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(128 + signal.SIGTERM))
    try:
        store = open_store(environment)
        back_up(store, environment)
        prune(store, int(environment["BACKUP_KEEP"]))
    except (BackupError, StoreError, OSError, sqlite3.Error) as error:
        say(f"error: {error}")
        return 1
    return 0


def back_up(store: Store, environment: Mapping[str, str]) -> Manifest:
    """One backup. Raises BackupError or StoreError."""
    started = datetime.now(UTC)
    name = started.strftime("%Y%m%dT%H%M%SZ")
    data, work = Path(environment["DATA_DIR"]), Path(environment["BACKUP_WORK"])
    engine, copy = environment["DATABASE_ENGINE"], work / "database"
    if engine == "sqlite":
        copy_sqlite(data / SQLITE_FILE, copy)
    say(f"backup {name} to {store.place}")
    store.put(database_key(name), copy)
    say(f"1/3 database: {size_text(copy.stat().st_size)}")
    files = tuple(copy_files(store, data, _known_files(store)))
    manifest = Manifest(
        name=name,
        started=started.isoformat(timespec="seconds"),
        completed=datetime.now(UTC).isoformat(timespec="seconds"),
        stack=environment["BACKUP_STACK"],
        open_webui=environment["OPEN_WEBUI_VERSION"],
        engine=engine,
        database_size=copy.stat().st_size,
        database_sha256=checksum(copy),
        files=files,
    )
    if lacking := list(damage(manifest, store.sizes())):
        raise BackupError(
            f"{store.place} lost {len(lacking)} objects ({lacking[0]} ...): does another run write there?"
        )
    written = work / "manifest.json"
    written.write_text(manifest.text(), encoding="utf-8")
    store.put(manifest_key(name), written)
    say(f"3/3 manifest: {name} is complete, {len(files)} files, {size_text(manifest.bytes)}")
    return manifest


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of a database that is in use. Raises BackupError when there is none, or it is damaged."""
    if not source.exists():
        raise BackupError(f"{source} does not exist: has the web UI started yet?")
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(source, timeout=60)) as database, closing(sqlite3.connect(target)) as copy:
        database.backup(copy, pages=4096, sleep=0.05)
        # One file that needs no write-ahead log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
        if (verdict := copy.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            raise BackupError(f"{source} is damaged: {verdict}")


def copy_files(store: Store, data: Path, known: Mapping[str, File]) -> Iterator[File]:
    """Stores every file whose content is new; yields all of them."""
    stored, copied, size = set(store.sizes()), 0, 0
    for path in _files(data):
        file = _describe(path, path.relative_to(data).as_posix(), known)
        if file is None:
            say(f"left out: {path} was removed while it was read")
            continue
        if file.key not in stored:
            store.put(file.key, path)
            if _stamp(path) != (file.size, file.modified):
                # Still being uploaded: the database's copy is older and does not know it.
                store.delete([file.key])
                say(f"left out: {path} was changed while it was copied")
                continue
            stored.add(file.key)
            copied, size = copied + 1, size + file.size
        yield file
    say(f"2/3 files: {copied} new, {size_text(size)}")


def _files(data: Path) -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (data / folder).rglob("*") if path.is_file())


def _stamp(path: Path) -> tuple[int, int] | None:
    """Size and time of change; None once it is gone."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


def _describe(path: Path, name: str, known: Mapping[str, File]) -> File | None:
    """The file with its checksum, which is that of the backup before where neither size nor time changed."""
    stamp = _stamp(path)
    before = known.get(name)
    if stamp is None or (before and (before.size, before.modified) == stamp):
        return before if stamp else None
    try:
        return File(name, *stamp, checksum(path))
    except FileNotFoundError:
        return None


def _known_files(store: Store) -> Mapping[str, File]:
    """Files of the newest backup that can be read, by path."""
    sizes = store.sizes()
    for name in reversed(names(sizes)):
        try:
            manifest = read(store, name)
        except BackupError:
            continue
        if not any(damage(manifest, sizes)):
            return {file.path: file for file in manifest.files}
    return {}


def prune(store: Store, keep: int) -> None:
    """Removes all but the newest backups, and what no backup needs. A manifest goes before what it names."""
    sizes = store.sizes()
    found = names(sizes)
    old = found[: max(0, len(found) - keep)]
    store.delete([manifest_key(name) for name in old])
    kept = found[len(old) :]
    needed = {manifest_key(name) for name in kept}
    for name in kept:
        try:
            needed |= read(store, name).objects().keys()
        except BackupError as error:
            say(f"warning: {error}; nothing is removed that it may need")
            return
    rest = _unneeded(sizes, needed)
    store.delete(rest)
    say(f"{len(kept)} backups are kept, {len(old)} were removed, with {len(rest)} objects")


def _unneeded(sizes: Mapping[str, int], needed: set[str]) -> Sequence[str]:
    return [key for key in sizes if key.startswith((BACKUPS, FILES)) and key not in needed]


if __name__ == "__main__":
    sys.exit(main(os.environ))
