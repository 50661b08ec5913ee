"""What `hearth up` and `hearth down` do. Importing this module loads the Pulumi SDK."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hearth.errors import UserError
from hearth.planning.host import DockerPlan
from hearth.planning.plan import Plan
from hearth.planning.stack import make_plan
from hearth.problems import ConfigurationError, Problem
from hearth.pulumi_engine import Outcome
from hearth.rehearsal.cache import Progress, cache_directory, locked
from hearth.settings.loading import LoadedStack, load_stack
from hearth.settings.stack_file import path_of
from hearth.settings.structure import ENCRYPTED
from hearth.stacks import names, ports
from hearth.stacks.engine import configure, find_cli, open_stack, program
from hearth.stacks.folder import Record, StackFolder, stack_folder, stack_folders
from hearth.stacks.lock import held
from hearth.stacks.recovery import recover
from hearth.stacks.remains import Remaining, remaining
from hearth.stacks.state import read_state

DEFAULT_SOURCE = "dev"
_TIME_TO_LIVE = timedelta(days=7)


@dataclass(frozen=True)
class Request:
    """What `hearth up` was asked for."""

    name: str | None = None
    """`<source>-<user>` when left out."""
    source: str | None = None
    """That of the stack, if it exists, when left out; else dev."""
    time_to_live: timedelta | None = None
    """Counted from now; a stack that exists keeps its own when left out."""
    overrides: Sequence[str] = ()


@dataclass(frozen=True)
class Deployed:
    """A stack after `hearth up`."""

    folder: StackFolder
    record: Record
    outcome: Outcome


@dataclass(frozen=True)
class Destroyed:
    """A stack after `hearth down`."""

    folder: StackFolder
    outcome: Outcome | None
    """None where nothing had been deployed."""
    remaining: tuple[Remaining, ...]


def up(directory: Path, request: Request, on_progress: Progress) -> Deployed:
    """Make a stack from a stack file in `directory`, or bring it up to date.

    Raises UserError, and ConfigurationError for a stack file that cannot be deployed; then no trace of it is left.
    """
    name = request.name or names.default_name(request.source or DEFAULT_SOURCE)
    names.check(name, directory)
    folder = stack_folder(directory, name)
    known = folder.record()
    if known and request.source not in (None, known.source):
        raise UserError(
            f"stack {name} was made from {known.source}, not from {request.source}: end it first (hearth down {name}), "
            "or give the new one another name"
        )
    source = known.source if known else request.source or DEFAULT_SOURCE
    loaded, plan = _load(directory, name, source, request.overrides)
    cli = find_cli(directory, on_progress)
    with held(folder, "up"):
        record = _remember(directory, folder, source, request.time_to_live, plan.docker)
        config = _with_ports(loaded.config, record.ports)
        secrets = {key: config[key] for key in loaded.secret_keys}
        engine = open_stack(folder, cli, on_progress, program(directory, secrets))
        recover(folder, engine, record.docker_host, on_progress)
        configure(folder, config, loaded.secret_keys)
        # Nothing else notices that a container was removed by hand; a cluster's controllers bring back what they made.
        outcome = engine.up(refresh=record.docker_host is not None)
        if not outcome.succeeded and not _has_anything(folder):
            folder.remove()
    return Deployed(folder, record, outcome)


def down(directory: Path, name: str, on_progress: Progress) -> Destroyed:
    """Destroy a stack and forget it; its folder stays when that fails. Raises UserError."""
    folder = stack_folder(directory, name)
    if not folder.path.exists():
        others = ", ".join(found.name for found in stack_folders(directory))
        raise UserError(f"there is no stack {name} in {directory.absolute()}; there is {others or 'none at all'}")
    record = folder.record()
    with held(folder, "down"):
        outcome = None
        left: tuple[Remaining, ...] = ()
        if _has_anything(folder):
            docker_host = record.docker_host if record else None
            engine = open_stack(folder, find_cli(directory, on_progress), on_progress)
            recover(folder, engine, docker_host, on_progress)
            left = remaining(read_state(folder), docker_host)
            outcome = engine.destroy()
        if outcome is None or outcome.succeeded:
            folder.remove()
    return Destroyed(folder, outcome, left)


def _load(directory: Path, name: str, source: str, overrides: Sequence[str]) -> tuple[LoadedStack, Plan]:
    """Refuses what cannot be deployed before anything is fetched, written or started."""
    loaded = load_stack(directory, source, [*overrides, f"namespace={names.namespace(name)}"])
    plan = make_plan(replace(loaded, stack=name))
    unreadable = [key for key in loaded.secret_keys if ENCRYPTED in loaded.config[key]]
    problems = [
        Problem(
            path_of(key),
            ENCRYPTED,
            f"holds something that is encrypted for stack {source}, which stack {name} cannot read",
            "give it with --config, such as --config huggingFace.token=$HF_TOKEN; it is written nowhere in plain",
        )
        for key in sorted(unreadable)
    ]
    if problems:
        raise ConfigurationError(loaded.locate(problems), loaded.source)
    return loaded, plan


def _remember(
    directory: Path, folder: StackFolder, source: str, time_to_live: timedelta | None, docker: DockerPlan | None
) -> Record:
    now = datetime.now(UTC)
    # Of two stacks that are made at the same time, the second sees what the first has chosen.
    with locked(cache_directory() / "ports.lock", lambda: None):
        known = folder.record() or Record(source, now, now + (time_to_live or _TIME_TO_LIVE))
        expires = now + time_to_live if time_to_live else known.expires
        chosen: Mapping[str, int] = {}
        if docker:
            records = [other.record() for other in stack_folders(directory) if other.path != folder.path]
            reserved = {port for record in records if record for port in record.ports.values()}
            chosen = ports.choose(docker.ports, docker.address, known.ports, reserved)
        record = replace(known, expires=expires, ports=chosen, docker_host=_docker_host(docker))
        folder.write_record(record)
    return record


def _docker_host(docker: DockerPlan | None) -> str | None:
    if docker is None:
        return None
    return docker.host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def _with_ports(config: Mapping[str, str], chosen: Mapping[str, int]) -> Mapping[str, str]:
    if not chosen:
        return config
    settings: dict[str, Any] = json.loads(config.get("hearth:docker") or "{}")
    return {**config, "hearth:docker": json.dumps({**settings, "publish": chosen})}


def _has_anything(folder: StackFolder) -> bool:
    state = read_state(folder)
    return bool(state.deployed or state.half_made)
