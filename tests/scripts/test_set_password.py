"""set_password.sh, on a real Postgres."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "hearth/planning/scripts/set_password.sh"
OWNER = "hearth"
UNPRIVILEGED = "nobody" if os.geteuid() == 0 else None
"""Postgres refuses to run as root."""


def programs() -> Path | None:
    """Folder of Postgres's programs."""
    on_path = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return Path(on_path).resolve().parent if on_path else installed[-1] if installed else None


@dataclass(frozen=True)
class Database:
    folder: Path
    port: int

    def run(self, *command: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a program of Postgres; `typed` is its standard input."""
        return subprocess.run(
            command,
            env={**self._environment(), **environment},
            user=UNPRIVILEGED,
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def set_password(self, password: str) -> subprocess.CompletedProcess[str]:
        return self.run("sh", str(self.folder / "set_password.sh"), POSTGRES_PASSWORD=password)

    def accepts(self, password: str) -> bool:
        """Whether the running server lets its owner in with this password."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self.run("pg_ctl", "-w", "-o", options, "-l", str(self.folder / "log"), "start").check_returncode()
        try:
            login = self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-c", "select 1", PGPASSWORD=password)
            return login.returncode == 0
        finally:
            self.run("pg_ctl", "-w", "-m", "fast", "stop")

    def _environment(self) -> Mapping[str, str]:
        return {
            "PATH": f"{programs()}:{os.environ['PATH']}",
            "PGDATA": str(self.folder / "data"),
            "PGUSER": OWNER,
            "PGDATABASE": OWNER,
            "POSTGRES_USER": OWNER,
            "POSTGRES_DB": OWNER,
        }


@pytest.fixture
def database() -> Iterator[Database]:
    if programs() is None:
        pytest.skip("Postgres is not installed on this machine")
    # Not pytest's own folder: that is closed to other users, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="hearth-postgres-"))
    folder.chmod(0o777)
    shutil.copy(SCRIPT, folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    yield Database(folder, port)
    shutil.rmtree(folder)


@pytest.fixture
def old_database(database: Database) -> Database:
    """One that was made with the password "old"."""
    (database.folder / "password").write_text("old")
    database.run(
        "initdb", "--no-sync", "-U", OWNER, "--pwfile", str(database.folder / "password"), "--auth=scram-sha-256"
    ).check_returncode()
    database.run("postgres", "--single", "postgres", typed=f"CREATE DATABASE {OWNER}\n").check_returncode()
    return database


def test_an_old_database_takes_the_new_password(old_database: Database) -> None:
    old_database.set_password("new").check_returncode()
    assert old_database.accepts("new")


def test_the_old_password_no_longer_works(old_database: Database) -> None:
    old_database.set_password("new").check_returncode()
    assert not old_database.accepts("old")


def test_an_empty_volume_is_left_to_the_image(database: Database) -> None:
    assert database.set_password("new").returncode == 0 and not (database.folder / "data").exists()


def test_the_password_is_not_printed(old_database: Database) -> None:
    done = old_database.set_password("marker-7c1")
    assert "marker-7c1" not in done.stdout + done.stderr


def test_a_damaged_volume_is_an_error(old_database: Database) -> None:
    (old_database.folder / "data/global/pg_control").unlink()
    assert old_database.set_password("new").returncode != 0
