"""Settings -> Plan."""

from __future__ import annotations

from collections.abc import Mapping

from hearth.catalog.ollama import ollama_models
from hearth.catalog.versions import images as pinned_images
from hearth.planning import backup, provision, stores, web_ui, web_ui_env
from hearth.planning.advice import cluster_warnings, docker_warnings, warnings
from hearth.planning.builds import plan_vllm_build
from hearth.planning.connections import find_connection_problems
from hearth.planning.docker import plan_docker
from hearth.planning.feasibility import find_host_problems, find_memory_problems, find_problems
from hearth.planning.foundation import ClusterParts, plan_cluster_parts
from hearth.planning.host import ImageBuild
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
    StorePlan,
    WebUiPlan,
)
from hearth.planning.pools import OLLAMA, PoolPlans, plan_pools
from hearth.planning.provision_files import ProvisionFiles, read_files
from hearth.planning.reach import cluster_reach, host_reach
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
    builds = _builds(settings)
    images = _images(settings, builds)
    models = judge_models(settings, pools, images)
    findings = [*find_model_problems(settings, pools, models, images), *find_problems(settings, pools)]
    findings += find_connection_problems(settings)
    files = read_files(settings.web_ui.provision, loaded.directory)
    findings += files.problems
    found = unaffected(findings, loaded.pruned)
    problems = [*loaded.problems, *loaded.locate(found)]
    if problems:
        raise ConfigurationError(problems, loaded.source)
    plan = _plan(settings, loaded.stack, pools, models, images, files, builds)
    if plan.docker:
        problems = list(find_memory_problems(settings, plan.workloads))
    else:
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


def _images(settings: Settings, builds: Mapping[str, ImageBuild]) -> Mapping[str, str]:
    """Image of each part by its name: built, else the stack's choice, else the pinned one."""
    chosen = {
        "vllm": settings.engines.vllm.image if settings.engines.vllm else None,
        "sglang": settings.engines.sglang.image if settings.engines.sglang else None,
        "ollama": settings.engines.ollama.image if settings.engines.ollama else None,
        "openWebUi": settings.web_ui.image,
    }
    built = {name: build.name for name, build in builds.items()}
    return {**pinned_images(), **{name: image for name, image in chosen.items() if image}, **built}


def _builds(settings: Settings) -> Mapping[str, ImageBuild]:
    """By engine, as far as a model uses it."""
    vllm = settings.engines.vllm
    if vllm is None or vllm.build is None or not any(model.engine == "vllm" for model in settings.models):
        return {}
    base = vllm.image or pinned_images()["vllm"]
    return {"vllm": plan_vllm_build(vllm.build, base=base, time_zone=settings.time_zone)}


def _plan(
    settings: Settings,
    stack: str,
    pools: PoolPlans,
    models: Mapping[str, JudgedModel],
    images: Mapping[str, str],
    files: ProvisionFiles,
    builds: Mapping[str, ImageBuild],
) -> Plan:
    namespace = settings.namespace or f"hearth-{stack}"
    parts = plan_cluster_parts(settings, namespace)
    served = _models(settings, pools, models, images, parts)
    ollama = _ollama(settings, pools, images, parts)
    context = stores.StoreContext(images, parts.database_class, settings.time_zone, settings.storage.retain_data)
    redis = stores.plan_redis(settings.web_ui, context, callers=(web_ui.NAME,))
    postgres = stores.plan_database(settings.web_ui, context, callers=_database_callers(settings))
    services = plan_services(
        settings.web_ui, ServiceContext(images, settings.hugging_face, parts.storage_class, settings.time_zone)
    )
    downloads = [*(download for model in served for download in model.downloads)]
    downloads += [service.download for service in services if service.download]
    host = plan_docker(settings, downloads, ollama) if settings.target == "docker" else None
    chat = web_ui.plan_web_ui(
        settings.web_ui,
        models=served,
        ollama=ollama,
        redis=redis,
        postgres=postgres,
        services=services,
        image=images["openWebUi"],
        reach=host_reach(settings.web_ui, web_ui.NAME, host) if host else cluster_reach(settings.web_ui, web_ui.PORT),
        files_class=parts.storage_class if postgres else parts.database_class,
        time_zone=settings.time_zone,
    )
    kept = _backup(settings, stack, namespace, images, chat, postgres, parts.storage_class)
    return Plan(
        stack=stack,
        target=settings.target,
        namespace=namespace,
        labels={"app.kubernetes.io/part-of": "hearth", "app.kubernetes.io/instance": stack},
        docker=host,
        builds=tuple(builds.values()),
        cluster=ClusterAccess(settings.cluster.kubeconfig, settings.cluster.context),
        add_ons=parts.add_ons,
        runtime_class=parts.runtime_class,
        node_pools=tuple(pools.by_name.values()),
        cpu_node_count=1 if host else settings.cpu_nodes.count,
        cpus_per_cpu_node=settings.cpu_nodes.cpus,
        memory_gib_per_cpu_node=settings.cpu_nodes.memory_gib,
        storage_class=parts.storage_class,
        nfs_class=parts.nfs_class,
        retain_claims=not host and _retains_claims(settings, parts, postgres, kept),
        address_pool=parts.address_pool,
        quota=parts.quota,
        models=served,
        ollama=ollama,
        redis=redis,
        postgres=postgres,
        services=services,
        web_ui=chat,
        provision=provision.plan_provision(settings, files, models=served, ollama=ollama, image=images["openWebUi"]),
        backup=kept,
        warnings=(
            *(
                docker_warnings(host, database_on_host=bool(postgres and postgres.servers))
                if host
                else cluster_warnings(
                    settings, database_on_nfs=bool(parts.nfs_class) and parts.database_class == parts.storage_class
                )
            ),
            *warnings(settings, pools, served, files),
        ),
    )


def _retains_claims(
    settings: Settings, parts: ClusterParts, postgres: StorePlan | None, kept: BackupPlan | None
) -> bool:
    """Whether data must be kept in the cluster: on the stack's own class it outlives its claims."""
    backup_classes = {claim.storage_class for claim in kept.create.claims} if kept else set[str]()
    own_classes = {parts.nfs_class.name} if parts.nfs_class else set[str]()
    others = {parts.storage_class, parts.database_class, *backup_classes} - own_classes
    # What an operator makes ends with its Cluster, on whichever class.
    return settings.storage.retain_data and bool(others or (postgres and postgres.cluster))


def _models(
    settings: Settings,
    pools: PoolPlans,
    judged: Mapping[str, JudgedModel],
    images: Mapping[str, str],
    parts: ClusterParts,
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
            storage_class=parts.storage_class,
            read_mib_per_second=settings.storage.read_mib_per_second,
            runtime_class=parts.runtime_class.name if parts.runtime_class else None,
            time_zone=settings.time_zone,
        )
        for model in settings.models
    )


def _ollama(
    settings: Settings,
    pools: PoolPlans,
    images: Mapping[str, str],
    parts: ClusterParts,
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
        storage_class=parts.storage_class,
        runtime_class=parts.runtime_class.name if parts.runtime_class else None,
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
