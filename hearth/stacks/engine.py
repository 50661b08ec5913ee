"""Pulumi's engine on a developer's stack, whose state stays in its folder.

Importing this module loads the Pulumi SDK; import it only where an operation starts.
"""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

import pulumi.runtime
import yaml
from pulumi import automation
from pulumi.automation import CommandError

from hearth.evaluation import PROGRAM, run_program
from hearth.pulumi_cli import fetch, installed_cli, pulumi_home
from hearth.pulumi_engine import Cli, EngineError, Program, StackEngine, settings
from hearth.rehearsal.build import TOOLS
from hearth.rehearsal.cache import Progress, cache_directory, locked
from hearth.stacks.folder import StackFolder


def find_cli(directory: Path, on_progress: Progress) -> Path:
    """The Pulumi CLI on PATH if it is new enough, else the one in `directory`/.pulumi-cli, fetched where missing.

    Raises UserError when it cannot be fetched.
    """
    found = installed_cli(TOOLS["pulumi"].version)
    if found:
        return found
    target = directory.absolute() / ".pulumi-cli"
    with locked(cache_directory() / "pulumi-cli.lock", lambda: on_progress("waiting for another run to fetch Pulumi")):
        if not target.exists():
            on_progress("fetching the Pulumi CLI into .pulumi-cli")
        return fetch(target)


def program(directory: Path, secrets: Mapping[str, str]) -> Program:
    """The project's program, with `secrets` added to its config: they never stand in a file or on a command line."""

    def run() -> None:
        known: Mapping[str, str] = pulumi.runtime.config.CONFIG.get()
        pulumi.runtime.set_all_config({**known, **secrets}, list(secrets))
        run_program(directory)

    return run


def open_stack(folder: StackFolder, cli: Path, on_step: Progress, declare: Program = lambda: None) -> StackEngine:
    """The engine for a stack, which is made where the state does not have it yet. Raises UserError."""
    passphrase = folder.passphrase()
    _prepare(folder)
    try:
        workspace = automation.LocalWorkspace(
            work_dir=str(folder.path),
            pulumi_home=str(folder.home),
            program=declare,
            env_vars={
                "PULUMI_BACKEND_URL": folder.state.as_uri(),
                "PULUMI_CONFIG_PASSPHRASE": passphrase,
                "PULUMI_SKIP_UPDATE_CHECK": "true",
            },
            pulumi_command=Cli(cli, folder.path),
        )
        return StackEngine(automation.Stack.create_or_select(folder.name, workspace), on_step)
    except (CommandError, OSError, subprocess.CalledProcessError) as error:
        raise EngineError(f"Pulumi's engine ({cli}) cannot open stack {folder.name}: {error}") from None


def configure(folder: StackFolder, config: Mapping[str, str], left_out: Collection[str]) -> None:
    """Writes the stack's config for Pulumi, which keeps the salt of its passphrase in the same file."""
    file = folder.path / f"Pulumi.{folder.name}.yaml"
    plain = {key: value for key, value in config.items() if key not in left_out}
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "config": settings(plain)}))


def _prepare(folder: StackFolder) -> None:
    """The folder as a Pulumi project of its own, with the plugins that this user has anyway."""
    for path in (folder.state, folder.home):
        path.mkdir(exist_ok=True)
    project = yaml.safe_load((PROGRAM.parent / "Pulumi.yaml").read_text(encoding="utf-8"))
    project["main"] = str(PROGRAM.parent)
    project["runtime"]["options"]["virtualenv"] = str(PROGRAM.parent / ".venv")
    (folder.path / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    plugins = folder.home / "plugins"
    if not plugins.is_symlink():
        users = pulumi_home() / "plugins"
        shared = users if users.is_dir() else cache_directory() / "pulumi-plugins"
        shared.mkdir(parents=True, exist_ok=True)
        plugins.symlink_to(shared)
