"""A web tier's data and a place for its backups on this machine, with the scripts run as their containers run them."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hearth.rehearsal.cache import cache_directory, ensure_directory
from tests.live import packages
from tests.live.processes import Program, free_port
from tests.live.rendering import Rendered
from tests.live.servers import Server, postgres, postgres_programs
from tests.scripts.clock import next_second

SCRIPTS = Path(__file__).parents[2] / "hearth/planning/scripts"
_MOTO = "moto[server]==5.2.5"
OWNER = "hearth"
PASSWORD = "s3cret/of:the@owner"
"""Stands percent-encoded in a URL."""
_ENCODED = "s3cret%2Fof%3Athe%40owner"


def tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


@contextmanager
def database(folder: Path) -> Iterator[Server]:
    """A running Postgres with pgvector."""
    env = {"POSTGRES_USER": OWNER, "POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": OWNER, "TZ": "UTC"}
    with postgres(Rendered((), env, {}, 512, 1), folder, packages.tools(tell)) as server:
        yield server


def database_programs() -> Path:
    return postgres_programs(packages.tools(tell))


def boto_python() -> str:
    """Open WebUI's own Python: it has boto3, as its image does."""
    return str(packages.open_webui(packages.open_webui_version(), tell))


@contextmanager
def object_server(folder: Path) -> Iterator[str]:
    """URL of an S3-compatible server."""

    def install(target: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--target", target, _MOTO], check=True)

    name = f"moto-{hashlib.sha256(_MOTO.encode()).hexdigest()[:12]}"
    library = ensure_directory(cache_directory() / "live" / name, install, lambda: None)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(library), "HOME": str(folder)}
    program = Program("moto", argv, env=env, log=folder / "moto.log")
    try:
        program.wait_until(lambda: _answers(url), 60, "ready")
        yield url
    finally:
        program.stop()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/moto-api/", timeout=2).close()
    except (OSError, urllib.error.URLError):
        return False
    return True


@dataclass
class Site:
    """DATA_DIR, the scratch folder, and what the containers' environment says."""

    root: Path
    place: Mapping[str, str]
    python: str = sys.executable
    port: int | None = None
    """Of Postgres; None with SQLite."""
    changes: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def env(self) -> dict[str, str]:
        env = {
            "BACKUP_STACK": "test",
            "BACKUP_KEEP": "2",
            "BACKUP_WORK": str(self.root / "work"),
            "DATA_DIR": str(self.data),
            "DATABASE_ENGINE": "postgres" if self.port else "sqlite",
            "OPEN_WEBUI_VERSION": "0.12.4",
            **self.place,
            **self.changes,
        }
        if self.port:
            env["DATABASE_URL"] = f"postgresql://{OWNER}:{_ENCODED}@127.0.0.1:{self.port}/{OWNER}"
        return env

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """A script, in a scratch folder of its own as each pod has one."""
        path = f"{database_programs()}:{os.environ['PATH']}" if self.port else os.environ["PATH"]
        env = {**self.env, "PATH": path, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            argv, env=env, cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
        )

    def script(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = "bash" if name.endswith(".sh") else self.python
        return self.run(program, str(SCRIPTS / name), *arguments)

    def back_up(self) -> str:
        """Name of a new backup."""
        if self.port:
            succeed(self.script("backup_database.sh"))
        succeed(self.script("backup_web_ui.py"))
        return self.list()[-1]["name"]

    def restore(self, name: str) -> str:
        """What the steps print."""
        for left in (self.root / "work").iterdir():
            left.unlink()
        printed = succeed(self.script("restore_web_ui.py", "restore", name))
        return printed + (succeed(self.script("restore_database.sh")) if self.port else "")

    def list(self) -> list[Any]:
        return json.loads(succeed(self.script("restore_web_ui.py", "list")).splitlines()[-1])["backups"]

    def refusal(self, name: str) -> str:
        """The error of a restore that has to fail."""
        done = self.script("restore_web_ui.py", "restore", name)
        assert done.returncode == 1, done.stdout
        return done.stdout

    def sql(self, statements: str) -> str:
        url = self.env["DATABASE_URL"]
        return succeed(self.run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statements))

    def write(self, path: str, content: str) -> None:
        target = self.data / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)


def succeed(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout
    return done.stdout


def new_site(root: Path, **options: object) -> Site:
    for name in ("data", "work"):
        (root / name).mkdir()
    site = Site(root, {"BACKUP_VOLUME": str(root / "volume")}, **options)  # pyright: ignore[reportArgumentType]
    site.write("uploads/1_notes.txt", "notes")
    site.write("uploads/2_copy.txt", "notes")
    site.write("cache/image/generations/3.png", "picture")
    site.write("cache/audio/speech.mp3", "derived")
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


def next_backup(site: Site) -> str:
    """A backup whose name differs from the one before."""
    next_second()
    return site.back_up()


def stored(site: Site) -> list[str]:
    """Keys of the volume."""
    root = Path(site.place["BACKUP_VOLUME"], "hearth")
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def manifest(site: Site, name: str) -> Path:
    return Path(site.place["BACKUP_VOLUME"], "hearth/backups", name, "manifest.json")
