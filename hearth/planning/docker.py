"""The one host of target docker: who gets which port, which GPUs and which volumes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from hearth.planning.host import DockerPlan, NfsShare
from hearth.planning.plan import DownloadPlan, OllamaPlan
from hearth.planning.pools import OLLAMA
from hearth.settings.stack import Settings


def plan_docker(settings: Settings, downloads: Iterable[DownloadPlan], ollama: OllamaPlan | None) -> DockerPlan:
    """Everything that a cluster would decide when it runs."""
    nfs = settings.storage.nfs
    return DockerPlan(
        host=settings.docker.host,
        address=settings.docker.address,
        ports=settings.published_ports,
        ipc=settings.docker.ipc,
        gpu_ids=_gpu_ids(settings),
        caches=_caches(downloads, ollama),
        nfs=NfsShare(nfs.server, nfs.share, tuple(nfs.mount_options)) if nfs else None,
        host_path=settings.storage.host_path,
        retain_data=settings.storage.retain_data,
    )


def _gpu_ids(settings: Settings) -> Mapping[str, tuple[int, ...]]:
    """In the order of the file, so that a model added at its end moves none of the others."""
    found: dict[str, tuple[int, ...]] = {}
    for pool in settings.gpu_node_pools:
        free = pool.gpu_ids or list(range(pool.gpus_per_node))
        wanted = [(model.name, model.gpus) for model in settings.models if model.pool == pool.name]
        if settings.ollama and settings.ollama.pool == pool.name:
            wanted.append((OLLAMA, settings.ollama.gpus))
        for name, count in wanted:
            found[name], free = tuple(free[:count]), free[count:]
    return found


def _caches(downloads: Iterable[DownloadPlan], ollama: OllamaPlan | None) -> Mapping[str, str]:
    """The same model is the same volume, whichever stack asks for it; another revision is another one."""
    found = {
        d.claim.name: f"hearth-weights-{_slug(d.repository)}-{_digest(d.repository, d.revision)}" for d in downloads
    }
    return found | ({ollama.claim.name: f"hearth-ollama-{_digest(*sorted(ollama.models))}"} if ollama else {})


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.rpartition("/")[2].lower()).strip("-")[:40]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]
