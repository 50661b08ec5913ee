"""Workload -> pod spec: pure functions that meet the `restricted` Pod Security level.

The keys are those of the Kubernetes API in snake_case, checked by the type checker; Pulumi's SDK translates them.
https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from pulumi_kubernetes.core.v1 import (
    AffinityArgsDict,
    ContainerArgsDict,
    EnvVarArgsDict,
    KeyToPathArgsDict,
    NodeAffinityArgsDict,
    NodeSelectorArgsDict,
    NodeSelectorRequirementArgsDict,
    PodAffinityArgsDict,
    PodAffinityTermArgsDict,
    PodSecurityContextArgsDict,
    PodSpecArgsDict,
    ProbeArgsDict,
    ResourceRequirementsArgsDict,
    SecurityContextArgsDict,
    TolerationArgsDict,
    TopologySpreadConstraintArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from components.runtimes.scope import NAME_LABEL
from hearth.workload import (
    ClaimVolume,
    Container,
    FilesVolume,
    HttpProbe,
    Mount,
    Probe,
    Probes,
    Resources,
    Scheduling,
    ScratchVolume,
    SecretFilesVolume,
    Security,
    Taint,
    Volume,
    Workload,
)

GPU = "nvidia.com/gpu"
"""The resource that NVIDIA's device plugin offers."""
_HOSTNAME = "kubernetes.io/hostname"
_FILE_MODE = 0o440
"""Secret files: for the container's user and group only."""


def pod_spec(workload: Workload, selector: Mapping[str, str]) -> PodSpecArgsDict:
    """The pod of a workload. `selector` are the labels by which its replicas know each other."""
    volumes = _named_volumes(workload)
    job = workload.kind in ("job", "cronjob")
    main = _container_spec(workload.container, workload, volumes)
    if workload.ports:
        main["ports"] = [{"name": port.name, "container_port": port.number} for port in workload.ports]
    if workload.probes:
        _add_probes(main, workload.probes)
    if workload.drain.endpoint_seconds and not job:
        main["lifecycle"] = {"pre_stop": {"sleep": {"seconds": workload.drain.endpoint_seconds}}}
    spec: PodSpecArgsDict = {
        "containers": [main, *(_container_spec(other, workload, volumes) for other in workload.beside)],
        "security_context": _pod_security(workload.security),
        "restart_policy": "Never" if job else "Always",
        "termination_grace_period_seconds": workload.drain.grace_seconds,
        "automount_service_account_token": False,
        # Variables such as VLLM_PORT=tcp://... of a Service called vllm stop the server that reads them.
        "enable_service_links": False,
    }
    if workload.before:
        spec["init_containers"] = [_container_spec(step, workload, volumes) for step in workload.before]
    templates = [ClaimVolume(claim.name) for claim in workload.claims if claim.for_each_replica]
    of_pod = [_volume(name, volume, workload.name) for name, volume in volumes if volume not in templates]
    if of_pod:
        spec["volumes"] = of_pod
    scheduling = workload.scheduling
    if scheduling.runtime_class:
        spec["runtime_class_name"] = scheduling.runtime_class
    if scheduling.tolerations:
        spec["tolerations"] = [_toleration(taint) for taint in scheduling.tolerations]
    affinity: AffinityArgsDict = {}
    if scheduling.node_labels or scheduling.node_names:
        affinity["node_affinity"] = _node_affinity(scheduling)
    if scheduling.near:
        affinity["pod_affinity"] = _pod_affinity({**selector, NAME_LABEL: scheduling.near})
    if affinity:
        spec["affinity"] = affinity
    if scheduling.spread or scheduling.even:
        spec["topology_spread_constraints"] = [_spread(scheduling, selector)]
    return spec


def _container_spec(container: Container, workload: Workload, volumes: list[tuple[str, Volume]]) -> ContainerArgsDict:
    """One container; secret variables come from the Secret that has the workload's name."""
    spec: ContainerArgsDict = {
        "name": container.name,
        "image": container.image,
        "image_pull_policy": "IfNotPresent",
        "resources": resource_requirements(container.resources),
        "security_context": _container_security(workload.security),
    }
    if container.command:
        spec["command"] = list(container.command)
    if container.args:
        spec["args"] = list(container.args)
    env = [*_plain_env(container), *_secret_env(container, workload.name)]
    if env:
        spec["env"] = env
    if container.mounts:
        spec["volume_mounts"] = [_mount(mount, volumes) for mount in container.mounts]
    if container.probes:
        _add_probes(spec, container.probes)
    return spec


def secret_keys(workload: Workload) -> tuple[str, ...]:
    """Keys that the workload's Secret must have, sorted."""
    keys = {key for container in _containers(workload) for key in container.secret_env}
    for volume in _volumes(workload):
        if isinstance(volume, SecretFilesVolume):
            keys.update(volume.keys)
    return tuple(sorted(keys))


def config_files(workload: Workload) -> dict[str, str]:
    """Contents of the workload's ConfigMap: the files of all its volumes, by name, sorted.

    Raises ValueError when two volumes have a file of the same name with different contents.
    """
    files: dict[str, str] = {}
    for volume in _volumes(workload):
        if isinstance(volume, FilesVolume):
            for name, content in volume.files.items():
                if files.setdefault(name, content) != content:
                    raise ValueError(
                        f"workload {workload.name}: two files are called {name} but differ; rename one of them"
                    )
    return dict(sorted(files.items()))


def gib(size: float) -> str:
    """A size in GiB as Kubernetes itself would write it, so that what is stored equals what was sent."""
    amount = round(size * 1024)
    units = ["Ti", "Gi", "Mi"]
    while amount % 1024 == 0 and len(units) > 1:
        amount //= 1024
        units.pop()
    return f"{amount}{units[-1]}"


def _cpus(cores: float) -> str:
    milli = round(cores * 1000)
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


def _containers(workload: Workload) -> tuple[Container, ...]:
    return (*workload.before, workload.container, *workload.beside)


def _volumes(workload: Workload) -> Iterator[Volume]:
    for container in _containers(workload):
        for mount in container.mounts:
            yield mount.volume


def _named_volumes(workload: Workload) -> list[tuple[str, Volume]]:
    """Every different volume once, called after the first path at which it is mounted, or as its claim template is."""
    templates = {claim.name for claim in workload.claims if claim.for_each_replica}
    found: list[tuple[str, Volume]] = []
    for container in _containers(workload):
        for mount in container.mounts:
            if any(volume == mount.volume for _, volume in found):
                continue
            name = re.sub(r"[^a-z0-9]+", "-", mount.path.lower()).strip("-")[:50] or "root"
            if isinstance(mount.volume, ClaimVolume) and mount.volume.claim in templates:
                name = mount.volume.claim
            if any(taken == name for taken, _ in found):
                name = f"{name}-{len(found)}"
            found.append((name, mount.volume))
    return found


def _volume(name: str, volume: Volume, workload_name: str) -> VolumeArgsDict:
    match volume:
        case ClaimVolume(claim):
            return {"name": name, "persistent_volume_claim": {"claim_name": claim}}
        case ScratchVolume(size_gib, in_memory):
            if in_memory:
                return {"name": name, "empty_dir": {"medium": "Memory", "size_limit": gib(size_gib)}}
            return {"name": name, "empty_dir": {"size_limit": gib(size_gib)}}
        case FilesVolume(files):
            return {"name": name, "config_map": {"name": workload_name, "items": _items(files)}}
        case SecretFilesVolume(keys):
            return {
                "name": name,
                "secret": {"secret_name": workload_name, "items": _items(keys), "default_mode": _FILE_MODE},
            }


def _items(keys: Iterable[str]) -> list[KeyToPathArgsDict]:
    return [{"key": key, "path": key} for key in sorted(keys)]


def _mount(mount: Mount, volumes: list[tuple[str, Volume]]) -> VolumeMountArgsDict:
    name = next(name for name, volume in volumes if volume == mount.volume)
    spec: VolumeMountArgsDict = {"name": name, "mount_path": mount.path}
    if mount.read_only:
        spec["read_only"] = True
    return spec


def _plain_env(container: Container) -> list[EnvVarArgsDict]:
    return [{"name": name, "value": value} for name, value in sorted(container.env.items())]


def _secret_env(container: Container, secret: str) -> list[EnvVarArgsDict]:
    return [
        {"name": name, "value_from": {"secret_key_ref": {"name": secret, "key": name}}}
        for name in sorted(container.secret_env)
    ]


def resource_requirements(resources: Resources) -> ResourceRequirementsArgsDict:
    """Requests, and limits of what must not be exceeded."""
    requests = {
        "cpu": _cpus(resources.cpus),
        "memory": gib(resources.memory_gib),
        "ephemeral-storage": gib(resources.scratch_gib),
    }
    limits = {"memory": requests["memory"]}
    if resources.gpus:
        requests[GPU] = limits[GPU] = str(resources.gpus)
    return {"requests": requests, "limits": limits}


def _pod_security(security: Security) -> PodSecurityContextArgsDict:
    return {
        "run_as_non_root": security.root_reason is None,
        "run_as_user": security.user,
        "run_as_group": security.group,
        "fs_group": security.group,
        # Changing the owner of every file of a volume of weights at each start would take minutes.
        "fs_group_change_policy": "OnRootMismatch",
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def _container_security(security: Security) -> SecurityContextArgsDict:
    return {
        "allow_privilege_escalation": False,
        "capabilities": {"drop": ["ALL"]},
        "read_only_root_filesystem": security.read_only_root,
    }


def _add_probes(spec: ContainerArgsDict, probes: Probes) -> None:
    spec["startup_probe"] = _probe(probes.startup)
    spec["readiness_probe"] = _probe(probes.readiness)
    spec["liveness_probe"] = _probe(probes.liveness)


def _probe(probe: Probe) -> ProbeArgsDict:
    spec: ProbeArgsDict = {
        "period_seconds": probe.period_seconds,
        "timeout_seconds": probe.timeout_seconds,
        "failure_threshold": probe.failure_threshold,
    }
    if isinstance(probe.check, HttpProbe):
        spec["http_get"] = {"path": probe.check.path, "port": probe.check.port}
    else:
        spec["exec_"] = {"command": list(probe.check.command)}
    return spec


def _toleration(taint: Taint) -> TolerationArgsDict:
    """Whatever its value: clusters set the taint of NVIDIA's nodes with different ones."""
    return {"key": taint.key, "operator": "Exists", "effect": taint.effect}


def _node_affinity(scheduling: Scheduling) -> NodeAffinityArgsDict:
    expressions: list[NodeSelectorRequirementArgsDict] = [
        {"key": key, "operator": "In", "values": [value]} for key, value in sorted(scheduling.node_labels.items())
    ]
    if scheduling.node_names:
        expressions.append({"key": _HOSTNAME, "operator": "In", "values": list(scheduling.node_names)})
    terms: NodeSelectorArgsDict = {"node_selector_terms": [{"match_expressions": expressions}]}
    return {"required_during_scheduling_ignored_during_execution": terms}


def _pod_affinity(selector: Mapping[str, str]) -> PodAffinityArgsDict:
    """Preferred, as those pods may be stopped at the time."""
    term: PodAffinityTermArgsDict = {"topology_key": _HOSTNAME, "label_selector": {"match_labels": selector}}
    return {"preferred_during_scheduling_ignored_during_execution": [{"weight": 100, "pod_affinity_term": term}]}


def _spread(scheduling: Scheduling, selector: Mapping[str, str]) -> TopologySpreadConstraintArgsDict:
    return {
        "max_skew": 1,
        "topology_key": _HOSTNAME,
        "when_unsatisfiable": "DoNotSchedule" if scheduling.even else "ScheduleAnyway",
        "label_selector": {"match_labels": selector},
        # Each version is spread by itself, so that pods of the old one do not push new pods to the wrong node.
        "match_label_keys": ["pod-template-hash"],
    }
