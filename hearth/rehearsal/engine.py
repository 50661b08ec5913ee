"""Pulumi's own engine for a rehearsal, with all state in one directory that the caller throws away.

Importing this module loads the Pulumi SDK; import it only where a rehearsal starts.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pulumi import automation
from pulumi.automation import CommandError

from hearth.pulumi_engine import Cli, EngineError, Program, StackEngine, settings


class Engine(StackEngine):
    """A stack that lives as long as its directory."""

    def __init__(
        self,
        program: Program,
        *,
        project: str,
        stack: str,
        config: Mapping[str, object],
        pulumi: Path,
        directory: Path,
        environment: Mapping[str, str],
        plugins: Path | None = None,
    ) -> None:
        """Creates the stack.

        `config` maps full keys (`hearth:models`) to plain values; `pulumi` is the CLI's binary; `directory` is empty
        and takes state, home and settings; `environment` is added to the CLI's, not to this process's; `plugins` is a
        folder of installed plugins, without which the engine only has the providers that `environment` attaches.
        Raises `EngineError`.
        """
        home = directory / "home"
        state = directory / "state"
        for folder in (home, state, directory / "work"):
            folder.mkdir()
        if plugins is not None:
            (home / "plugins").symlink_to(plugins)
        try:
            workspace = automation.LocalWorkspace(
                work_dir=str(directory / "work"),
                pulumi_home=str(home),
                program=program,
                env_vars={
                    "PULUMI_BACKEND_URL": state.as_uri(),
                    "PULUMI_CONFIG_PASSPHRASE": secrets.token_urlsafe(),
                    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                    "PULUMI_SKIP_UPDATE_CHECK": "true",
                    "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
                    # One write of the state at the end of an operation, not one a step: half the time of 300 resources.
                    "PULUMI_SKIP_CHECKPOINTS": "true",
                    **environment,
                },
                project_settings=automation.ProjectSettings(name=project, runtime="python"),
                stack_settings={stack: automation.StackSettings(config=settings(config))},
                pulumi_command=Cli(pulumi, directory),
            )
            super().__init__(automation.Stack.create(stack, workspace))
        except (CommandError, OSError, subprocess.CalledProcessError) as error:
            raise EngineError(f"Pulumi's engine ({pulumi}) cannot start: {error}") from None
