"""Lists backups, or brings the files of one back and fetches its database; the web tier does not run meanwhile.

    restore_web_ui.py list            one JSON document on the last line
    restore_web_ui.py restore NAME    files to DATA_DIR; the database to BACKUP_WORK (Postgres) or DATA_DIR (SQLite)

Nothing is changed before everything that can be checked is. Files that came after the backup stay: nothing names them.
Environment as for backup_web_ui.py. Ends with 1 and a line that begins with `error:` when it fails.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from backup_manifest import (
    BackupError,
    File,
    Manifest,
    checksum,
    damage,
    is_newer,
    names,
    read,
    say,
    size_text,
)
from backup_store import Store, StoreError, open_store
from backup_web_ui import SQLITE_FILE


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Exit code."""
    try:
        store = open_store(environment)
        match arguments:
            case ["list"]:
                say(json.dumps({"backups": [describe(store, name, environment) for name in names(store.sizes())]}))
            case ["restore", name]:
                restore(store, name, environment)
            case _:
                raise BackupError("the arguments are neither list nor restore NAME")
    except (BackupError, StoreError, OSError, sqlite3.Error) as error:
        say(f"error: {error}")
        return 1
    return 0


def describe(store: Store, name: str, environment: Mapping[str, str]) -> dict[str, object]:
    """A backup for the list; `problem` is why it cannot be restored, or null."""
    try:
        manifest = read(store, name)
    except BackupError as error:
        return {"name": name, "problem": str(error)}
    found: dict[str, object] = {
        "name": name,
        "completed": manifest.completed,
        "openWebUi": manifest.open_webui,
        "engine": manifest.engine,
        "files": len(manifest.files),
        "bytes": manifest.bytes,
        "problem": None,
    }
    try:
        check(manifest, store.sizes(), environment)
    except BackupError as error:
        found["problem"] = str(error)
    return found


def check(manifest: Manifest, sizes: Mapping[str, int], environment: Mapping[str, str]) -> None:
    """Raises BackupError when a backup is not whole, or not one for this stack."""
    name, version, engine = manifest.name, environment["OPEN_WEBUI_VERSION"], environment["DATABASE_ENGINE"]
    if manifest.engine != engine:
        raise BackupError(f"{name} is a backup of {manifest.engine}, and the stack has {engine}")
    if is_newer(manifest.open_webui, version):
        raise BackupError(
            f"{name} was made by Open WebUI {manifest.open_webui}, and the stack has {version}, which cannot read it: "
            f"set hearth:webUi.image to {manifest.open_webui} or newer and deploy that first"
        )
    if lacking := list(damage(manifest, sizes)):
        raise BackupError(f"{name} is not whole, {len(lacking)} objects, first {lacking[0]}: restore another backup")


def restore(store: Store, name: str, environment: Mapping[str, str]) -> None:
    """Files of a backup, and its database as far as this step goes."""
    sizes = store.sizes()
    known = names(sizes)
    if name not in known:
        raise BackupError(f"{store.place} has no backup {name}; it has {', '.join(known) or 'none at all'}")
    manifest = read(store, name)
    check(manifest, sizes, environment)
    data, work = Path(environment["DATA_DIR"]), Path(environment["BACKUP_WORK"])
    copy = work / "database"
    store.fetch(manifest.database_key, copy)
    if checksum(copy) != manifest.database_sha256:
        raise BackupError(f"the database of {name} is damaged in {store.place}: restore another backup")
    say(f"database of {name}: {size_text(manifest.database_size)}, as it was written")
    fetched = sum(restore_file(store, file, data) for file in manifest.files)
    say(f"files: {len(manifest.files)} in place, {fetched} of them fetched")
    if manifest.engine == "sqlite":
        replace_sqlite(copy, data / SQLITE_FILE)
        say("database: replaced")


def restore_file(store: Store, file: File, data: Path) -> bool:
    """Whether it had to be fetched. Raises BackupError when the stored content is damaged."""
    target = data / file.path
    if target.is_file() and target.stat().st_size == file.size and checksum(target) == file.sha256:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name[-100:]}.part")
    try:
        store.fetch(file.key, part)
        if checksum(part) != file.sha256:
            raise BackupError(f"{file.path} is damaged in {store.place}: restore another backup")
        # As it was: the next backup then knows the file by size and time.
        os.utime(part, ns=(file.modified, file.modified))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return True


def replace_sqlite(copy: Path, target: Path) -> None:
    """Puts a copy in the place of a database that nobody uses. Raises BackupError when somebody does."""
    with closing(sqlite3.connect(copy)) as database:
        if (verdict := database.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            raise BackupError(f"the database of the backup is damaged: {verdict}; restore another one")
    if target.exists():
        _refuse_while_used(target)
    part = target.with_name(f"{target.name}.part")
    part.write_bytes(b"")
    with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(part)) as written:
        source.backup(written)
    for suffix in ("-wal", "-shm"):
        # A log of the old database would be applied to the new one.
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    part.replace(target)


def _refuse_while_used(path: Path) -> None:
    """A database in WAL mode gives up its log only to its last user."""
    with closing(sqlite3.connect(path, timeout=5)) as database:
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("PRAGMA journal_mode = DELETE")
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise BackupError(f"{path} is in use ({error}): stop the web UI first") from error
        except sqlite3.DatabaseError:
            return  # damaged, which is why it is replaced


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
