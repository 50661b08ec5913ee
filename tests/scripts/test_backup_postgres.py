"""The scripts of backup and restore, against a real Postgres with pgvector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import packages
from tests.scripts.backup_site import PASSWORD, SCRIPTS, Site, database, new_site
from tests.scripts.backup_site import succeed as must

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(packages.left_out() is not None, reason=packages.left_out() or ""),
]

SCRIPT = SCRIPTS / "backup_database.sh"
TABLES = """
CREATE EXTENSION vector;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE chat (id serial PRIMARY KEY, title text, mood mood, embedding vector(3));
CREATE VIEW titles AS SELECT title FROM chat;
INSERT INTO chat (title, mood, embedding) VALUES ('안녕', 'good', '[1,2,3]'), ('E''s \\ chat', 'bad', '[0,0,1]');
"""
ROWS = "SELECT * FROM chat ORDER BY id"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with database(tmp_path_factory.mktemp("postgres")) as running:
        yield running.port


@pytest.fixture
def postgres(server: int, tmp_path: Path) -> Site:
    site = new_site(tmp_path, port=server)
    site.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public;" + TABLES)
    return site


def test_rows_come_back(postgres: Site) -> None:
    before, name = postgres.sql(ROWS), postgres.back_up()
    postgres.sql("DELETE FROM chat; INSERT INTO chat (title) VALUES ('later')")
    postgres.restore(name)
    assert postgres.sql(ROWS) == before and "안녕" in before
    assert postgres.sql("SELECT count(*) FROM titles") == "2\n"


def test_rows_come_back_to_an_empty_database(postgres: Site) -> None:
    before, name = postgres.sql(ROWS), postgres.back_up()
    postgres.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    postgres.restore(name)
    assert postgres.sql(ROWS) == before


def test_vectors_are_searched_again(postgres: Site) -> None:
    name = postgres.back_up()
    postgres.restore(name)
    nearest = "SELECT title FROM chat ORDER BY embedding <-> '[1,2,2]' LIMIT 1"
    assert postgres.sql(nearest) == "안녕\n"


def test_numbers_go_on_where_they_were(postgres: Site) -> None:
    name = postgres.back_up()
    postgres.restore(name)
    assert postgres.sql("INSERT INTO chat (title) VALUES ('next') RETURNING id").startswith("3")


def test_tables_that_came_later_go(postgres: Site) -> None:
    """A migration of a newer version would fail to make them again."""
    name = postgres.back_up()
    postgres.sql("CREATE TABLE newer (id serial, chat int REFERENCES chat); CREATE TYPE later AS ENUM ('x')")
    postgres.restore(name)
    assert postgres.sql("SELECT to_regclass('newer') IS NULL AND to_regtype('later') IS NULL") == "t\n"


def test_a_copy_that_is_cut_off_changes_nothing(postgres: Site) -> None:
    before = postgres.sql(ROWS)
    postgres.back_up()
    copy = postgres.root / "work/database"
    copy.write_bytes(copy.read_bytes()[: int(copy.stat().st_size * 0.97)])
    done = postgres.script("restore_database.sh")
    assert done.returncode != 0 and postgres.sql(ROWS) == before


def test_the_password_is_on_no_command_line_and_not_printed(postgres: Site, tmp_path: Path) -> None:
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


def test_a_wrong_password_is_an_error(postgres: Site) -> None:
    wrong = postgres.env["DATABASE_URL"].replace("s3cret", "x")
    done = postgres.run("env", f"DATABASE_URL={wrong}", "bash", str(SCRIPT))
    assert done.returncode != 0 and "password authentication failed" in done.stdout


def test_a_server_that_is_newer_than_the_tools_is_explained(postgres: Site, tmp_path: Path) -> None:
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.4 (Debian 15.4-1)'\n")
    old.chmod(0o755)
    done = postgres.run("bash", "-c", f'PATH="{tmp_path}:$PATH" exec bash "$0"', str(SCRIPT))
    assert done.returncode == 1 and "hearth:backup.toolsImage" in done.stdout


def test_a_role_that_owns_no_extension_restores(postgres: Site) -> None:
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
