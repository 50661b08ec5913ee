"""Pulumi's own engine on a program of this process.

Importing this module loads the Pulumi SDK; import it only where an operation starts.
"""

from __future__ import annotations

import gc
import json
import os
import re
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
from pulumi.automation.errors import create_command_error
from pulumi.automation.events import StepEventMetadata

from hearth.errors import UserError

Program = Callable[[], None]
"""Declares resources, as the body of a `__main__.py` does."""
OnStep = Callable[[str], None]
"""Receives one line for each resource that the engine begins to change."""

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
_QUIET_OPERATIONS = frozenset({"same", "read", "refresh"})


class EngineError(UserError):
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


class StackEngine:
    """One stack of one program. Operations run one at a time and return their `Outcome`, also when they fail."""

    def __init__(self, stack: automation.Stack, on_step: OnStep = lambda line: None) -> None:
        self._stack = stack
        self._on_step = on_step

    def preview(self) -> Outcome:
        return self._run(
            "preview", lambda record: self._stack.preview(on_event=record, parallel=_PARALLEL, color="never")
        )

    def up(self, *, refresh: bool = False) -> Outcome:
        """Brings the stack up to date; with `refresh` after looking what is there."""
        return self._run(
            "up",
            lambda record: self._stack.up(
                on_event=record,
                parallel=_PARALLEL,
                color="never",
                show_secrets=False,
                suppress_outputs=True,
                refresh=refresh or None,
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

    def cancel(self) -> None:
        """Removes the lock of an operation that was killed. Raises `EngineError`."""
        self._cli("the lock cannot be removed", "cancel", "--yes")

    def adopt(self, half_made: Mapping[str, str]) -> None:
        """Takes what a killed operation was creating into the state, as far as it exists, and forgets the rest.

        `half_made` maps URNs to the ids that the provider reads them by. Raises `EngineError`.
        """
        exported = self._export()
        deployment = exported["deployment"]
        pending = [operation["resource"] for operation in deployment.pop("pending_operations", [])]
        found = [resource for resource in pending if resource["urn"] in half_made]
        deployment["resources"] += [
            {**resource, "id": half_made[resource["urn"]], "outputs": resource["inputs"]} for resource in found
        ]
        file = Path(self._stack.workspace.work_dir, "adopted.json")
        file.write_text(json.dumps(exported))
        failure = "what was half made cannot be adopted"
        self._cli(failure, "stack", "import", "--file", str(file))
        file.unlink()
        # A refresh removes what the provider does not find.
        if targets := [f"--target={resource['urn']}" for resource in found]:
            self._cli(failure, "refresh", "--yes", "--skip-preview", *targets)

    def export_state(self) -> dict[str, Any]:
        """The stack's state as the engine stores it, secrets encrypted. Raises `EngineError`."""
        return self._export()["deployment"]

    def _export(self) -> dict[str, Any]:
        # The SDK's own export decrypts secrets.
        return json.loads(self._cli("the stack's state cannot be read", "stack", "export"))

    def _cli(self, failure: str, *arguments: str) -> str:
        """What the CLI answers to a command that the SDK does not have, or not so."""
        workspace = self._stack.workspace
        environment = {"PULUMI_HOME": str(workspace.pulumi_home), **workspace.env_vars}
        try:
            command = [*arguments, "--stack", self._stack.name]
            return workspace.pulumi_command.run(command, workspace.work_dir, environment).stdout
        except CommandError as error:
            raise EngineError(f"{failure}: {error}") from None

    def _run(self, operation: str, run: Callable[[OnEvent], object]) -> Outcome:
        recorder = _Recorder(self._on_step)
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

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step
        self._diagnostics: dict[Diagnostic, None] = {}  # ordered, each once
        self._summary: Mapping[str, int] | None = None
        self._finished: Counter[str] = Counter()

    def __call__(self, event: EngineEvent) -> None:
        if event.diagnostic_event is not None and event.diagnostic_event.severity in ("error", "warning"):
            diagnostic = event.diagnostic_event
            message = _plain(diagnostic.message)
            if message and not _SUMMARY.fullmatch(message):
                self._diagnostics[Diagnostic(diagnostic.severity, message, diagnostic.urn or "")] = None
        if event.resource_pre_event is not None:
            step = event.resource_pre_event.metadata
            operation = "keep" if _name(step.op) == "delete" and _stays(step) else _name(step.op)
            if operation not in _QUIET_OPERATIONS:
                self._on_step(f"{operation} {step.type} {step.urn.rsplit('::', 1)[-1]}")
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


def _stays(step: StepEventMetadata) -> bool:
    """Whether the engine only forgets a resource that it deletes."""
    return bool(step.old and step.old.retain_on_delete)


def _name(operation: object) -> str:
    return str(getattr(operation, "value", operation))


def _plain(message: str) -> str:
    """The message itself: without colours, wrapping and a Python trace."""
    return _WRAPPING.sub("", _COLOUR.sub("", message).split(_TRACE)[0]).strip()


def settings(config: Mapping[str, object]) -> dict[str, Any]:
    """Values as the SDK's settings file takes them: text as it is, everything else as JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


class Cli(automation.PulumiCommand):
    """The CLI as a child that ends when the wait for it is broken off."""

    def __init__(self, pulumi: Path, directory: Path) -> None:
        """`pulumi` is the binary; `directory` takes a link to it."""
        link = directory / "bin" / "pulumi"
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(pulumi)
        super().__init__(root=str(directory))

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
            raise create_command_error(result)
        return result


def _end(process: subprocess.Popen[str]) -> None:
    """Cancels the engine's operation, so that its state is written; kills it when it takes too long."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_CANCEL_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
