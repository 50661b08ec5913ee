"""A plan's containers in the words of the Compose specification (https://compose-spec.io)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from hearth.compose.variables import Interpolated, Secrets
from hearth.containers import (
    AnonymousMount,
    BindMount,
    ContainerSpec,
    HealthcheckSpec,
    MountSpec,
    TmpfsMount,
    VolumeMount,
    containers,
    networks,
    volumes,
)
from hearth.planning.builds import PROJECT
from hearth.planning.plan import Plan

_CONDITIONS = {"healthy": "service_healthy", "completed": "service_completed_successfully"}


def document(plan: Plan, secrets: Secrets) -> dict[str, Any]:
    """The content of a Compose file. Raises ValueError for a plan of another target."""
    specs = containers(plan)
    return _plain(
        {
            "name": plan.namespace,
            "services": {_service_name(plan, spec.name): _service(plan, spec, secrets) for spec in specs},
            "networks": {
                network.name: {"name": network.name, "internal": network.internal, "labels": dict(network.labels)}
                for network in networks(plan)
            },
            "volumes": {
                volume.name: {
                    "name": volume.name,
                    "driver": volume.driver,
                    **({"driver_opts": dict(volume.driver_opts)} if volume.driver_opts else {}),
                    "labels": dict(volume.labels),
                }
                for volume in volumes(plan)
            },
            "configs": {
                _config_name(plan, spec, path): {"content": content}
                for spec in specs
                for path, content in _files(spec, secrets).items()
            },
        }
    )


def _service_name(plan: Plan, container: str) -> str:
    return container.removeprefix(f"{plan.namespace}-")


def _service(plan: Plan, spec: ContainerSpec, secrets: Secrets) -> dict[str, Any]:
    files = _files(spec, secrets)
    optional: dict[str, Any] = {
        "build": _build(plan, spec),
        "entrypoint": list(spec.entrypoint),
        "command": list(spec.command),
        "environment": {**spec.env, **{key: secrets.of(spec.name, key) for key in spec.secret_env}},
        "configs": [{"source": _config_name(plan, spec, path), "target": path} for path in files],
        "volumes": [_mount(mount) for mount in spec.mounts if isinstance(mount, VolumeMount | BindMount)],
        "tmpfs": [f"{mount.path}:{mount.options}" for mount in spec.mounts if isinstance(mount, TmpfsMount)],
        "ports": [
            {"host_ip": port.address, "published": str(port.host_port), "target": port.port, "protocol": "tcp"}
            for port in spec.ports
        ],
        "shm_size": spec.shm_bytes,
        "healthcheck": _healthcheck(spec.healthcheck) if spec.healthcheck else None,
        "deploy": _gpus(spec),
        "cap_add": list(spec.cap_add),
        "depends_on": {
            _service_name(plan, name): {"condition": _CONDITIONS[state]} for name, state in spec.after.items()
        },
        "security_opt": ["no-new-privileges:true"] if spec.no_new_privileges else None,
    }
    return {
        "container_name": spec.name,
        "image": spec.image,
        "user": spec.user,
        **{key: value for key, value in optional.items() if value},
        "networks": {n.network: {"aliases": list(n.aliases)} if n.aliases else {} for n in spec.networks},
        "ipc": spec.ipc,
        "mem_limit": spec.memory_bytes,
        # As much as the memory alone: no swap.
        "memswap_limit": spec.memory_bytes,
        # Compose puts files into a container before it starts, which it refuses where the root is read-only
        # (https://github.com/docker/compose/issues/12031).
        "read_only": spec.read_only and not files,
        "cap_drop": list(spec.cap_drop),
        "restart": spec.restart,
        "stop_grace_period": f"{spec.stop_timeout_seconds}s",
        "logging": {"driver": spec.log_driver, "options": dict(spec.log_options)},
        "labels": dict(spec.labels),
    }


def _build(plan: Plan, spec: ContainerSpec) -> dict[str, Any] | None:
    """Of an image that is the stack's own."""
    for build in plan.builds:
        if build.name == spec.image:
            return {"context": str(PROJECT / build.folder), "args": dict(build.args), "platforms": ["linux/amd64"]}
    return None


def _files(spec: ContainerSpec, secrets: Secrets) -> Mapping[str, str]:
    """Files by path, those with secrets among them."""
    return {**spec.files, **{path: secrets.of(spec.name, path) for path in spec.secret_files}}


def _config_name(plan: Plan, spec: ContainerSpec, path: str) -> str:
    return f"{_service_name(plan, spec.name)}-{path.strip('/').replace('/', '-')}"


def _mount(mount: MountSpec) -> dict[str, Any]:
    match mount:
        case VolumeMount(path, volume, read_only):
            return {
                "type": "volume",
                "source": volume,
                "target": path,
                "read_only": read_only,
                "volume": {"nocopy": True},
            }
        case BindMount(path, source, read_only):
            return {"type": "bind", "source": source, "target": path, "read_only": read_only}
        case AnonymousMount() | TmpfsMount():
            raise ValueError(f"{mount.path} is no volume and no folder of the host")


def _gpus(spec: ContainerSpec) -> dict[str, Any] | None:
    """These GPUs and no others."""
    if not spec.gpu_ids:
        return None
    device = {"driver": "nvidia", "device_ids": [str(gpu) for gpu in spec.gpu_ids], "capabilities": ["gpu"]}
    return {"resources": {"reservations": {"devices": [device]}}}


def _healthcheck(check: HealthcheckSpec) -> dict[str, Any]:
    return {
        "test": list(check.test),
        "interval": f"{check.interval_seconds}s",
        "timeout": f"{check.timeout_seconds}s",
        "start_period": f"{check.start_period_seconds}s",
        "retries": check.retries,
    }


def _plain(value: Any) -> Any:
    """Plain data for YAML, with every `$` that is not Compose's own doubled."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in cast("list[Any]", value)]
    if isinstance(value, str):
        return str(value) if isinstance(value, Interpolated) else value.replace("$", "$$")
    return value
