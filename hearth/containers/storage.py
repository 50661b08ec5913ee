"""Claims and scratch space on one host: volumes, folders, memory, and who may write to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from hearth.containers.labels import cache_labels, stack_labels
from hearth.containers.specs import (
    AnonymousMount,
    BindMount,
    MountSpec,
    TmpfsMount,
    VolumeMount,
    VolumeSpec,
)
from hearth.planning.host import DockerPlan, NfsShare
from hearth.planning.memory.deployment import GIB
from hearth.planning.plan import Plan
from hearth.workload import Claim, ClaimVolume, Container, Mount, ScratchVolume, Workload

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a path in containers
_LARGEST_TMPFS_GIB = 2
"""Larger scratch space, such as that of compiled kernels, is on disk instead of in memory."""
_SHARE = "/storage"
_CACHES = "cache"


@dataclass(frozen=True)
class Prepared:
    """Folders that a step makes and gives to the user of a workload, as Docker knows no fsGroup."""

    folders: tuple[str, ...]
    mounts: tuple[MountSpec, ...]


def docker_of(plan: Plan) -> DockerPlan:
    """The host of a plan. Raises ValueError for a plan of another target."""
    if plan.docker is None:
        raise ValueError(f"stack {plan.stack} has target {plan.target}, so it has no containers of its own")
    return plan.docker


def volumes(plan: Plan) -> tuple[VolumeSpec, ...]:
    """Every named volume, once."""
    docker = docker_of(plan)
    found: dict[str, VolumeSpec] = {}
    for workload in plan.workloads:
        for claim in () if docker.host_path else workload.claims:
            volume = _claimed_volume(plan, docker, workload, claim)
            found.setdefault(volume.name, volume)
        for name in _scratch_volumes(plan, workload).values():
            found[name] = VolumeSpec(name, stack_labels(plan.stack, workload.name), retain=False)
    if docker.nfs:
        name = _share_volume(plan)
        found[name] = VolumeSpec(name, stack_labels(plan.stack), driver_opts=_nfs_options(docker.nfs, ""), retain=False)
    return tuple(found.values())


def mount_of(plan: Plan, workload: Workload, mount: Mount) -> MountSpec | None:
    """Where a container finds a volume; None for /dev/shm, which every container has."""
    match mount.volume:
        case ClaimVolume(claim):
            return _claim_mount(plan, claim, mount.path, mount.read_only)
        case ScratchVolume(size_gib) if mount.path != SHARED_MEMORY:
            on_disk = _scratch_volumes(plan, workload).get(mount.path)
            return VolumeMount(mount.path, on_disk) if on_disk else TmpfsMount(mount.path, round(size_gib * GIB))
        case ScratchVolume():
            return None
        case _:
            return AnonymousMount(mount.path)


def prepared(plan: Plan, workload: Workload) -> Prepared:
    """What has to be made before the workload's first container; on a share or in a host's folder, the folders too."""
    docker = docker_of(plan)
    folders: list[str] = []
    mounts: list[MountSpec] = []
    for index, claim in enumerate(workload.claims):
        if docker.nfs or docker.host_path:
            folders.append(f"{_SHARE}/{_folder(plan, docker, claim.name)}")
        else:
            folders.append(f"/volumes/{index}")
            mounts.append(_claim_mount(plan, claim.name, folders[-1], read_only=False))
    if docker.nfs and folders:
        mounts.append(VolumeMount(_SHARE, _share_volume(plan)))
    elif docker.host_path and folders:
        mounts.append(BindMount(_SHARE, docker.host_path))
    for path, name in _scratch_volumes(plan, workload).items():
        folders.append(f"/scratch{path}")
        mounts.append(VolumeMount(folders[-1], name))
    return Prepared(tuple(folders), tuple(mounts))


def _claimed_volume(plan: Plan, docker: DockerPlan, workload: Workload, claim: Claim) -> VolumeSpec:
    cache = docker.caches.get(claim.name)
    return VolumeSpec(
        name=_volume_name(plan, docker, claim.name),
        labels=cache_labels(_content(workload)) if cache else stack_labels(plan.stack, workload.name),
        driver_opts=_nfs_options(docker.nfs, _folder(plan, docker, claim.name)) if docker.nfs else {},
        retain=docker.retain_data or cache is not None,
    )


def _content(workload: Workload) -> str:
    """What a download puts on its volume, in words."""
    env = workload.container.env
    return (
        f"{env['MODEL_SOURCE']}@{env['MODEL_REVISION']}" if "MODEL_SOURCE" in env else " ".join(workload.container.args)
    )


def _claim_mount(plan: Plan, claim: str, path: str, read_only: bool) -> MountSpec:
    docker = docker_of(plan)
    if docker.host_path:
        return BindMount(path, f"{docker.host_path}/{_folder(plan, docker, claim)}", read_only)
    return VolumeMount(path, _volume_name(plan, docker, claim), read_only)


def _volume_name(plan: Plan, docker: DockerPlan, claim: str) -> str:
    return docker.caches.get(claim) or f"{plan.namespace}-{claim}"


def _folder(plan: Plan, docker: DockerPlan, claim: str) -> str:
    """Of a claim, within the share or the host's folder."""
    return f"{_CACHES}/{docker.caches[claim]}" if claim in docker.caches else f"{plan.namespace}/{claim}"


def _share_volume(plan: Plan) -> str:
    return f"{plan.namespace}-share"


def _nfs_options(nfs: NfsShare, folder: str) -> dict[str, str]:
    """Options of Docker's local driver, which mounts as mount(8) does."""
    device = f":{PurePosixPath(nfs.share) / folder}"
    return {"type": "nfs", "o": ",".join([f"addr={nfs.server}", "rw", *nfs.mount_options]), "device": device}


def _scratch_volumes(plan: Plan, workload: Workload) -> dict[str, str]:
    """Names of volumes for scratch space that is too large for memory, by path."""
    return {
        mount.path: f"{plan.namespace}-{workload.name}-{re.sub(r'[^a-z0-9]+', '-', mount.path.lower()).strip('-')}"
        for container in _containers(workload)
        for mount in container.mounts
        if isinstance(mount.volume, ScratchVolume)
        and not mount.volume.in_memory
        and mount.volume.size_gib > _LARGEST_TMPFS_GIB
    }


def _containers(workload: Workload) -> Iterator[Container]:
    yield from (*workload.before, workload.container)
