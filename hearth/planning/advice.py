"""What works, but deserves a second look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hearth.planning.host import DockerPlan
from hearth.planning.plan import ModelPlan
from hearth.planning.pools import PoolPlans
from hearth.planning.provision_files import ProvisionFiles
from hearth.planning.reach import is_loopback
from hearth.settings.stack import Settings


def cluster_warnings(settings: Settings, *, database_on_nfs: bool) -> Iterator[str]:
    """Of a stack on a cluster."""
    if database_on_nfs and settings.web_ui.database.engine in ("postgres", "cloudnativePg"):
        yield (
            "Postgres is on NFS: export the share with sync and no_root_squash, "
            "or set hearth:storage.databaseStorageClass to block storage"
        )
    yield from _backup_warnings(settings)
    if settings.web_ui.exposure.type == "loadBalancer":
        yield "the chat is served over plain HTTP: use exposure type gateway or ingress with tls outside of a lab"
    elif settings.web_ui.exposure.type != "none" and settings.web_ui.exposure.tls is None:
        yield "the edge has no certificate: set hearth:webUi.exposure.tls"


def docker_warnings(docker: DockerPlan, *, database_on_host: bool) -> Iterator[str]:
    """Of a stack on one host."""
    if docker.ports and not is_loopback(docker.address):
        yield (
            f"{', '.join(docker.ports)} are served over plain HTTP to everybody who reaches {docker.address}: use "
            "hearth:docker.address 127.0.0.1 and a proxy with a certificate outside of a lab"
        )
    if docker.ipc == "host":
        yield "hearth:docker.ipc is host: servers of models see the shared memory of every process of the host"
    if docker.nfs and database_on_host:
        yield "Postgres is on NFS: export the share with sync and no_root_squash, or use hearth:storage.hostPath"
    if docker.host_path and not docker.retain_data:
        yield (
            f"folders in {docker.host_path} stay when the stack is destroyed, although hearth:storage.retainData is "
            "false: remove them by hand"
        )


def warnings(
    settings: Settings, pools: PoolPlans, served: Sequence[ModelPlan], files: ProvisionFiles
) -> Iterator[str]:
    """Of a stack on any target."""
    if settings.web_ui.redis and settings.web_ui.redis.external:
        yield (
            "Redis is external: no other stack and no other Open WebUI may use the same server, whatever its database "
            "number, as they would receive each other's messages"
        )
    moving = [model.name for model in settings.models if model.revision == "main"]
    if moving:
        yield f"the weights of {', '.join(moving[:5])} follow the branch main: pin hearth:models[].revision to a commit"
    for model in served:
        if model.engine == "sglang" and model.adapters:
            yield (
                f"SGLang lists the adapters of {model.name} by their own names too, under which the model answers "
                f"without them: people and programs choose {', '.join(model.adapters[:5])}"
            )
    users = {model.pool for model in served} | {settings.ollama.pool if settings.ollama else None}
    for name, pool in pools.by_name.items():
        uncertain = [m.name for m in served if m.pool == name and not pools.placement(name, m.name).certain]
        if uncertain:
            yield (
                f"pool {name} is so full that the order in which pods start decides whether all of "
                f"{', '.join(uncertain[:5])} find room: start with fewer replicas and raise them afterwards"
            )
        if name not in users:
            yield f"pool {name} has {pool.gpus} GPUs that no model uses"
    for name, source in files.sources.items():
        if source.requirements:
            yield (
                f"function {name} asks for {source.requirements}, which nobody installs, as workers that do so at once "
                "fail: where Open WebUI's image lacks a package, add it to one of your own and set hearth:webUi.image"
            )


def _backup_warnings(settings: Settings) -> Iterator[str]:
    kept = settings.backup
    if kept is None:
        yield "nothing is backed up: set hearth:backup"
        return
    if settings.web_ui.database.in_postgres and settings.web_ui.uploads.s3:
        yield "uploads are in a bucket, of which hearth:backup makes no copy: turn on versioning there"
    if kept.to.volume and kept.to.volume.storage_class is None:
        yield (
            "backups are on the same storage as the weights, so that its loss takes them too: set "
            "hearth:backup.to.volume.storageClass to another one, or use hearth:backup.to.s3"
        )
