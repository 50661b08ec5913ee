"""Runs the program of a stack without engine, cluster, network or credentials, and records every resource it registers.

The program is the real one and so is the SDK's runtime; only the resource monitor behind it is replaced. Plan,
manifests, policies and tests all read what is recorded here.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import runpy
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from pulumi import ResourceTransformationArgs
from pulumi.runtime import (
    Settings,
    configure,
    invoke,
    register_stack_transformation,
    run_in_stack,
    set_all_config,
)
from pulumi.runtime.mocks import MockEngine

from hearth import garbage
from hearth.recording import TURN, Invoke, Recorder, Resource, SecretPath

if TYPE_CHECKING:
    from hearth.settings.loading import LoadedStack

PROGRAM = Path(__file__).parent.parent / "__main__.py"
PROJECT = "hearth"
_RESOURCES_IN_FLIGHT = 256

_P = ParamSpec("_P")
_T = TypeVar("_T")


class EvaluationError(Exception):
    """The program, or something that it started and awaited, failed."""


@dataclass(frozen=True)
class Evaluation:
    """Everything that a program registered, and what it exports; equal for equal stacks."""

    resources: tuple[Resource, ...]
    """Sorted by URN: the order of registration is an accident of scheduling."""
    invokes: tuple[Invoke, ...]
    outputs: Mapping[str, Any]
    """The stack's outputs, secret values included."""
    secret_outputs: tuple[SecretPath, ...]
    """Paths within `outputs` whose values are secret."""

    @cached_property
    def _children(self) -> Mapping[str | None, tuple[Resource, ...]]:
        children: dict[str | None, list[Resource]] = {}
        for resource in self.resources:
            children.setdefault(resource.parent, []).append(resource)
        return {parent: tuple(found) for parent, found in children.items()}

    def of_type(self, token: str) -> tuple[Resource, ...]:
        """Resources with this type token, or with a token that ends in `:` and this name (`Deployment`)."""
        return tuple(r for r in self.resources if r.type == token or r.type.endswith(f":{token}"))

    def named(self, token: str, name: str) -> Resource:
        """The one resource of a type with this logical name; KeyError where there is none."""
        for resource in self.of_type(token):
            if resource.name == name:
                return resource
        raise KeyError(f"{token} {name}")

    def children_of(self, parent: Resource) -> tuple[Resource, ...]:
        """Resources whose parent is this one."""
        return self._children.get(parent.urn, ())

    def kubernetes_objects(self) -> tuple[Resource, ...]:
        """Resources that are Kubernetes objects: their `inputs` are the manifest."""
        return tuple(r for r in self.resources if r.type.startswith("kubernetes:") and "kind" in r.inputs)


def evaluate(loaded: LoadedStack) -> Evaluation:
    """Run the program for a stack.

    Raises EvaluationError when the program fails.
    """
    return record(
        lambda: run_program(loaded.directory, offline=True),
        stack=loaded.stack,
        config=loaded.config,
        secret_keys=loaded.secret_keys,
    )


def run_program(directory: Path, *, offline: bool = False, rehearsed: bool = False) -> None:
    """Run the program as Pulumi does, which starts it in the folder of the stack file; that is `directory` here.

    With `offline` it looks at nothing but the stack file and what that names. With `rehearsed` it does not ask whether
    the host can run the stack.
    """
    given = {"directory": directory, "offline": offline, "rehearsed": rehearsed}
    runpy.run_path(str(PROGRAM), init_globals=given, run_name="__main__")


def record(
    program: Callable[[], object],
    *,
    stack: str = "test",
    config: Mapping[str, str] | None = None,
    secret_keys: frozenset[str] = frozenset(),
) -> Evaluation:
    """Run any Pulumi program, as an update in which every value is known.

    `config` maps full keys to values as the engine hands them over (objects as JSON). The runtime's state is private to
    the run, and variables that would configure Pulumi or its providers are hidden from it. Raises EvaluationError when
    the program, an `apply` or a registration fails.
    """
    recorder = Recorder()

    def run() -> None:
        configure(
            Settings(
                project=PROJECT,
                stack=stack,
                monitor=recorder,
                engine=MockEngine(logging.getLogger(__name__)),
                dry_run=False,
                organization="organization",
                root_directory=str(PROGRAM.parent),
            )
        )
        set_all_config(dict(config or {}), sorted(secret_keys))
        _run_until_complete(program)

    with _hidden_environment():
        try:
            # A thread of its own: no event loop runs in it yet, and a new context keeps the runtime's state.
            with ThreadPoolExecutor(max_workers=1) as thread:
                thread.submit(Context().run, run).result()
        except Exception as error:
            raise EvaluationError(f"{type(error).__name__}: {error}") from error
    return Evaluation(
        resources=tuple(sorted(recorder.recorded, key=lambda resource: resource.urn)),
        invokes=tuple(recorder.invokes),
        outputs=recorder.outputs,
        secret_outputs=recorder.secret_outputs,
    )


def _run_until_complete(program: Callable[[], object]) -> None:
    async def main() -> None:
        register_stack_transformation(_turns())
        program()

    with asyncio.Runner() as runner, garbage.only_young():
        loop = runner.get_loop()
        loop.set_default_executor(_InlineExecutor())
        # After a failure, futures that waited for it are never awaited; the failure itself is what gets raised.
        loop.set_exception_handler(lambda _, __: None)
        asyncio.set_event_loop(loop)
        runner.run(run_in_stack(main))


def _turns() -> Callable[[ResourceTransformationArgs], None]:
    """Lets registrations finish while the program still declares resources.

    Otherwise those of a whole stack are in flight at once, which takes twice the memory, and the runtime's final wait
    for them takes time with their square. A synchronous invoke is how the SDK lets other work run.
    """
    count = itertools.count(1)

    def after_some(_: ResourceTransformationArgs) -> None:
        if next(count) % _RESOURCES_IN_FLIGHT == 0:
            invoke(TURN, {})

    return after_some


class _InlineExecutor(ThreadPoolExecutor):
    """Runs work at once on the calling thread: the monitor answers from memory, so a thread would only cost time."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        future: Future[_T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


@contextmanager
def _hidden_environment() -> Generator[None]:
    hidden = {key: value for key, value in os.environ.items() if key.startswith("PULUMI_") or key == "KUBECONFIG"}
    for key in hidden:
        del os.environ[key]
    try:
        yield
    finally:
        os.environ.update(hidden)
