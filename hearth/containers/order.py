"""Workloads as containers, in the order in which they start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal

from hearth.containers.labels import stack_labels
from hearth.containers.specs import (
    ContainerSpec,
    HealthcheckSpec,
    MountSpec,
    NetworkAttachment,
    NetworkSpec,
    PublishedPort,
    TmpfsMount,
)
from hearth.containers.storage import SHARED_MEMORY, docker_of, mount_of, prepared
from hearth.planning.memory.deployment import GIB
from hearth.planning.plan import Plan
from hearth.workload import (
    Check,
    ClaimVolume,
    Container,
    FilesVolume,
    HttpProbe,
    Mount,
    Probes,
    ScratchVolume,
    SecretFilesVolume,
    Workload,
)

_LOG_OPTIONS: Mapping[str, str] = {"max-size": "10m", "max-file": "3"}
_STEP_SECONDS = 1800
_HTTP_CHECK = (
    "exec 3<>/dev/tcp/127.0.0.1/$0; printf 'GET %s HTTP/1.0\\r\\n\\r\\n' \"$1\" >&3; "
    "read -r _ status _ <&3; [[ $status == [23]?? ]]"
)
"""In bash alone, as images have no curl."""
_PREPARE = (
    "owner=$1; shift; for folder; do "
    'mkdir -p "$folder" && : > "$folder/.hearth" && chown "$owner" "$folder" || exit; done'
)
"""Leaves none empty: into an empty volume Docker copies what the image has at its path, with the owner it has there."""

After = dict[str, Literal["healthy", "completed"]]


def containers(plan: Plan) -> tuple[ContainerSpec, ...]:
    """Every container, each after those that it waits for. Raises ValueError for a plan of another target."""
    return tuple(spec for workload in plan.workloads for spec in workload_containers(plan, workload))


def images(plan: Plan) -> tuple[str, ...]:
    """Every image that the engine fetches, once; those that are built are not among them."""
    built = {build.name for build in plan.builds}
    return tuple(dict.fromkeys(spec.image for spec in containers(plan) if spec.image not in built))


def networks(plan: Plan) -> tuple[NetworkSpec, ...]:
    """One within the stack, and one for what publishes a port or reaches other machines."""
    labels = stack_labels(plan.stack)
    return NetworkSpec(_inside(plan), internal=True, labels=labels), NetworkSpec(_edge(plan), False, labels)


def workload_containers(plan: Plan, workload: Workload) -> tuple[ContainerSpec, ...]:
    """The workload's steps in their order, each after the one before, then its main container."""
    needs = _needs(plan, workload)
    specs = [*_prepare_step(plan, workload)]
    for step in workload.before:
        after = needs | _completed(specs)
        specs.append(replace(_container(plan, workload, step), after=after, runs_to_end=True, restart="no"))
    return *specs, replace(_main(plan, workload), after=needs | _completed(specs))


def main_container(plan: Plan, workload: str) -> str:
    """Name of a workload's main container."""
    return f"{plan.namespace}-{workload}"


def _needs(plan: Plan, workload: Workload) -> After:
    """Servers that it calls, jobs that fill the volumes it mounts, and for the web UI the migration."""
    fillers = {claim.name: job.name for job in plan.workloads if job.kind == "job" for claim in job.claims}
    mounted = {
        mount.volume.claim
        for container in (*workload.before, workload.container)
        for mount in container.mounts
        if isinstance(mount.volume, ClaimVolume)
    }
    needs: After = {main_container(plan, peer.workload): "healthy" for peer in workload.calls}
    for claim, job in fillers.items():
        if claim in mounted and job != workload.name:
            needs[main_container(plan, job)] = "completed"
    if workload == plan.web_ui.server and plan.web_ui.migration:
        needs[main_container(plan, plan.web_ui.migration.name)] = "completed"
    return needs


def _completed(steps: list[ContainerSpec]) -> After:
    return {steps[-1].name: "completed"} if steps else {}


def _prepare_step(plan: Plan, workload: Workload) -> Iterator[ContainerSpec]:
    wanted = prepared(plan, workload)
    if not wanted.folders:
        return
    owner = f"{workload.security.user}:{workload.security.group}"
    yield ContainerSpec(
        name=f"{main_container(plan, workload.name)}-prepare",
        workload=workload.name,
        image=workload.container.image,
        user="0:0",
        entrypoint=("sh", "-c", _PREPARE, "prepare"),
        command=(owner, *wanted.folders),
        mounts=wanted.mounts,
        networks=(NetworkAttachment(_inside(plan)),),
        memory_bytes=GIB // 4,
        restart="no",
        log_options=_LOG_OPTIONS,
        labels=stack_labels(plan.stack, workload.name),
        cap_add=("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"),
        wait_seconds=_STEP_SECONDS,
        runs_to_end=True,
    )


def _container(plan: Plan, workload: Workload, container: Container) -> ContainerSpec:
    """What steps and main containers have in common."""
    mounts = tuple(mount for mount in (mount_of(plan, workload, m) for m in container.mounts) if mount)
    shared = _shared_memory(container)
    host_ipc = bool(shared and container.resources.gpus) and docker_of(plan).ipc == "host"
    return ContainerSpec(
        name=f"{main_container(plan, workload.name)}-{container.name}",
        workload=workload.name,
        image=container.image,
        user=f"{workload.security.user}:{workload.security.group}",
        entrypoint=container.command,
        command=container.args,
        env=dict(sorted(container.env.items())),
        secret_env=tuple(sorted(container.secret_env)),
        files={path: text for mount in container.mounts for path, text in _files(mount)},
        secret_files={path: key for mount in container.mounts for path, key in _secret_files(mount)},
        mounts=mounts,
        networks=(NetworkAttachment(_inside(plan)),),
        shm_bytes=None if host_ipc else shared,
        ipc="host" if host_ipc else "private",
        memory_bytes=_memory_bytes(container, mounts),
        log_options=_LOG_OPTIONS,
        labels=stack_labels(plan.stack, workload.name),
        read_only=workload.security.read_only_root,
        stop_timeout_seconds=workload.drain.grace_seconds,
        wait_seconds=max(workload.ready_timeout_seconds, _STEP_SECONDS),
    )


def _main(plan: Plan, workload: Workload) -> ContainerSpec:
    docker = docker_of(plan)
    host_port = docker.ports.get(workload.name)
    ports = (PublishedPort(docker.address, host_port, workload.ports[0].number),) if host_port else ()
    outside = bool(ports or workload.internet or workload.calls_outside)
    job = workload.kind == "job"
    inside = NetworkAttachment(_inside(plan), () if job else (workload.name,))
    return replace(
        _container(plan, workload, workload.container),
        name=main_container(plan, workload.name),
        networks=(inside, NetworkAttachment(_edge(plan))) if outside else (inside,),
        ports=ports,
        gpu_ids=docker.gpu_ids.get(workload.name, ()),
        healthcheck=_healthcheck(workload.probes) if workload.probes else None,
        restart="no" if job else "unless-stopped",
        wait_seconds=workload.ready_timeout_seconds,
        runs_to_end=job,
    )


def _inside(plan: Plan) -> str:
    return plan.namespace


def _edge(plan: Plan) -> str:
    return f"{plan.namespace}-edge"


def _healthcheck(probes: Probes) -> HealthcheckSpec:
    """Docker has one check: that of readiness, with the time that the start may take."""
    ready, startup = probes.readiness, probes.startup
    return HealthcheckSpec(
        test=("CMD", *_command(ready.check)),
        interval_seconds=ready.period_seconds,
        timeout_seconds=ready.timeout_seconds,
        retries=ready.failure_threshold,
        start_period_seconds=startup.period_seconds * startup.failure_threshold,
    )


def _command(check: Check) -> tuple[str, ...]:
    if isinstance(check, HttpProbe):
        return ("bash", "-c", _HTTP_CHECK, str(check.port), check.path)
    return check.command


def _files(mount: Mount) -> Iterator[tuple[str, str]]:
    if isinstance(mount.volume, FilesVolume):
        for name, text in sorted(mount.volume.files.items()):
            yield f"{mount.path}/{name}", text


def _secret_files(mount: Mount) -> Iterator[tuple[str, str]]:
    if isinstance(mount.volume, SecretFilesVolume):
        for key in mount.volume.keys:
            yield f"{mount.path}/{key}", key


def _shared_memory(container: Container) -> int | None:
    sizes = [
        mount.volume.size_gib
        for mount in container.mounts
        if mount.path == SHARED_MEMORY and isinstance(mount.volume, ScratchVolume)
    ]
    return round(sizes[0] * GIB) if sizes else None


def _memory_bytes(container: Container, mounts: tuple[MountSpec, ...]) -> int:
    """Files in memory count towards a container's limit, which a cluster has on its disks."""
    scratch = sum(mount.size_bytes for mount in mounts if isinstance(mount, TmpfsMount))
    return round(container.resources.memory_gib * GIB) + scratch
