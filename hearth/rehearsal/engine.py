"""Pulumi's own engine on a program of this process, with all state in one directory that the caller throws away.

Importing this module loads the Pulumi SDK; import it only where a rehearsal starts.
"""

from __future__ import annotations

import gc
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi import automation
from pulumi.automation import CommandError, CommandResult, EngineEvent, OnEvent

from hearth.rehearsal.errors import RehearsalError

Program = Callable[[], None]
"""Declares resources, as the body of a `__main__.py` does."""

_PARALLEL = 128  # most operations only wait for an object to become ready
_CANCEL_SECONDS = 30.0
_COLOUR = re.compile(r"<\{%.*?%\}>")
_TRACE = "Traceback (most recent call last)"
# What the engine and the SDK put around a message, and what the engine says in addition to the message itself.
_WRAPPING = re.compile(
    r"^(?:Preview failed: |an unhandled error occurred: |Exception calling application: "
    r"|python inline source runtime error: |1 error occurred:\s+\* )+"
)
_SUMMARY = re.compile(r"(?:preview|update|destroy) failed")
_EPHEMERAL_OPERATIONS = frozenset({"create-replacement", "delete-replaced", "discard-replaced"})


class EngineError(RehearsalError):
    """The engine could not be started or its state not be read."""


@dataclass(frozen=True)
class Diagnostic:
    """An error or warning of the engine; `urn` is empty where it concerns no single resource."""

    severity: str
    message: str
    urn: str = ""

    @property
    def type(self) -> str:
        return self.urn.split("::")[2].rsplit("$", 1)[-1] if self.urn else ""

    @property
    def name(self) -> str:
        return self.urn.split("::", 3)[3] if self.urn else ""


@dataclass(frozen=True)
class Outcome:
    """What one operation did.

    `changes` counts resources by operation (create, update, replace, delete, same ...); `outputs` are the stack's,
    without the secret ones.
    """

    operation: str
    succeeded: bool
    seconds: float
    changes: Mapping[str, int]
    diagnostics: tuple[Diagnostic, ...] = ()
    outputs: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(diagnostic for diagnostic in self.diagnostics if diagnostic.severity == "error")

    @property
    def changed(self) -> Mapping[str, int]:
        """`changes` without the resources that stayed the same."""
        return {operation: count for operation, count in self.changes.items() if operation != "same"}


class Engine:
    """One stack of one program. Operations run one at a time and return their `Outcome`, also when they fail."""

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
        for folder in (home, state, directory / "bin", directory / "work"):
            folder.mkdir()
        # The SDK expects the binary under this name.
        (directory / "bin" / "pulumi").symlink_to(pulumi)
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
                stack_settings={stack: automation.StackSettings(config=_settings(config))},
                pulumi_command=_Cli(root=str(directory)),
            )
            self._stack = automation.Stack.create(stack, workspace)
        except (CommandError, OSError, subprocess.CalledProcessError) as error:
            raise EngineError(f"Pulumi's engine ({pulumi}) cannot start: {error}") from None

    def preview(self) -> Outcome:
        return self._run(
            "preview", lambda record: self._stack.preview(on_event=record, parallel=_PARALLEL, color="never")
        )

    def up(self) -> Outcome:
        return self._run(
            "up",
            lambda record: self._stack.up(
                on_event=record, parallel=_PARALLEL, color="never", show_secrets=False, suppress_outputs=True
            ),
        )

    def destroy(self, *, exclude_protected: bool = False) -> Outcome:
        """Deletes every resource; with `exclude_protected` all but the protected ones, which are an error otherwise."""
        return self._run(
            "destroy",
            lambda record: self._stack.destroy(
                on_event=record,
                parallel=_PARALLEL,
                color="never",
                show_secrets=False,
                suppress_outputs=True,
                exclude_protected=exclude_protected or None,
            ),
        )

    def export_state(self) -> dict[str, Any]:
        """The stack's state as the engine stores it, secrets encrypted. Raises `EngineError`."""
        workspace = self._stack.workspace
        environment = {"PULUMI_HOME": str(workspace.pulumi_home), **workspace.env_vars}
        try:
            # The SDK's own export decrypts secrets.
            exported = workspace.pulumi_command.run(
                ["stack", "export", "--stack", self._stack.name], workspace.work_dir, environment
            )
        except CommandError as error:
            raise EngineError(f"the stack's state cannot be read: {error}") from None
        return json.loads(exported.stdout)["deployment"]

    def _run(self, operation: str, run: Callable[[OnEvent], object]) -> Outcome:
        recorder = _Recorder()
        started = time.monotonic()
        outputs: dict[str, object] = {}
        failure = ""
        try:
            result = run(recorder)
        except CommandError as error:
            failure = str(error)
            _discard_program()
        except BaseException:
            _discard_program()
            raise
        else:
            if isinstance(result, automation.UpResult):
                outputs = {name: output.value for name, output in result.outputs.items() if not output.secret}
        diagnostics = recorder.diagnostics()
        if failure and not any(diagnostic.severity == "error" for diagnostic in diagnostics):
            diagnostics += (Diagnostic("error", failure),)
        seconds = time.monotonic() - started
        return Outcome(operation, not failure, seconds, recorder.changes(), diagnostics, outputs)


def _discard_program() -> None:
    """Ends what the SDK leaves of a program whose deployment failed: coroutines of a loop that is closed already.

    Collected later, at any time, each would print a traceback about that.
    """
    hook = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None
    try:
        gc.collect()
    finally:
        sys.unraisablehook = hook


class _Recorder:
    """Keeps what the engine reports."""

    def __init__(self) -> None:
        self._diagnostics: dict[Diagnostic, None] = {}  # ordered, each once
        self._summary: Mapping[str, int] | None = None
        self._finished: Counter[str] = Counter()

    def __call__(self, event: EngineEvent) -> None:
        if event.diagnostic_event is not None and event.diagnostic_event.severity in ("error", "warning"):
            diagnostic = event.diagnostic_event
            message = _plain(diagnostic.message)
            if message and not _SUMMARY.fullmatch(message):
                self._diagnostics[Diagnostic(diagnostic.severity, message, diagnostic.urn or "")] = None
        if event.summary_event is not None:
            self._summary = {str(_name(op)): count for op, count in event.summary_event.resource_changes.items()}
        if event.res_outputs_event is not None:
            self._finished[_name(event.res_outputs_event.metadata.op)] += 1

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(self._diagnostics)

    def changes(self) -> Mapping[str, int]:
        """The engine's own count; of a failed operation, what was finished."""
        if self._summary is not None:
            return self._summary
        return {op: count for op, count in self._finished.items() if op not in _EPHEMERAL_OPERATIONS}


def _name(operation: object) -> str:
    return str(getattr(operation, "value", operation))


def _plain(message: str) -> str:
    """The message itself: without colours, wrapping and a Python trace."""
    return _WRAPPING.sub("", _COLOUR.sub("", message).split(_TRACE)[0]).strip()


def _settings(config: Mapping[str, object]) -> dict[str, Any]:
    """Values as the SDK's settings file takes them: text as it is, everything else as JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


class _Cli(automation.PulumiCommand):
    """The CLI as a child that ends when the wait for it is broken off."""

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> CommandResult:
        # In a session of its own, so that Ctrl-C at the terminal reaches only this process, which then ends the engine.
        with subprocess.Popen(
            [self.command, "--non-interactive", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            encoding="utf-8",
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = process.communicate()
            except BaseException:
                _end(process)
                raise
        result = CommandResult(stdout=stdout, stderr=stderr, code=process.returncode)
        if process.returncode != 0:
            raise CommandError(result)
        return result


def _end(process: subprocess.Popen[str]) -> None:
    """Cancels the engine's operation, so that its state is written; kills it when it takes too long."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_CANCEL_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def installed_cli(oldest: str) -> Path | None:
    """The Pulumi CLI on PATH, if it is at least the version `oldest` (such as v3.246.0)."""
    found = shutil.which("pulumi")
    if found is None:
        return None
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run([found, "version"], env=environment, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Path(found) if answer.returncode == 0 and _numbers(answer.stdout) >= _numbers(oldest) else None


def official_plugin(name: str) -> Path | None:
    """The newest installed plugin of a provider, `resource-<name>-v<version>` in Pulumi's plugin directory."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    found = [path for path in home.glob(f"plugins/resource-{name}-v*") if path.is_dir()]
    return max(found, key=lambda plugin: _numbers(plugin.name.rsplit("-v", 1)[-1]), default=None)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))
