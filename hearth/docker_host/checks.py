"""What keeps a stack from running on its Docker host. Sizes in messages are in GiB."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from hearth.catalog.ollama import ollama_models
from hearth.containers import containers
from hearth.docker_host.facts import Gpus, HostFacts, Published
from hearth.planning.host import DockerPlan
from hearth.planning.memory.deployment import GIB
from hearth.planning.plan import NodePool, OllamaPlan, Plan
from hearth.problems import Path, Problem

_OLDEST_ENGINE = (20, 10)
"""The first with cgroup v2, and the oldest that a supported Debian or Ubuntu has."""
_OLDEST_DRIVER = (535,)
"""NVIDIA's oldest long-term branch that the CUDA 12 of the engines' images has libraries for (cuda-compat)."""
_SAME_MEMORY = 0.97
"""Drivers and firmware keep a part that differs a little among machines."""
_ENGINE: Path = ("docker", "host")

Check = Callable[[Plan, DockerPlan, HostFacts], Iterator[Problem]]


def find_problems(plan: Plan, facts: HostFacts) -> Iterator[Problem]:
    """Everything at once, in the order in which it would go wrong. Nothing for a plan of another target."""
    if plan.docker:
        for check in (engine_usable, gpus_usable, memory_enough, disk_enough, ports_free):
            yield from check(plan, plan.docker, facts)


def engine_usable(plan: Plan, docker: DockerPlan, facts: HostFacts) -> Iterator[Problem]:
    """New enough, and for images of Linux."""
    oldest = ".".join(map(str, _OLDEST_ENGINE))
    if _numbers(facts.version)[:2] < _OLDEST_ENGINE:
        why = f"its engine is Docker {facts.version}, and the stack needs {oldest} or newer"
        yield Problem(_ENGINE, docker.host, why, "update it, or name another engine")
    if facts.os != "linux":
        why = f"its engine runs containers for {facts.os}, and all images are for linux"
        yield Problem(_ENGINE, docker.host, why, "switch Docker Desktop to Linux containers")


def gpus_usable(plan: Plan, docker: DockerPlan, facts: HostFacts) -> Iterator[Problem]:
    """The driver, the GPUs that the stack names, and what gives them to containers."""
    if not docker.gpu_ids:
        return
    pool: Path = ("gpuNodePools", 0)
    described = plan.node_pools[0]
    if facts.gpus is None or facts.gpus.found:
        if not facts.toolkit:
            why = "the engine cannot give GPUs to containers: NVIDIA's container toolkit is not set up for it"
            remedy = (
                "install nvidia-container-toolkit, then: sudo nvidia-ctk runtime configure --runtime=docker && "
                "sudo systemctl restart docker"
            )
            yield Problem((*pool, "gpu"), described.gpu, why, remedy)
        if facts.gpus:
            yield from _gpus_as_described(docker, described, facts.gpus)
        return
    why = f"the host has no NVIDIA GPU that can be used: {facts.gpus.trouble}"
    remedy = "install NVIDIA's driver 535 or newer; without a GPU remove gpuNodePools and use hearth:ollama"
    yield Problem((*pool, "gpu"), described.gpu, why, remedy)


def _gpus_as_described(docker: DockerPlan, pool: NodePool, gpus: Gpus) -> Iterator[Problem]:
    path: Path = ("gpuNodePools", 0)
    if gpus.driver and _numbers(gpus.driver)[:1] < _OLDEST_DRIVER:
        why = f"the NVIDIA driver is {gpus.driver}, and the images of the engines need {_OLDEST_DRIVER[0]} or newer"
        yield Problem((*path, "gpu"), pool.gpu, why, "update the driver")
    by_index = {gpu.index: gpu for gpu in gpus.found}
    wanted = sorted({gpu for ids in docker.gpu_ids.values() for gpu in ids})
    if missing := [gpu for gpu in wanted if gpu not in by_index]:
        there = ", ".join(f"{gpu.index} ({gpu.name})" for gpu in gpus.found)
        why = f"the stack uses GPU {', '.join(map(str, missing))}, and the host has {there}"
        yield Problem((*path, "gpuIds"), wanted, why, "name GPUs that nvidia-smi lists, or use fewer")
    for gpu in (by_index[index] for index in wanted if index in by_index):
        if gpu.memory_mib is not None and gpu.memory_mib < _SAME_MEMORY * pool.gpu_memory_mib:
            why = f"GPU {gpu.index} is a {gpu.name} with {gpu.memory_mib} MiB, and the pool's has {pool.gpu_memory_mib}"
            yield Problem((*path, "gpu"), pool.gpu, why, "write the GPU of the host (hearth catalog gpus lists them)")


def memory_enough(plan: Plan, docker: DockerPlan, facts: HostFacts) -> Iterator[Problem]:
    """For all servers at once: the limits of their containers."""
    needed = sum(spec.memory_bytes for spec in containers(plan) if not spec.runs_to_end)
    if needed > facts.memory_bytes:
        why = f"the stack's containers may use {_gib(needed)} GiB, and the host has {_gib(facts.memory_bytes)}"
        remedy = "write the memory of the host here, and let the stack have fewer or smaller parts"
        yield Problem(("cpuNodes", "memoryGib"), plan.memory_gib_per_cpu_node, why, remedy)


def disk_enough(plan: Plan, docker: DockerPlan, facts: HostFacts) -> Iterator[Problem]:
    """For what is still to be downloaded; images come on top."""
    if facts.free_disk_bytes is None:
        return
    missing = sum(_missing(facts, name, size) for name, size in _downloads(plan, docker))
    if missing > facts.free_disk_bytes:
        why = f"{_gib(missing)} GiB of models are to be downloaded, and {facts.disk} has {_gib(facts.free_disk_bytes)}"
        remedy = (
            "free space (docker system df shows what Docker holds), use smaller models, or name a folder of a larger "
            "disk in hearth:storage.hostPath"
        )
        yield Problem(("storage", "hostPath"), docker.host_path, why, remedy)


def _downloads(plan: Plan, docker: DockerPlan) -> Iterator[tuple[str, float]]:
    """Caches of the stack, and the bytes of what they are for."""
    downloads = [download for model in plan.models for download in model.downloads]
    downloads += [service.download for service in plan.services if service.download]
    for download in downloads:
        yield docker.caches.get(download.claim.name, download.claim.name), download.claim.size_gib * GIB
    if plan.ollama:
        yield docker.caches[plan.ollama.claim.name], _ollama_gib(plan.ollama) * GIB


def _ollama_gib(ollama: OllamaPlan) -> float:
    """Its volume has room for more models, which need no space yet."""
    known = ollama_models()
    if all(tag in known for tag in ollama.models):
        return sum(known[tag].size_gib for tag in ollama.models)
    return ollama.claim.size_gib


def _missing(facts: HostFacts, cache: str, size: float) -> float:
    kept = facts.kept_bytes.get(cache, 0)
    return 0 if kept is None else max(0, size - kept)


def ports_free(plan: Plan, docker: DockerPlan, facts: HostFacts) -> Iterator[Problem]:
    """Those of the stack's own containers count as free: they are updated."""
    for workload, port in docker.ports.items():
        holders = [p for p in facts.published if p.port == port and _meets(p, docker.address)]
        if any(holder.stack == plan.stack for holder in holders):
            continue
        if holders:
            of = f" of stack {holders[0].stack}" if holders[0].stack else ""
            who = f"container {holders[0].container}{of}"
        elif port in facts.busy_ports:
            who = "another program"
        else:
            continue
        remedy = f"choose another port, or end it (ss -ltnp 'sport = :{port}' shows what listens)"
        yield Problem(("docker", "publish", workload), port, f"{who} listens there already", remedy)


def _meets(published: Published, address: str) -> bool:
    mine, theirs = ip_address(address), ip_address(published.address)
    return mine == theirs or mine.is_unspecified or theirs.is_unspecified


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with: 20.10.24+dfsg1 is (20, 10, 24)."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def _gib(size: float) -> str:
    return f"{size / GIB:.1f}"
