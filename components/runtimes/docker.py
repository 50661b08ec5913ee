"""DockerRuntime: a Workload as containers, its steps before its server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_docker import (
    Container,
    ContainerDeviceRequestArgsDict,
    ContainerHealthcheckArgsDict,
    ContainerLabelArgsDict,
    ContainerMountArgsDict,
    ContainerNetworksAdvancedArgsDict,
    ContainerPortArgsDict,
    ContainerUploadArgsDict,
)

from components.runtimes import Need, Running
from hearth.containers import (
    AnonymousMount,
    BindMount,
    ContainerSpec,
    HealthcheckSpec,
    MountSpec,
    TmpfsMount,
    VolumeMount,
    workload_containers,
)
from hearth.containers.labels import ATTEMPT
from hearth.planning.plan import Plan
from hearth.workload import Workload

_MIB = 2**20
_LAST_LINES = 20
_GRACE_SECONDS = 60
"""What an engine takes to make or remove a container, beside the time that the container itself needs."""


class DockerRuntime:
    """Runs workloads as containers of one engine. They wait for others as far as this runtime declared those.

    >>> runtime = DockerRuntime(plan, images={"ollama/ollama:0.35.1": image.image_id}, networks=names, volumes=names)
    """

    def __init__(
        self,
        plan: Plan,
        *,
        images: Mapping[str, pulumi.Input[str]],
        networks: Mapping[str, pulumi.Input[str]],
        volumes: Mapping[str, pulumi.Input[str]],
        attempts: Mapping[str, str] | None = None,
    ) -> None:
        """Images by reference, networks and volumes by name: what the engine calls them, once they are there.

        `attempts` tells, by the name of a container, which attempt at it this is; another one makes it anew.
        """
        self._plan = plan
        self._images = images
        self._networks = networks
        self._volumes = volumes
        self._attempts = attempts or {}
        self._ready: dict[str, Need] = {}

    def run(
        self,
        name: str,
        workload: Workload,
        *,
        parent: pulumi.Resource,
        secrets: Mapping[str, pulumi.Input[str]],
        depends_on: Sequence[Need] = (),
        replace_with: Sequence[pulumi.Resource] = (),
    ) -> Running:
        """Declares the workload's containers; the contract is that of `Runtime.run`.

        A step that is to run anew ends the server first, and the server starts again after it.
        """
        *steps, main = workload_containers(self._plan, workload)
        missing = sorted({key for spec in (*steps, main) for key in _secret_keys(spec) if key not in secrets})
        if missing:
            raise ValueError(f"workload {workload.name} needs the secrets {', '.join(missing)}; give a value for each")
        declared: list[pulumi.Resource] = list(replace_with)
        for spec in (*steps, main):
            logical = name + spec.name.removeprefix(main.name)
            container = self._declare(logical, spec, parent, secrets, depends_on, declared)
            self._ready[spec.name] = _completed(spec, container) if spec.runs_to_end else container
            declared.append(container)
        return Running(workload.name, declared[-1], self._ready[main.name])

    def _declare(
        self,
        name: str,
        spec: ContainerSpec,
        parent: pulumi.Resource,
        secrets: Mapping[str, pulumi.Input[str]],
        depends_on: Sequence[Need],
        replace_with: Sequence[pulumi.Resource],
    ) -> Container:
        labels = {**spec.labels, **({ATTEMPT: self._attempts[spec.name]} if spec.name in self._attempts else {})}
        networks: list[ContainerNetworksAdvancedArgsDict] = [
            {"name": self._networks[network.network], "aliases": list(network.aliases)} for network in spec.networks
        ]
        memory = spec.memory_bytes // _MIB
        seconds = spec.wait_seconds + _GRACE_SECONDS
        return Container(
            name,
            name=spec.name,
            image=self._images[spec.image],
            user=spec.user,
            entrypoints=list(spec.entrypoint) or None,
            command=list(spec.command) or None,
            envs=[*(f"{key}={value}" for key, value in spec.env.items()), *_secret_env(spec, secrets)],
            uploads=_uploads(spec, secrets),
            mounts=[self._mount(mount) for mount in spec.mounts if not isinstance(mount, TmpfsMount)],
            tmpfs={mount.path: mount.options for mount in spec.mounts if isinstance(mount, TmpfsMount)},
            networks_advanced=networks,
            ports=[_port(spec, index) for index in range(len(spec.ports))],
            device_requests=_gpus(spec),
            shm_size=spec.shm_bytes // _MIB if spec.shm_bytes else None,
            ipc_mode=spec.ipc,
            memory=memory,
            # As much as the memory alone: no swap.
            memory_swap=memory,
            healthcheck=_healthcheck(spec.healthcheck) if spec.healthcheck else None,
            restart=spec.restart,
            log_driver=spec.log_driver,
            log_opts=dict(spec.log_options),
            labels=_labels(labels),
            # The provider puts files in by way of the root, which it cannot when that is read-only.
            read_only=spec.read_only and not (spec.files or spec.secret_files),
            capabilities={"drops": list(spec.cap_drop), "adds": list(spec.cap_add)},
            security_opts=["no-new-privileges"] if spec.no_new_privileges else None,
            stop_timeout=spec.stop_timeout_seconds,
            destroy_grace_seconds=spec.stop_timeout_seconds,
            wait=spec.healthcheck is not None,
            wait_timeout=spec.wait_seconds,
            attach=spec.runs_to_end,
            logs=spec.runs_to_end,
            must_run=not spec.runs_to_end,
            opts=pulumi.ResourceOptions(
                parent=parent,
                depends_on=[*depends_on, *(self._ready[other] for other in spec.after if other in self._ready)],
                replace_with=list(replace_with) or None,
                # Two containers cannot have one name, nor one port.
                delete_before_replace=True,
                custom_timeouts=pulumi.CustomTimeouts(create=f"{seconds}s", update=f"{seconds}s"),
            ),
        )

    def _mount(self, mount: MountSpec) -> ContainerMountArgsDict:
        match mount:
            case VolumeMount(path, volume, read_only):
                return {"type": "volume", "target": path, "source": self._volumes[volume], "read_only": read_only}
            case BindMount(path, source, read_only):
                return {"type": "bind", "target": path, "source": source, "read_only": read_only}
            case AnonymousMount(path) | TmpfsMount(path):
                return {"type": "volume", "target": path}


def _completed(spec: ContainerSpec, container: Container) -> Need:
    """The container, once it ended well; what comes after it is not declared to the engine before."""

    def judge(end: tuple[int | None, str | None]) -> pulumi.Resource:
        exit_code, log = end
        if exit_code:
            last = "\n".join((log or "").rstrip().splitlines()[-_LAST_LINES:])
            raise pulumi.RunError(
                f"container {spec.name} of workload {spec.workload} ended with exit code {exit_code}; "
                f"the end of its log:\n{last or '(empty)'}\n"
                "The next deployment runs it again, once its cause is mended."
            )
        return container

    return pulumi.Output.all(container.exit_code, container.container_logs).apply(lambda end: judge((end[0], end[1])))


def _secret_keys(spec: ContainerSpec) -> tuple[str, ...]:
    return (*spec.secret_env, *spec.secret_files.values())


def _secret_env(spec: ContainerSpec, secrets: Mapping[str, pulumi.Input[str]]) -> list[pulumi.Output[str]]:
    return [pulumi.Output.concat(key, "=", pulumi.Output.secret(secrets[key])) for key in spec.secret_env]


def _uploads(spec: ContainerSpec, secrets: Mapping[str, pulumi.Input[str]]) -> list[ContainerUploadArgsDict]:
    files: list[ContainerUploadArgsDict] = [{"file": path, "content": text} for path, text in spec.files.items()]
    for path, key in spec.secret_files.items():
        files.append({"file": path, "content": pulumi.Output.secret(secrets[key])})
    return files


def _port(spec: ContainerSpec, index: int) -> ContainerPortArgsDict:
    port = spec.ports[index]
    return {"internal": port.port, "external": port.host_port, "ip": port.address, "protocol": "tcp"}


def _gpus(spec: ContainerSpec) -> list[ContainerDeviceRequestArgsDict] | None:
    """These GPUs and no others."""
    if not spec.gpu_ids:
        return None
    return [{"driver": "nvidia", "capabilities": ["gpu"], "device_ids": [str(gpu) for gpu in spec.gpu_ids]}]


def _labels(labels: Mapping[str, str]) -> list[ContainerLabelArgsDict]:
    return [{"label": label, "value": value} for label, value in sorted(labels.items())]


def _healthcheck(check: HealthcheckSpec) -> ContainerHealthcheckArgsDict:
    return {
        "tests": list(check.test),
        "interval": go_duration(check.interval_seconds),
        "timeout": go_duration(check.timeout_seconds),
        "start_period": go_duration(check.start_period_seconds),
        "retries": check.retries,
    }


def go_duration(seconds: int) -> str:
    """`5m0s` for 300: as Go writes it, so that what the provider reads back equals what was declared."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
