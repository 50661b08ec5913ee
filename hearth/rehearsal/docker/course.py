"""The course of a Docker stack: preview, up, everything healthy, a second up that changes nothing, destroy."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from hearth.containers import containers, images, volumes
from hearth.evaluation import PROJECT, run_program
from hearth.planning.plan import Plan
from hearth.pulumi_cli import installed_cli
from hearth.pulumi_engine import Outcome
from hearth.rehearsal import causes
from hearth.rehearsal.build import TOOLS, ensure
from hearth.rehearsal.cache import Progress
from hearth.rehearsal.docker import engine as engines
from hearth.rehearsal.docker import observe
from hearth.rehearsal.docker.images import StandIn, ensure_images, stand_in
from hearth.rehearsal.docker.report import ContainerState, DockerReport, PortState
from hearth.rehearsal.engine import Engine
from hearth.rehearsal.errors import RehearsalError
from hearth.rehearsal.phases import BrokenError, Phases, TimeLimitError, kinds, time_limit
from hearth.rehearsal.provider.docker import DockerProvider
from hearth.rehearsal.provider.random import RandomProvider
from hearth.rehearsal.provider.server import serve
from hearth.rehearsal.report.model import Failure
from hearth.settings.loading import LoadedStack
from hearth.settings.stack import Settings

_NO_STAND_INS: Mapping[str, StandIn] = {}


@dataclass(frozen=True)
class Stage:
    """A Docker engine without the stack, and Pulumi's engine that can deploy it there."""

    plan: Plan
    docker: engines.Engine
    client: Any
    """A docker.APIClient."""
    engine: Engine


def rehearse(
    loaded: LoadedStack,
    plan: Plan,
    seconds: int,
    on_progress: Progress,
    *,
    stand_ins: Mapping[str, StandIn] = _NO_STAND_INS,
) -> DockerReport:
    """Rehearse a stack; what does not hold is in the report, as far as the course came.

    `stand_ins` replace those of Hearth, by the name of the image. Needs the main thread, for the time limit of
    `seconds`, which does not count what is made before. Raises RehearsalError when an engine cannot start.
    """
    settings = loaded.settings
    if settings is None:
        raise RehearsalError(f"{loaded.source} cannot be read")
    with ExitStack() as resources:
        stage = resources.enter_context(stand_up(loaded, plan, on_progress, stand_ins=stand_ins))
        course = _Course(stage, settings, on_progress)
        try:
            with time_limit(seconds):
                course.run()
        except BrokenError:
            pass
        except TimeLimitError as error:
            course.look()
            course.failures += course.troubles()
            course.failures.append(Failure(course.current, "rehearsal", str(error), ()))
        return DockerReport(
            stack=plan.stack,
            engine=f"Docker {stage.client.version()['Version']}",
            provider=f"pulumi-docker {metadata.version('pulumi_docker')} as Hearth's own provider does it",
            phases=tuple(course.phases),
            failures=tuple(course.failures),
            containers=course.containers,
            ports=course.ports,
            kinds=course.kinds,
            kept=course.kept,
            unproven=_unproven(plan),
        )


@contextmanager
def stand_up(
    loaded: LoadedStack, plan: Plan, on_progress: Progress, *, stand_ins: Mapping[str, StandIn] = _NO_STAND_INS
) -> Generator[Stage]:
    """An engine with stand-in images, and Pulumi's with the stack's program; both are gone afterwards."""
    if found := engines.obstacle():
        raise engines.DockerEngineError(found)
    pulumi = installed_cli(TOOLS["pulumi"].version) or ensure(("pulumi",), on_progress)["pulumi"]
    made = ensure_images({image: stand_ins.get(image) or stand_in(image) for image in images(plan)}, on_progress)
    with ExitStack() as resources:
        work = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="hearth-rehearsal-")))
        docker = resources.enter_context(engines.start(made))
        client = docker.client()
        resources.callback(client.close)
        providers = serve(DockerProvider(docker.client(), devices=False), RandomProvider())
        attached = resources.enter_context(providers)
        chosen = json.loads(loaded.config.get("hearth:docker", "{}"))
        engine = Engine(
            lambda: run_program(loaded.directory, rehearsed=True),
            project=PROJECT,
            stack=plan.stack,
            config={**loaded.config, "hearth:docker": json.dumps({**chosen, "host": docker.host})},
            pulumi=pulumi,
            directory=work,
            environment={"PULUMI_DEBUG_PROVIDERS": attached},
        )
        yield Stage(plan, docker, client, engine)


class _Course(Phases):
    """Runs the phases one after another and keeps what each found."""

    def __init__(self, stage: Stage, settings: Settings, on_progress: Progress) -> None:
        super().__init__(on_progress)
        self.containers: tuple[ContainerState, ...] = ()
        self.ports: tuple[PortState, ...] = ()
        self.kinds: Mapping[str, int] = {}
        self.kept: tuple[str, ...] = ()
        self._stage = stage
        self._settings = settings
        self._specs = containers(stage.plan)

    def run(self) -> None:
        """Raises BrokenError at the first phase that does not hold, TimeLimitError when time is up."""
        engine, client = self._stage.engine, self._stage.client
        before = observe.inventory(client)
        self._operate("preview", engine.preview)
        self._operate("up", engine.up)
        with self.phase("ready"):
            self.look()
            self.ports = self._stage.docker.within(lambda: observe.ports(self._specs))
            self.failures += self.troubles()
        with self.phase("state"):
            self.kinds = kinds(engine)
        self._operate("second up", engine.up, self.expect_unchanged)
        self._operate("destroy", engine.destroy)
        with self.phase("left over"):
            self._compare(before, observe.inventory(client))

    def look(self) -> None:
        """The containers as they are now, kept for the report."""
        self.containers = observe.containers(self._stage.client, self._specs)

    def troubles(self) -> list[Failure]:
        """Every container and port that is not as it should be."""
        found = [("container", item.name, item.trouble) for item in self.containers if item.trouble]
        found += [("port", f"{item.port} of {item.container}", item.trouble) for item in self.ports if item.trouble]
        return [self._failure(kind, name, message) for kind, name, message in found]

    def _failure(self, kind: str, name: str, message: str) -> Failure:
        settings = causes.settings_behind(kind, name, message, self._stage.plan, self._settings)
        return Failure(self.current, f"{kind} {name}", message, settings)

    def _operate(
        self, name: str, operation: Callable[[], Outcome], judge: Callable[[Outcome], None] | None = None
    ) -> None:
        with self.phase(name) as changes:
            outcome = operation()
            changes.update(outcome.changes)
            if not outcome.succeeded:
                self.failures += causes.engine_failures(name, outcome.errors, self._stage.plan, self._settings)
                if name == "up":
                    self.look()
            elif judge:
                judge(outcome)

    def _compare(self, before: observe.Inventory, after: observe.Inventory) -> None:
        retained = {f"volume {volume.name}" for volume in volumes(self._stage.plan) if volume.retain}
        left = sorted(after - before)
        self.kept = tuple(title.removeprefix("volume ") for title in left if title in retained)
        self.failures += [
            Failure(self.current, title, "destroy left it behind", ()) for title in left if title not in retained
        ]


def _unproven(plan: Plan) -> Mapping[str, str]:
    found = {"programs": "images are stand-ins: they start, answer and end as the real ones do, and compute nothing"}
    if plan.docker and plan.docker.gpu_ids:
        found["GPUs"] = "no container gets one here, whatever it asks for"
    return found
