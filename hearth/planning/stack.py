"""Settings -> Plan."""

from __future__ import annotations

from collections.abc import Mapping

from hearth.catalog.ollama import ollama_models
from hearth.catalog.versions import images as pinned_images
from hearth.planning import foundation, stores, web_ui
from hearth.planning.feasibility import find_host_problems, find_problems
from hearth.planning.inference import plan_model
from hearth.planning.model_feasibility import find_model_problems
from hearth.planning.models import JudgedModel, judge_models
from hearth.planning.ollama import plan_ollama
from hearth.planning.plan import ClusterAccess, ModelPlan, OllamaPlan, Plan, RuntimeClass, StorePlan
from hearth.planning.pools import OLLAMA, PoolPlans, plan_pools
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
    found = unaffected(findings, loaded.pruned)
    problems = [*loaded.problems, *loaded.locate(found)]
    if problems:
        raise ConfigurationError(problems, loaded.source)
    plan = _plan(settings, loaded.stack, pools, models, images)
    problems = list(find_host_problems(settings, plan.workloads))
    if problems:
        raise ConfigurationError(loaded.locate(problems), loaded.source)
    return plan


def _images(settings: Settings) -> Mapping[str, str]:
    chosen = {
        "vllm": settings.engines.vllm.image if settings.engines.vllm else None,
        "sglang": settings.engines.sglang.image if settings.engines.sglang else None,
        "ollama": settings.engines.ollama.image if settings.engines.ollama else None,
        "openWebUi": settings.web_ui.image,
        "postgres": settings.web_ui.database.image,
        settings.web_ui.redis.engine if settings.web_ui.redis else "valkey": (
            settings.web_ui.redis.image if settings.web_ui.redis else None
        ),
    }
    return {**pinned_images(), **{name: image for name, image in chosen.items() if image}}


def _plan(
    settings: Settings, stack: str, pools: PoolPlans, models: Mapping[str, JudgedModel], images: Mapping[str, str]
) -> Plan:
    namespace = settings.namespace or f"hearth-{stack}"
    runtime_class = foundation.plan_runtime_class(settings, namespace)
    nfs_class = foundation.plan_nfs_class(settings, namespace)
    storage_class = nfs_class.name if nfs_class else settings.storage.storage_class or ""
    database_class = settings.web_ui.database.storage_class or settings.storage.database_storage_class or storage_class
    own_classes = {nfs_class.name} if nfs_class else set[str]()
    served = _models(settings, pools, models, images, storage_class, runtime_class)
    ollama = _ollama(settings, pools, images, storage_class, runtime_class)
    redis, postgres = _stores(settings, images, database_class)
    chat = web_ui.plan_web_ui(
        settings.web_ui,
        models=served,
        ollama=ollama,
        redis=redis,
        postgres=postgres,
        image=images["openWebUi"],
        files_class=storage_class if postgres else database_class,
        time_zone=settings.time_zone,
    )
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
        retain_claims=settings.storage.retain_data and bool({storage_class, database_class} - own_classes),
        address_pool=foundation.plan_address_pool(settings, namespace),
        quota=foundation.quota_limits(settings.quota),
        models=served,
        ollama=ollama,
        redis=redis,
        postgres=postgres,
        web_ui=chat,
        warnings=tuple(_warnings(settings, pools, served, nfs_class is not None and database_class == storage_class)),
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


def _stores(
    settings: Settings, images: Mapping[str, str], storage_class: str
) -> tuple[StorePlan | None, StorePlan | None]:
    chat = settings.web_ui
    redis = postgres = None
    if chat.redis:
        redis = stores.plan_redis(
            chat.redis,
            image=images[chat.redis.engine],
            storage_class=storage_class,
            callers=(web_ui.NAME,),
            time_zone=settings.time_zone,
        )
    if chat.database.engine == "postgres":
        postgres = stores.plan_postgres(
            chat.database,
            image=images["postgres"],
            storage_class=storage_class,
            callers=(web_ui.NAME, web_ui.MIGRATION),
            max_connections=web_ui.max_connections(chat),
            time_zone=settings.time_zone,
        )
    return redis, postgres


def _warnings(settings: Settings, pools: PoolPlans, served: tuple[ModelPlan, ...], database_on_nfs: bool) -> list[str]:
    """What works, but deserves a second look."""
    found: list[str] = []
    if database_on_nfs and settings.web_ui.database.engine == "postgres":
        found.append(
            "Postgres is on NFS: export the share with sync and no_root_squash, "
            "or set hearth:storage.databaseStorageClass to block storage"
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
