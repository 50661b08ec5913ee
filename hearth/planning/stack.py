"""Settings -> Plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hearth.catalog.ollama import ollama_models
from hearth.catalog.versions import images as pinned_images
from hearth.planning import backup, foundation, provision, stores, web_ui, web_ui_env
from hearth.planning.connections import find_connection_problems
from hearth.planning.feasibility import find_host_problems, find_problems
from hearth.planning.inference import plan_model
from hearth.planning.model_feasibility import find_model_problems
from hearth.planning.models import JudgedModel, judge_models
from hearth.planning.ollama import plan_ollama
from hearth.planning.plan import (
    BackupPlan,
    ClusterAccess,
    ModelPlan,
    OllamaPlan,
    Plan,
    RuntimeClass,
    StorePlan,
    WebUiPlan,
)
from hearth.planning.pools import OLLAMA, PoolPlans, plan_pools
from hearth.planning.provision_files import ProvisionFiles, read_files
from hearth.planning.services import ServiceContext, plan_services
from hearth.problems import ConfigurationError
from hearth.settings.loading import LoadedStack, unaffected
from hearth.settings.stack import Settings


def make_plan(loaded: LoadedStack) -> Plan:
    """Decide everything about a stack.

    Raises ConfigurationError with every problem of the stack file: those of its text and those that planning finds.
    """
    settings = loaded.settings
    if settings is None:
        raise ConfigurationError(loaded.problems, loaded.source)
    pools = plan_pools(settings)
    images = _images(settings)
    models = judge_models(settings, pools, images)
    findings = [*find_model_problems(settings, pools, models, images), *find_problems(settings, pools)]
    findings += find_connection_problems(settings)
    files = read_files(settings.web_ui.provision, loaded.directory)
    findings += files.problems
    found = unaffected(findings, loaded.pruned)
    problems = [*loaded.problems, *loaded.locate(found)]
    if problems:
        raise ConfigurationError(problems, loaded.source)
    plan = _plan(settings, loaded.stack, pools, models, images, files)
    problems = list(find_host_problems(settings, plan.workloads, plan.postgres.cluster if plan.postgres else None))
    if problems:
        raise ConfigurationError(loaded.locate(problems), loaded.source)
    return plan


def given_secrets(settings: Settings) -> Mapping[str, str]:
    """Values of the identity provider's, buckets' and functions' secrets, by the variables of the workloads."""
    return {
        **web_ui_env.given_secrets(settings.web_ui),
        **backup.given_secrets(settings.backup),
        **provision.given_secrets(settings.web_ui.provision),
    }


def _images(settings: Settings) -> Mapping[str, str]:
    chosen = {
        "vllm": settings.engines.vllm.image if settings.engines.vllm else None,
        "sglang": settings.engines.sglang.image if settings.engines.sglang else None,
        "ollama": settings.engines.ollama.image if settings.engines.ollama else None,
        "openWebUi": settings.web_ui.image,
    }
    return {**pinned_images(), **{name: image for name, image in chosen.items() if image}}


def _plan(
    settings: Settings,
    stack: str,
    pools: PoolPlans,
    models: Mapping[str, JudgedModel],
    images: Mapping[str, str],
    files: ProvisionFiles,
) -> Plan:
    namespace = settings.namespace or f"hearth-{stack}"
    runtime_class = foundation.plan_runtime_class(settings, namespace)
    nfs_class = foundation.plan_nfs_class(settings, namespace)
    storage_class = nfs_class.name if nfs_class else settings.storage.storage_class or ""
    database_class = settings.web_ui.database.storage_class or settings.storage.database_storage_class or storage_class
    own_classes = {nfs_class.name} if nfs_class else set[str]()
    served = _models(settings, pools, models, images, storage_class, runtime_class)
    ollama = _ollama(settings, pools, images, storage_class, runtime_class)
    context = stores.StoreContext(images, database_class, settings.time_zone, settings.storage.retain_data)
    redis = stores.plan_redis(settings.web_ui, context, callers=(web_ui.NAME,))
    postgres = stores.plan_database(settings.web_ui, context, callers=_database_callers(settings))
    services = plan_services(
        settings.web_ui, ServiceContext(images, settings.hugging_face, storage_class, settings.time_zone)
    )
    chat = web_ui.plan_web_ui(
        settings.web_ui,
        models=served,
        ollama=ollama,
        redis=redis,
        postgres=postgres,
        services=services,
        image=images["openWebUi"],
        files_class=storage_class if postgres else database_class,
        time_zone=settings.time_zone,
    )
    kept = _backup(settings, stack, namespace, images, chat, postgres, storage_class)
    backup_classes = {claim.storage_class for claim in kept.create.claims} if kept else set[str]()
    return Plan(
        stack=stack,
        target=settings.target,
        namespace=namespace,
        labels={"app.kubernetes.io/part-of": "hearth", "app.kubernetes.io/instance": stack},
        cluster=ClusterAccess(settings.cluster.kubeconfig, settings.cluster.context),
        add_ons=foundation.plan_add_ons(settings, runtime_class),
        runtime_class=runtime_class,
        node_pools=tuple(pools.by_name.values()),
        cpu_node_count=settings.cpu_nodes.count,
        cpus_per_cpu_node=settings.cpu_nodes.cpus,
        memory_gib_per_cpu_node=settings.cpu_nodes.memory_gib,
        storage_class=storage_class,
        nfs_class=nfs_class,
        # What an operator makes ends with its Cluster, on whichever class.
        retain_claims=settings.storage.retain_data
        and bool({storage_class, database_class, *backup_classes} - own_classes or (postgres and postgres.cluster)),
        address_pool=foundation.plan_address_pool(settings, namespace),
        quota=foundation.quota_limits(settings.quota),
        models=served,
        ollama=ollama,
        redis=redis,
        postgres=postgres,
        services=services,
        web_ui=chat,
        provision=provision.plan_provision(settings, files, models=served, ollama=ollama, image=images["openWebUi"]),
        backup=kept,
        warnings=(
            *_warnings(settings, pools, served, nfs_class is not None and database_class == storage_class),
            *_function_warnings(files),
        ),
    )


def _models(
    settings: Settings,
    pools: PoolPlans,
    judged: Mapping[str, JudgedModel],
    images: Mapping[str, str],
    storage_class: str,
    runtime_class: RuntimeClass | None,
) -> tuple[ModelPlan, ...]:
    return tuple(
        plan_model(
            model,
            memory=judged[model.name].memory,
            serving=judged[model.name].serving,
            pool=pools.by_name[model.pool],
            placement=pools.placement(model.pool, model.name),
            image=images[model.engine],
            hugging_face=settings.hugging_face,
            storage_class=storage_class,
            read_mib_per_second=settings.storage.read_mib_per_second,
            runtime_class=runtime_class.name if runtime_class else None,
            time_zone=settings.time_zone,
        )
        for model in settings.models
    )


def _ollama(
    settings: Settings,
    pools: PoolPlans,
    images: Mapping[str, str],
    storage_class: str,
    runtime_class: RuntimeClass | None,
) -> OllamaPlan | None:
    ollama = settings.ollama
    if ollama is None:
        return None
    sizes = [ollama_models()[tag].size_gib for tag in ollama.models if tag in ollama_models()]
    return plan_ollama(
        ollama,
        sizes_gib=sizes,
        image=images["ollama"],
        pool=pools.by_name[ollama.pool] if ollama.pool else None,
        placement=pools.placement(ollama.pool, OLLAMA) if ollama.pool else None,
        storage_class=storage_class,
        runtime_class=runtime_class.name if runtime_class else None,
        time_zone=settings.time_zone,
    )


def _database_callers(settings: Settings) -> tuple[str, ...]:
    return (web_ui.NAME, web_ui.MIGRATION, *(backup.DATABASE_CALLERS if settings.backup else ()))


def _backup(
    settings: Settings,
    stack: str,
    namespace: str,
    images: Mapping[str, str],
    chat: WebUiPlan,
    postgres: StorePlan | None,
    storage_class: str,
) -> BackupPlan | None:
    if settings.backup is None:
        return None
    database = settings.web_ui.database
    engine = "cloudnativePg" if database.engine == "cloudnativePg" else "postgres"
    context = backup.BackupContext(
        stack=stack,
        namespace=namespace,
        web_ui=chat,
        postgres=postgres,
        tools_image=settings.backup.tools_image or database.image or images[engine],
        storage_class=storage_class,
        time_zone=settings.time_zone,
    )
    return backup.plan_backup(settings.backup, context)


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


def _function_warnings(files: ProvisionFiles) -> Iterator[str]:
    for name, source in files.sources.items():
        if source.requirements:
            yield (
                f"function {name} asks for {source.requirements}, which nobody installs, as workers that do so at once "
                "fail: where Open WebUI's image lacks a package, add it to one of your own and set hearth:webUi.image"
            )


def _warnings(settings: Settings, pools: PoolPlans, served: tuple[ModelPlan, ...], database_on_nfs: bool) -> list[str]:
    """What works, but deserves a second look."""
    found: list[str] = []
    if database_on_nfs and settings.web_ui.database.engine in ("postgres", "cloudnativePg"):
        found.append(
            "Postgres is on NFS: export the share with sync and no_root_squash, "
            "or set hearth:storage.databaseStorageClass to block storage"
        )
    found += _backup_warnings(settings)
    if settings.web_ui.redis and settings.web_ui.redis.external:
        found.append(
            "Redis is external: no other stack and no other Open WebUI may use the same server, whatever its database "
            "number, as they would receive each other's messages"
        )
    if settings.web_ui.exposure.type == "loadBalancer":
        found.append(
            "the chat is served over plain HTTP: use exposure type gateway or ingress with tls outside of a lab"
        )
    elif settings.web_ui.exposure.type != "none" and settings.web_ui.exposure.tls is None:
        found.append("the edge has no certificate: set hearth:webUi.exposure.tls")
    moving = [model.name for model in settings.models if model.revision == "main"]
    if moving:
        found.append(
            f"the weights of {', '.join(moving[:5])} follow the branch main: pin hearth:models[].revision to a commit"
        )
    for model in served:
        if model.engine == "sglang" and model.adapters:
            found.append(
                f"SGLang lists the adapters of {model.name} by their own names too, under which the model answers "
                f"without them: people and programs choose {', '.join(model.adapters[:5])}"
            )
    users = {model.pool for model in served} | {settings.ollama.pool if settings.ollama else None}
    for name, pool in pools.by_name.items():
        uncertain = [m.name for m in served if m.pool == name and not pools.placement(name, m.name).certain]
        if uncertain:
            found.append(
                f"pool {name} is so full that the order in which pods start decides whether all of "
                f"{', '.join(uncertain[:5])} find room: start with fewer replicas and raise them afterwards"
            )
        if name not in users:
            found.append(f"pool {name} has {pool.gpus} GPUs that no model uses")
    return found
