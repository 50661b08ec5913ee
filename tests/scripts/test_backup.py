"""The scripts of backup and restore, against a real Postgres with pgvector, SQLite and an S3-compatible server."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.live import packages
from tests.scripts.backup_site import PASSWORD, Site, boto_python, database, object_server
from tests.scripts.backup_site import succeed as must

live = [
    pytest.mark.live,
    pytest.mark.skipif(packages.left_out() is not None, reason=packages.left_out() or ""),
]

TABLES = """
CREATE EXTENSION vector;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE chat (id serial PRIMARY KEY, title text, mood mood, embedding vector(3));
CREATE VIEW titles AS SELECT title FROM chat;
INSERT INTO chat (title, mood, embedding) VALUES ('안녕', 'good', '[1,2,3]'), ('E''s \\ chat', 'bad', '[0,0,1]');
"""
ROWS = "SELECT * FROM chat ORDER BY id"


def new_site(root: Path, **options: object) -> Site:
    for name in ("data", "work"):
        (root / name).mkdir()
    site = Site(root, {"BACKUP_VOLUME": str(root / "volume")}, **options)  # pyright: ignore[reportArgumentType]
    site.write("uploads/1_notes.txt", "notes")
    site.write("uploads/2_copy.txt", "notes")
    site.write("cache/image/generations/3.png", "picture")
    site.write("cache/audio/speech.mp3", "derived")
    return site


@pytest.fixture
def sqlite(tmp_path: Path) -> Site:
    site = new_site(tmp_path)
    execute(site, "CREATE TABLE chat (title text)", "INSERT INTO chat VALUES ('first')")
    return site


def execute(site: Site, *statements: str) -> None:
    with closing(sqlite3.connect(site.data / "webui.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def titles(site: Site) -> list[str]:
    with closing(sqlite3.connect(site.data / "webui.db")) as connection:
        return [title for (title,) in connection.execute("SELECT title FROM chat ORDER BY rowid")]


def next_second(site: Site) -> str:
    """A backup whose name differs from the one before."""
    time.sleep(1.1)
    return site.back_up()


def stored(site: Site) -> list[str]:
    """Keys of the volume."""
    root = Path(site.place["BACKUP_VOLUME"], "hearth")
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def manifest(site: Site, name: str) -> Path:
    return Path(site.place["BACKUP_VOLUME"], "hearth/backups", name, "manifest.json")


# SQLite and a volume


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
    time.sleep(1.1)
    assert "2/3 files: 1 new, 3 B" in must(sqlite.script("backup_web_ui.py"))


def test_derived_files_are_left_out(sqlite: Site) -> None:
    name = sqlite.back_up()
    assert "speech.mp3" not in manifest(sqlite, name).read_text()


def test_only_the_newest_are_kept(sqlite: Site) -> None:
    first = sqlite.back_up()
    (sqlite.data / "uploads/1_notes.txt").unlink()
    (sqlite.data / "uploads/2_copy.txt").unlink()
    second, third = next_second(sqlite), next_second(sqlite)
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
    time.sleep(1.1)
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


# Postgres


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with database(tmp_path_factory.mktemp("postgres")) as running:
        yield running.port


@pytest.fixture
def postgres(server: int, tmp_path: Path) -> Site:
    site = new_site(tmp_path, port=server)
    site.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public;" + TABLES)
    return site


class TestPostgres:
    pytestmark = live

    def test_rows_come_back(self, postgres: Site) -> None:
        before, name = postgres.sql(ROWS), postgres.back_up()
        postgres.sql("DELETE FROM chat; INSERT INTO chat (title) VALUES ('later')")
        postgres.restore(name)
        assert postgres.sql(ROWS) == before and "안녕" in before
        assert postgres.sql("SELECT count(*) FROM titles") == "2\n"

    def test_rows_come_back_to_an_empty_database(self, postgres: Site) -> None:
        before, name = postgres.sql(ROWS), postgres.back_up()
        postgres.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        postgres.restore(name)
        assert postgres.sql(ROWS) == before

    def test_vectors_are_searched_again(self, postgres: Site) -> None:
        name = postgres.back_up()
        postgres.restore(name)
        nearest = "SELECT title FROM chat ORDER BY embedding <-> '[1,2,2]' LIMIT 1"
        assert postgres.sql(nearest) == "안녕\n"

    def test_numbers_go_on_where_they_were(self, postgres: Site) -> None:
        name = postgres.back_up()
        postgres.restore(name)
        assert postgres.sql("INSERT INTO chat (title) VALUES ('next') RETURNING id").startswith("3")

    def test_tables_that_came_later_go(self, postgres: Site) -> None:
        """A migration of a newer version would fail to make them again."""
        name = postgres.back_up()
        postgres.sql("CREATE TABLE newer (id serial, chat int REFERENCES chat); CREATE TYPE later AS ENUM ('x')")
        postgres.restore(name)
        assert postgres.sql("SELECT to_regclass('newer') IS NULL AND to_regtype('later') IS NULL") == "t\n"

    def test_a_copy_that_is_cut_off_changes_nothing(self, postgres: Site) -> None:
        before = postgres.sql(ROWS)
        postgres.back_up()
        copy = postgres.root / "work/database"
        copy.write_bytes(copy.read_bytes()[: int(copy.stat().st_size * 0.97)])
        done = postgres.script("restore_database.sh")
        assert done.returncode != 0 and postgres.sql(ROWS) == before

    def test_the_password_is_on_no_command_line_and_not_printed(self, postgres: Site, tmp_path: Path) -> None:
        recorder = tmp_path / "bin"
        recorder.mkdir()
        for program in ("pg_dump", "psql"):
            path = recorder / program
            path.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/seen\nPATH="${{PATH#*:}}" exec {program} "$@"\n')
            path.chmod(0o755)
        done = postgres.run("bash", "-c", f'PATH="{recorder}:$PATH" exec bash "$0"', str(SCRIPT))
        seen = (tmp_path / "seen").read_text()
        assert done.returncode == 0 and "postgresql://hearth@127.0.0.1" in seen
        for word in (PASSWORD, "s3cret"):
            assert word not in seen + done.stdout

    def test_a_wrong_password_is_an_error(self, postgres: Site) -> None:
        wrong = postgres.env["DATABASE_URL"].replace("s3cret", "x")
        done = postgres.run("env", f"DATABASE_URL={wrong}", "bash", str(SCRIPT))
        assert done.returncode != 0 and "password authentication failed" in done.stdout

    def test_a_server_that_is_newer_than_the_tools_is_explained(self, postgres: Site, tmp_path: Path) -> None:
        old = tmp_path / "pg_dump"
        old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.4 (Debian 15.4-1)'\n")
        old.chmod(0o755)
        done = postgres.run("bash", "-c", f'PATH="{tmp_path}:$PATH" exec bash "$0"', str(SCRIPT))
        assert done.returncode == 1 and "hearth:backup.toolsImage" in done.stdout

    def test_a_role_that_owns_no_extension_restores(self, postgres: Site) -> None:
        """As with a server of somebody else, where an administrator made the extension."""
        postgres.sql("DROP ROLE IF EXISTS app; CREATE ROLE app LOGIN PASSWORD 'app'")
        postgres.sql("ALTER TABLE chat OWNER TO app; ALTER VIEW titles OWNER TO app; ALTER TYPE mood OWNER TO app")
        postgres.sql("ALTER SCHEMA public OWNER TO app")
        before, name = postgres.sql(ROWS), postgres.back_up()
        postgres.sql("DELETE FROM chat")
        url = f"postgresql://app:app@127.0.0.1:{postgres.port}/hearth"
        must(postgres.script("restore_web_ui.py", "restore", name))
        must(postgres.run("env", f"DATABASE_URL={url}", "bash", str(SCRIPT.with_name("restore_database.sh"))))
        assert postgres.sql(ROWS) == before


SCRIPT = Path(__file__).parents[2] / "hearth/planning/scripts/backup_database.sh"


# S3


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with object_server(tmp_path_factory.mktemp("s3")) as url:
        yield url


@pytest.fixture
def bucket(objects: str, sqlite: Site) -> Site:
    sqlite.python = boto_python()
    sqlite.place = {
        "S3_ENDPOINT": objects,
        "S3_BUCKET": sqlite.root.name.lower().replace("_", "-"),
        "S3_REGION": "us-east-1",
        "S3_PREFIX": "hearth-test",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "marker-7c1",
    }
    return sqlite


def make_bucket(site: Site) -> Site:
    call = f"boto3.client('s3', endpoint_url='{site.place['S3_ENDPOINT']}', region_name='us-east-1')"
    must(site.run(site.python, "-c", f"import boto3; {call}.create_bucket(Bucket='{site.place['S3_BUCKET']}')"))
    return site


class TestBucket:
    pytestmark = live

    def test_rows_and_files_come_back(self, bucket: Site) -> None:
        name = make_bucket(bucket).back_up()
        subprocess.run(["rm", "-r", bucket.data], check=True)
        bucket.data.mkdir()
        bucket.restore(name)
        assert titles(bucket) == ["first"] and (bucket.data / "uploads/1_notes.txt").read_text() == "notes"

    def test_only_the_newest_are_kept(self, bucket: Site) -> None:
        make_bucket(bucket).back_up()
        second, third = next_second(bucket), next_second(bucket)
        assert [backup["name"] for backup in bucket.list()] == [second, third]

    def test_files_of_several_parts_come_back(self, bucket: Site) -> None:
        content = os.urandom(20 * 2**20)
        (bucket.data / "uploads/5_large").write_bytes(content)
        name = make_bucket(bucket).back_up()
        (bucket.data / "uploads/5_large").unlink()
        bucket.restore(name)
        assert (bucket.data / "uploads/5_large").read_bytes() == content

    def test_other_objects_of_the_bucket_stay(self, bucket: Site) -> None:
        make_bucket(bucket).back_up()
        bucket.place = {**bucket.place, "S3_PREFIX": "hearth-other"}
        bucket.back_up()
        bucket.place = {**bucket.place, "S3_PREFIX": "hearth-test"}
        assert len(bucket.list()) == 1 and not bucket.list()[0]["problem"]

    def test_a_missing_bucket_is_explained(self, bucket: Site) -> None:
        done = bucket.script("backup_web_ui.py")
        assert done.returncode == 1 and "correct hearth:backup.to.s3.bucket" in done.stdout
        assert "marker-7c1" not in done.stdout

    def test_a_server_out_of_reach_is_explained(self, bucket: Site) -> None:
        bucket.place = {**bucket.place, "S3_ENDPOINT": "http://127.0.0.1:9"}
        done = bucket.script("backup_web_ui.py")
        assert done.returncode == 1 and "check hearth:backup.to.s3.endpoint" in done.stdout


def test_no_place_at_all_is_an_error(sqlite: Site) -> None:
    sqlite.place = {}
    done = sqlite.script("restore_web_ui.py", "list")
    assert done.returncode == 1 and "neither BACKUP_VOLUME nor S3_ENDPOINT is set" in done.stdout
