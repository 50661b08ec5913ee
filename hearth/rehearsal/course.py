"""The course of a rehearsal: preview, up, everything ready, a second up that changes nothing, destroy."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from hearth.evaluation import PROJECT, run_program
from hearth.planning.plan import Plan
from hearth.pulumi_cli import installed_cli, official_plugin
from hearth.pulumi_engine import Outcome
from hearth.rehearsal import causes, cluster, observe
from hearth.rehearsal.api import Api
from hearth.rehearsal.build import TOOLS, ensure
from hearth.rehearsal.cache import Progress
from hearth.rehearsal.engine import Engine
from hearth.rehearsal.errors import RehearsalError
from hearth.rehearsal.phases import BrokenError, Phases, TimeLimitError, kinds, time_limit
from hearth.rehearsal.provider.awaiting import Limits
from hearth.rehearsal.provider.kubernetes import KubernetesProvider
from hearth.rehearsal.provider.random import RandomProvider
from hearth.rehearsal.provider.server import serve
from hearth.rehearsal.report.model import Chart, Failure, Landscape, Model, Phase, Report
from hearth.rehearsal.simulate import Shortfall, simulate, unproven, with_add_ons_present
from hearth.settings.loading import LoadedStack
from hearth.settings.stack import Settings

_SETTLE_SECONDS = 15.0
"""How long controllers may take for what the engine does not wait for."""
_SETTLE_POLL_SECONDS = 0.25
_PROVIDER_PACKAGE = "pulumi_kubernetes"


@dataclass(frozen=True)
class Options:
    """How a stack is rehearsed."""

    shortfall: Shortfall = field(default_factory=Shortfall)
    keep: bool = False
    """Leave the cluster running, with the stack on it."""
    seconds: int = 300
    """Time limit, not counting the start of the control plane; a large stack takes less than a minute."""


@dataclass(frozen=True)
class Stage:
    """A cluster without the stack, and the engine that can deploy it."""

    plan: Plan
    """As deployed: with the official provider every add-on is present."""
    kubeconfig: Path
    api: Api
    engine: Engine
    provider: str
    unchecked: Callable[[], Sequence[str]]
    """Objects of kinds whose definitions could not be had."""
    charts: Callable[[], tuple[Chart, ...]]
    """Helm releases that were recorded so far."""


def rehearse(loaded: LoadedStack, plan: Plan, options: Options, on_progress: Progress) -> Report:
    """Rehearse a stack; what does not hold is in the report, as far as the course came.

    Needs the main thread, for the time limit. Raises RehearsalError when the cluster or the engine cannot start.
    """
    settings = loaded.settings
    if settings is None:
        raise RehearsalError(f"{loaded.source} cannot be read")
    ensure(cluster.TOOLS, on_progress)
    pulumi = installed_cli(TOOLS["pulumi"].version) or ensure(("pulumi",), on_progress)["pulumi"]
    with ExitStack() as resources:
        started = time.monotonic()
        stage = resources.enter_context(stand_up(loaded, plan, options, pulumi, on_progress))
        course = _Course(stage, settings, on_progress)
        course.phases.append(Phase("cluster", time.monotonic() - started, True, {}))
        try:
            with time_limit(options.seconds):
                course.run(destroy=not options.keep)
        except BrokenError:
            pass
        except TimeLimitError as error:
            course.failures += causes.unready(course.current, course.look(), stage.plan, settings)
            course.failures.append(Failure(course.current, "rehearsal", str(error), ()))
        return Report(
            stack=plan.stack,
            kubernetes=TOOLS["kube-apiserver"].version,
            provider=stage.provider,
            phases=tuple(course.phases),
            failures=tuple(course.failures),
            landscape=course.landscape,
            models=_models(plan),
            kinds=course.kinds,
            charts=course.charts,
            left=course.left,
            unproven=unproven(stage.plan, stage.unchecked()),
            kubeconfig=str(stage.kubeconfig) if options.keep else None,
        )


@contextmanager
def stand_up(
    loaded: LoadedStack, plan: Plan, options: Options, pulumi: Path, on_progress: Progress
) -> Generator[Stage]:
    """A cluster for the stack and an engine with its program; both are gone afterwards, unless the cluster is kept."""
    plugin = official_plugin("kubernetes")
    version = metadata.version(_PROVIDER_PACKAGE)
    official = plugin is not None and plugin.name == f"resource-kubernetes-v{version}"
    deployed = with_add_ons_present(plan) if official else plan
    spec = simulate(deployed, options.shortfall)
    with ExitStack() as resources:
        directory = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="hearth-rehearsal-")))
        if options.keep:
            kubeconfig = _keep(plan.stack, spec, resources, on_progress)
        else:
            kubeconfig = resources.enter_context(cluster.start(spec, directory / "cluster", on_progress)).kubeconfig
        kubernetes = KubernetesProvider(kubeconfig, Limits(default=options.seconds, longest=options.seconds))
        served = [RandomProvider()] if official else [RandomProvider(), kubernetes]
        debug_providers = resources.enter_context(serve(*served))
        access = {"context": spec.context, "kubeconfig": str(kubeconfig)}
        config = {**loaded.config, "hearth:cluster": json.dumps(access)}
        if official:
            chosen = json.loads(config.get("hearth:addOns", "{}"))
            config["hearth:addOns"] = json.dumps(chosen | {add_on.name: add_on.mode for add_on in deployed.add_ons})
        work = directory / "engine"
        work.mkdir()
        engine = Engine(
            lambda: run_program(loaded.directory),
            project=PROJECT,
            stack=plan.stack,
            config=config,
            pulumi=pulumi,
            directory=work,
            environment={"PULUMI_DEBUG_PROVIDERS": debug_providers, "KUBECONFIG": str(kubeconfig)},
            plugins=plugin.parent if plugin is not None and official else None,
        )
        yield Stage(
            plan=deployed,
            kubeconfig=kubeconfig,
            api=Api(kubeconfig),
            engine=engine,
            provider=f"pulumi-kubernetes {version}" + ("" if official else " as Hearth's own provider does it"),
            unchecked=lambda: kubernetes.unchecked,
            charts=lambda: tuple(
                Chart(release.name, release.version, release.namespace, release.repository)
                for release in sorted(kubernetes.releases, key=lambda release: release.name)
            ),
        )


def _keep(name: str, spec: cluster.ClusterSpec, resources: ExitStack, on_progress: Progress) -> Path:
    """A cluster that lives on; it ends all the same when the rehearsal cannot even begin or is interrupted."""
    if cluster.running(name):
        raise RehearsalError(f"cluster {name} is already running: end it with make cluster-down, or leave --keep out")
    kubeconfig = cluster.up(spec, name, on_progress)

    def end_if_broken_off(kind: object, error: BaseException | None, at: object) -> None:
        if error is not None:
            cluster.down(name)

    resources.push(end_if_broken_off)
    return kubeconfig


class _Course(Phases):
    """Runs the phases one after another and keeps what each found."""

    def __init__(self, stage: Stage, settings: Settings, on_progress: Progress) -> None:
        super().__init__(on_progress)
        self.landscape = Landscape((), (), (), (), ())
        self.kinds: Mapping[str, int] = {}
        self.charts: tuple[Chart, ...] = ()
        self.left: tuple[str, ...] = ()
        self._stage = stage
        self._settings = settings

    def run(self, *, destroy: bool) -> None:
        """Raises BrokenError at the first phase that does not hold, TimeLimitError when time is up."""
        engine = self._stage.engine
        before = observe.inventory(self._stage.api)
        self._operate("preview", engine.preview)
        self._operate("up", engine.up)
        with self.phase("ready"):
            self._settle()
        with self.phase("state"):
            self.kinds = kinds(engine)
        self._operate("second up", engine.up, self.expect_unchanged)
        if destroy:
            self._operate("destroy", engine.destroy)
            with self.phase("left over"):
                self._compare(before)

    def look(self) -> Landscape:
        """The cluster as it is now, kept for the report."""
        self.landscape = observe.landscape(self._stage.api, self._stage.plan)
        self.charts = self._stage.charts()
        return self.landscape

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

    def _settle(self) -> None:
        deadline = time.monotonic() + _SETTLE_SECONDS
        while found := causes.unready(self.current, self.look(), self._stage.plan, self._settings):
            if time.monotonic() > deadline:
                self.failures += found
                return
            time.sleep(_SETTLE_POLL_SECONDS)

    def _compare(self, before: Mapping[str, observe.Object]) -> None:
        deadline = time.monotonic() + _SETTLE_SECONDS
        while True:
            self.left = observe.left_behind(before, observe.inventory(self._stage.api))
            unexpected = [title for title in self.left if not observe.is_retained_data(title, self._stage.plan)]
            if not unexpected or time.monotonic() > deadline:
                break
            time.sleep(_SETTLE_POLL_SECONDS)
        self.failures += [Failure(self.current, title, "destroy left it behind", ()) for title in unexpected]


def _models(plan: Plan) -> tuple[Model, ...]:
    usable = {pool.name: pool.gpu_usable_gib for pool in plan.node_pools}
    found = [
        Model(
            workload=model.server.name,
            engine=model.engine,
            version=model.engine_version,
            pool=model.pool,
            replicas=model.replicas,
            gpus_per_replica=model.gpus_per_replica,
            context_length=model.context_length,
            weights_gib=model.memory.weights_gib,
            kv_cache_gib=model.memory.kv_cache_gib,
            budget_gib=model.memory.budget_gib,
            gpu_memory_gib=usable[model.pool],
        )
        for model in plan.models
    ]
    if plan.ollama and plan.ollama.pool:
        server = plan.ollama.server
        version = server.container.image.rpartition(":")[2]
        gpus = server.container.resources.gpus
        found.append(Model(server.name, "ollama", version, plan.ollama.pool, server.replicas, gpus))
    return tuple(found)
