"""The folder of a developer's stack, `.hearth/stacks/<name>/`: its record, its passphrase and Pulumi's state.

Only its owner can look into it.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from hearth.errors import UserError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Record:
    """What is remembered of a stack beside Pulumi's state. Times are in UTC."""

    source: str
    """The stack file that it was made from: dev is Pulumi.dev.yaml."""
    created: datetime
    expires: datetime
    ports: Mapping[str, int] = field(default_factory=dict[str, int])
    """Port of the host for each published workload."""
    docker_host: str | None = None
    """Address of the Docker engine that it runs on; None on a cluster."""


@dataclass(frozen=True)
class StackFolder:
    """Where everything of one stack lies."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def state(self) -> Path:
        """Pulumi's backend."""
        return self.path / "state"

    @property
    def home(self) -> Path:
        """Pulumi's home, so that a run writes nothing into the user's."""
        return self.path / "home"

    @property
    def passphrase_file(self) -> Path:
        return self.path / "passphrase"

    @property
    def record_file(self) -> Path:
        return self.path / "stack.json"

    @property
    def lock_file(self) -> Path:
        return self.path / "lock"

    def make(self) -> None:
        """Makes the folder where it is not there. Raises UserError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=stat.S_IRWXU, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{self.path} cannot be made: {error.strerror}. Work in a copy of the project that is your own."
            ) from None

    def remove(self) -> None:
        """Removes it with all that is in it, and folders above that are empty then."""
        shutil.rmtree(self.path)
        for folder in self.path.parents[:2]:
            try:
                folder.rmdir()
            except OSError:
                return

    def record(self) -> Record | None:
        """None where no run has come as far as to write one. Raises UserError for one that cannot be read."""
        try:
            fields = json.loads(self.record_file.read_text(encoding="utf-8"))
            return Record(
                source=fields["source"],
                created=datetime.fromisoformat(fields["created"]),
                expires=datetime.fromisoformat(fields["expires"]),
                ports=fields["ports"],
                docker_host=fields["docker_host"],
            )
        except FileNotFoundError:
            return None
        except PermissionError:
            raise UserError(f"{self.path} belongs to somebody else: choose another name, or another folder") from None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(
                f"{self.record_file} cannot be read ({type(error).__name__}: {error}): mend it, or remove the stack by "
                f"plain Pulumi ({self.pulumi_environment()} {self.pulumi_command('destroy')}) and then its folder"
            ) from None

    def write_record(self, record: Record) -> None:
        """In one step, so that a run that is killed leaves no half of it."""
        times = {"created": record.created.isoformat(), "expires": record.expires.isoformat()}
        unfinished = self.record_file.with_suffix(".new")
        unfinished.write_text(json.dumps({**asdict(record), **times}, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(self.record_file)

    def passphrase(self) -> str:
        """What the secrets in the state are encrypted with, made at the first call. Raises UserError."""
        if not self.state.exists():
            self._write_passphrase()
        try:
            mode = self.passphrase_file.stat().st_mode
            text = self.passphrase_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"{self.passphrase_file} cannot be read ({error}), and without it the stack's secrets cannot: make it "
                "readable for you alone (chmod 600)"
            ) from None
        if mode & _OTHERS:
            raise UserError(
                f"{self.passphrase_file} can be read by others (mode {stat.S_IMODE(mode):04o}): chmod 600 it. If "
                "somebody may have read it, make the stack anew afterwards: hearth down, then hearth up"
            )
        if not text:
            raise UserError(f"{self.passphrase_file} is empty, so the stack's secrets cannot be read: restore it")
        return text

    def pulumi_environment(self) -> str:
        """The variables with which plain Pulumi reads this stack, as a shell takes them."""
        passphrase = shlex.quote(str(self.passphrase_file))
        return f"PULUMI_BACKEND_URL={self.state.as_uri()} PULUMI_CONFIG_PASSPHRASE_FILE={passphrase}"

    def pulumi_command(self, arguments: str) -> str:
        """Plain Pulumi on this stack, as a shell takes it; for the version that Hearth uses, there is a link."""
        pulumi, folder = shlex.quote(str(self.path / "bin" / "pulumi")), shlex.quote(str(self.path))
        return f"{pulumi} -C {folder} {arguments} --stack {self.name}"

    def _write_passphrase(self) -> None:
        self.passphrase_file.unlink(missing_ok=True)
        number = os.open(self.passphrase_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
        with os.fdopen(number, "w") as file:
            file.write(secrets.token_urlsafe(32))


def stack_folder(directory: Path, name: str) -> StackFolder:
    """The folder of a stack of the project in `directory`, whether it exists or not."""
    return StackFolder(directory.absolute() / ".hearth" / "stacks" / name)


def stack_folders(directory: Path) -> tuple[StackFolder, ...]:
    """Folders of this user's stacks, sorted by name; those of others cannot be looked into."""
    found = sorted((directory.absolute() / ".hearth" / "stacks").glob("*/"))
    return tuple(StackFolder(path) for path in found if os.access(path, os.R_OK | os.X_OK))
