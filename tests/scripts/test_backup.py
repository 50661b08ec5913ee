"""The scripts of backup and restore, with SQLite and a volume."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.scripts.backup_site import Site, execute, manifest, next_backup, stored, titles
from tests.scripts.backup_site import succeed as must
from tests.scripts.clock import next_second


def test_rows_and_files_come_back(sqlite: Site) -> None:
    name = sqlite.back_up()
    execute(sqlite, "DELETE FROM chat")
    (sqlite.data / "uploads/1_notes.txt").unlink()
    sqlite.write("uploads/2_copy.txt", "other")
    sqlite.restore(name)
    assert titles(sqlite) == ["first"]
    assert (sqlite.data / "uploads/1_notes.txt").read_text() == (sqlite.data / "uploads/2_copy.txt").read_text()
    assert (sqlite.data / "cache/image/generations/3.png").read_text() == "picture"


def test_rows_come_back_after_the_data_folder_is_lost(sqlite: Site) -> None:
    name = sqlite.back_up()
    subprocess.run(["rm", "-r", sqlite.data], check=True)
    sqlite.data.mkdir()
    sqlite.restore(name)
    assert titles(sqlite) == ["first"] and (sqlite.data / "uploads/1_notes.txt").read_text() == "notes"


def test_a_database_in_use_is_copied_with_what_is_committed(sqlite: Site) -> None:
    with closing(sqlite3.connect(sqlite.data / "webui.db")) as user:
        user.execute("INSERT INTO chat VALUES ('committed')")
        user.commit()
        user.execute("INSERT INTO chat VALUES ('open')")
        name = sqlite.back_up()
        user.rollback()
    execute(sqlite, "DELETE FROM chat")
    sqlite.restore(name)
    assert titles(sqlite) == ["first", "committed"]


def test_a_database_in_use_is_not_replaced(sqlite: Site) -> None:
    name = sqlite.back_up()
    with closing(sqlite3.connect(sqlite.data / "webui.db")) as user:
        user.execute("BEGIN IMMEDIATE")
        assert "stop the web UI first" in sqlite.refusal(name)


def test_equal_contents_are_stored_once(sqlite: Site) -> None:
    sqlite.back_up()
    assert len([key for key in stored(sqlite) if key.startswith("files/")]) == 2


def test_a_second_backup_copies_only_what_is_new(sqlite: Site) -> None:
    sqlite.back_up()
    sqlite.write("uploads/4_new.txt", "new")
    next_second()
    assert "2/3 files: 1 new, 3 B" in must(sqlite.script("backup_web_ui.py"))


def test_derived_files_are_left_out(sqlite: Site) -> None:
    name = sqlite.back_up()
    assert "speech.mp3" not in manifest(sqlite, name).read_text()


def test_only_the_newest_are_kept(sqlite: Site) -> None:
    first = sqlite.back_up()
    (sqlite.data / "uploads/1_notes.txt").unlink()
    (sqlite.data / "uploads/2_copy.txt").unlink()
    second, third = next_backup(sqlite), next_backup(sqlite)
    assert [backup["name"] for backup in sqlite.list()] == [second, third]
    assert not [key for key in stored(sqlite) if first in key]
    assert len([key for key in stored(sqlite) if key.startswith("files/")]) == 1


def test_an_interrupted_run_is_no_backup_and_is_removed(sqlite: Site) -> None:
    root = Path(sqlite.place["BACKUP_VOLUME"], "hearth")
    for key in ("backups/20260101T000000Z/database", "backups/20260101T000000Z/database.part", "files/0123"):
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_text("half")
    assert sqlite.list() == []
    assert "has no backup 20260101T000000Z; it has none at all" in sqlite.refusal("20260101T000000Z")
    sqlite.back_up()
    assert not [key for key in stored(sqlite) if "20260101" in key or key.endswith("/0123")]


def test_a_run_that_fails_leaves_no_manifest(sqlite: Site) -> None:
    (sqlite.data / "webui.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    done = sqlite.script("backup_web_ui.py")
    assert done.returncode == 1 and "error: " in done.stdout and sqlite.list() == []


def test_a_web_ui_that_never_started_is_an_error(sqlite: Site) -> None:
    (sqlite.data / "webui.db").unlink()
    done = sqlite.script("backup_web_ui.py")
    assert done.returncode == 1 and "has the web UI started yet?" in done.stdout


def test_an_unknown_name_is_refused_with_those_that_there_are(sqlite: Site) -> None:
    name = sqlite.back_up()
    assert f"has no backup yesterday; it has {name}" in sqlite.refusal("yesterday")


def test_a_backup_of_a_newer_open_webui_is_refused(sqlite: Site) -> None:
    name = sqlite.back_up()
    sqlite.changes["OPEN_WEBUI_VERSION"] = "0.9.12"
    assert "was made by Open WebUI 0.12.4, and the stack has 0.9.12" in sqlite.refusal(name)
    assert "hearth:webUi.image" in sqlite.list()[0]["problem"]


def test_a_backup_of_an_older_open_webui_is_restored(sqlite: Site) -> None:
    name = sqlite.back_up()
    sqlite.changes["OPEN_WEBUI_VERSION"] = "0.13.0"
    sqlite.restore(name)


def test_a_backup_of_another_engine_is_refused(sqlite: Site) -> None:
    name = sqlite.back_up()
    sqlite.changes["DATABASE_ENGINE"] = "postgres"
    assert "is a backup of sqlite, and the stack has postgres" in sqlite.refusal(name)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[:-40], "is broken"),
        (lambda text: "[]", "is broken"),
        (lambda text: text.replace('"format": 1', '"format": 2'), "its format is 2"),
        (lambda text: text.replace('"engine"', '"motor"'), "is broken"),
        (lambda text: text.replace("uploads/1_notes", "uploads/../../etc/notes"), "outside of the folders"),
        (lambda text: text.replace("uploads/1_notes", "/etc/notes"), "outside of the folders"),
        (lambda text: text.replace('"name": "2', '"name": "1'), "it belongs to 1"),
    ],
)
def test_a_broken_manifest_is_refused(sqlite: Site, damage: Callable[[str], str], words: str) -> None:
    name = sqlite.back_up()
    path = manifest(sqlite, name)
    path.write_text(damage(path.read_text()))
    assert words in sqlite.refusal(name)
    assert sqlite.list()[0]["problem"]


def test_a_broken_manifest_keeps_its_contents_from_being_pruned(sqlite: Site) -> None:
    first = sqlite.back_up()
    whole = manifest(sqlite, first).read_text()
    manifest(sqlite, first).write_text("{")
    for file in (sqlite.data / "uploads").iterdir():
        file.unlink()
    next_second()
    assert "nothing is removed" in must(sqlite.script("backup_web_ui.py"))
    manifest(sqlite, first).write_text(whole)
    sqlite.restore(first)
    assert (sqlite.data / "uploads/1_notes.txt").read_text() == "notes"


def test_missing_contents_are_refused_before_anything_is_changed(sqlite: Site) -> None:
    name = sqlite.back_up()
    for key in stored(sqlite):
        if key.startswith("files/"):
            Path(sqlite.place["BACKUP_VOLUME"], "hearth", key).unlink()
    execute(sqlite, "INSERT INTO chat VALUES ('second')")
    assert "is not whole, 2 objects" in sqlite.refusal(name)
    assert titles(sqlite) == ["first", "second"]


def test_contents_that_rotted_are_refused(sqlite: Site) -> None:
    name = sqlite.back_up()
    for key in stored(sqlite):
        if key.startswith("files/"):
            path = Path(sqlite.place["BACKUP_VOLUME"], "hearth", key)
            path.write_bytes(b"X" * path.stat().st_size)
    (sqlite.data / "uploads/1_notes.txt").unlink()
    assert "uploads/1_notes.txt is damaged" in sqlite.refusal(name)
    assert not (sqlite.data / "uploads/1_notes.txt").exists()


def test_a_database_that_rotted_is_refused(sqlite: Site) -> None:
    name = sqlite.back_up()
    path = manifest(sqlite, name).with_name("database")
    path.write_bytes(b"X" * path.stat().st_size)
    assert f"the database of {name} is damaged" in sqlite.refusal(name)
    assert titles(sqlite) == ["first"]


def test_files_that_came_later_stay(sqlite: Site) -> None:
    name = sqlite.back_up()
    sqlite.write("uploads/9_later.txt", "later")
    sqlite.restore(name)
    assert (sqlite.data / "uploads/9_later.txt").exists()


def test_a_restore_can_be_repeated(sqlite: Site) -> None:
    name = sqlite.back_up()
    sqlite.restore(name)
    assert "3 in place, 0 of them fetched" in sqlite.restore(name)


def test_a_volume_that_cannot_be_written_is_named(sqlite: Site) -> None:
    Path(sqlite.place["BACKUP_VOLUME"]).write_text("a file")
    done = sqlite.script("backup_web_ui.py")
    assert done.returncode == 1 and f"the volume at {sqlite.place['BACKUP_VOLUME']} cannot be" in done.stdout


def test_no_place_at_all_is_an_error(sqlite: Site) -> None:
    sqlite.place = {}
    done = sqlite.script("restore_web_ui.py", "list")
    assert done.returncode == 1 and "neither BACKUP_VOLUME nor S3_ENDPOINT is set" in done.stdout
