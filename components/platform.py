"""ChatPlatform: a whole stack, from node labels to the web UI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes import Provider

from components.add_on import AddOnArgs, AddOnRelease
from components.backup import BackupTier, BackupTierArgs
from components.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from components.gpu_support import GpuSupport, GpuSupportArgs
from components.inference import InferenceTier, InferenceTierArgs
from components.load_balancer_pool import LoadBalancerPool, LoadBalancerPoolArgs
from components.model_weights import ModelWeights, ModelWeightsArgs
from components.namespace import IsolatedNamespace, IsolatedNamespaceArgs
from components.nfs_storage import NfsStorage, NfsStorageArgs
from components.ollama import OllamaTier, OllamaTierArgs
from components.postgres import PostgresTier, PostgresTierArgs
from components.provision import ProvisionTier, ProvisionTierArgs
from components.redis import RedisTier, RedisTierArgs
from components.runtimes import Runtime
from components.runtimes.kubernetes import KubernetesRuntime
from components.services import ServiceTier, ServiceTierArgs
from components.web_ui import WebUiTier, WebUiTierArgs
from hearth.planning.plan import AddOn, ModelPlan, Plan

_NFS_DRIVER = "csiDriverNfs"
_METALLB = "metallb"
_POSTGRES_OPERATOR = "cloudnativePg"
_GPU_ADD_ONS = ("nvidiaDevicePlugin", "gpuOperator")


@dataclass(frozen=True)
class ChatPlatformArgs:
    """The plan, and the secrets that only its owner knows."""

    plan: Plan
    hugging_face_token: pulumi.Input[str] | None = None
    admin_password: pulumi.Input[str] | None = None
    """Of the web UI's first account; generated when left out."""
    given_secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Of the identity provider, buckets and functions, by the variables of the workloads that need them."""
    redis_url: pulumi.Input[str] | None = None
    """Of an external Redis."""
    database_url: pulumi.Input[str] | None = None
    """Of an external Postgres."""


class ChatPlatform(pulumi.ComponentResource):
    """Every tier of a stack, on the cluster that its plan names.

    >>> platform = ChatPlatform("chat", ChatPlatformArgs(plan=make_plan(load_stack(Path("."), "prod"))))
    >>> pulumi.export("url", platform.url)
    """

    namespace: pulumi.Output[str]
    endpoints: Mapping[str, str]
    """Base URL of each model's API inside the cluster, by every name that requests choose it by."""
    url: pulumi.Output[str | None]
    """Where people reach the web UI; None where it is not exposed."""
    load_balancer_address: pulumi.Output[str] | None
    admin_password: pulumi.Output[str]
    """Secret."""

    def __init__(self, name: str, args: ChatPlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:ChatPlatform", name, None, opts)
        plan = args.plan
        cluster = Provider(
            f"{name}-cluster",
            context=plan.cluster.context,
            kubeconfig=plan.cluster.kubeconfig,
            cluster_identifier=plan.cluster.context or plan.stack,
            enable_server_side_apply=True,
            # Replaced Secrets and ConfigMaps would be missed by running pods; a checksum rolls the pods instead.
            enable_secret_mutable=True,
            enable_config_map_mutable=True,
            # Claims and the namespace that an earlier deployment left are taken over.
            upsert_existing_objects=plan.retain_claims,
            opts=pulumi.ResourceOptions(parent=self),
        )
        part = pulumi.ResourceOptions(parent=self, providers=[cluster])
        add_ons = {add_on.name: add_on for add_on in plan.add_ons}
        gpus = _gpu_support(name, plan, add_ons, part)
        namespace = IsolatedNamespace(
            name,
            IsolatedNamespaceArgs(
                plan.namespace,
                labels=plan.labels,
                quota=plan.quota,
                retain=plan.retain_claims,
                depends_on=_foundation(name, plan, add_ons, part),
            ),
            part,
        )
        runtime = KubernetesRuntime(namespace.name, plan.labels, plan.retain_claims)
        # Objects of a namespace end with it, all at once; one that is kept has to be emptied.
        tier = pulumi.ResourceOptions(
            parent=self, providers=[cluster], deleted_with=None if plan.retain_claims else namespace.resource
        )

        redis = (
            RedisTier(f"{name}-redis", RedisTierArgs(plan.redis, runtime, args.redis_url), tier) if plan.redis else None
        )
        postgres = (
            PostgresTier(
                f"{name}-postgres",
                PostgresTierArgs(plan.postgres, runtime, args.database_url, namespace.name, plan.labels),
                tier,
            )
            if plan.postgres
            else None
        )
        token = args.hugging_face_token
        servers: dict[str, InferenceTier | ServiceTier] = {
            model.name: _model(name, model, runtime, gpus, token, tier) for model in plan.models
        }
        for service in plan.services:
            args_of_service = ServiceTierArgs(service, runtime, token)
            servers[service.name] = ServiceTier(f"{name}-{service.name}", args_of_service, tier)
        self.endpoints = plan.endpoints
        if plan.ollama:
            needs = gpus if plan.ollama.pool else ()
            OllamaTier(f"{name}-ollama", OllamaTierArgs(plan.ollama, runtime, needs), tier)
        web_ui = WebUiTier(
            f"{name}-web-ui",
            WebUiTierArgs(
                plan.web_ui,
                runtime,
                api_keys={key: server.api_key for key, server in servers.items() if server.api_key is not None},
                given=args.given_secrets,
                redis_url=redis.url if redis else None,
                database_url=postgres.url if postgres else None,
                admin_password=args.admin_password,
                depends_on=[resource for store in (redis, postgres) if store for resource in store.ready],
            ),
            tier,
        )
        if plan.backup:
            BackupTier(f"{name}-backup", BackupTierArgs(plan.backup, runtime, web_ui.secrets, [web_ui.ready]), tier)
        if plan.provision:
            args_of_job = ProvisionTierArgs(
                plan.provision, runtime, web_ui.admin_password, args.given_secrets, [web_ui.ready]
            )
            ProvisionTier(f"{name}-provision", args_of_job, tier)
        self.namespace = namespace.name
        self.url = web_ui.url
        self.load_balancer_address = web_ui.address
        self.admin_password = web_ui.admin_password
        self.register_outputs(
            {
                "namespace": self.namespace,
                "endpoints": self.endpoints,
                "url": self.url,
                "loadBalancerAddress": self.load_balancer_address,
                "adminPassword": self.admin_password,
            }
        )


def _gpu_support(
    name: str, plan: Plan, add_ons: Mapping[str, AddOn], opts: pulumi.ResourceOptions
) -> Sequence[pulumi.Resource]:
    """What containers need to use GPUs; nothing where the stack has none."""
    if not plan.node_pools:
        return ()
    chosen = [add_ons[key] for key in _GPU_ADD_ONS if key in add_ons]
    return GpuSupport(f"{name}-gpu", GpuSupportArgs(plan.runtime_class, chosen, plan.labels), opts).ready


def _foundation(
    name: str, plan: Plan, add_ons: Mapping[str, AddOn], opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """Nodes, storage, addresses and operators: what the namespace comes after.

    Pods without GPUs then find the GPU nodes tainted already, and a destroyed namespace can still release its volumes.
    """
    pools = [GpuNodePool(f"{name}-{pool.name}", GpuNodePoolArgs(pool), opts).ready for pool in plan.node_pools]
    found = [ready for ready in pools if ready]
    if plan.nfs_class:
        args = NfsStorageArgs(plan.nfs_class, add_ons.get(_NFS_DRIVER), labels=plan.labels)
        found.append(NfsStorage(f"{name}-nfs", args, opts).ready)
    if plan.address_pool:
        args = LoadBalancerPoolArgs(plan.address_pool, add_ons.get(_METALLB), plan.labels)
        found.append(LoadBalancerPool(f"{name}-addresses", args, opts).ready)
    if _POSTGRES_OPERATOR in add_ons:
        operator = AddOnRelease(f"{name}-postgres-operator", AddOnArgs(add_ons[_POSTGRES_OPERATOR], plan.labels), opts)
        found += [operator.ready] if operator.ready else []
    return found


def _model(
    name: str,
    model: ModelPlan,
    runtime: Runtime,
    gpus: Sequence[pulumi.Resource],
    token: pulumi.Input[str] | None,
    opts: pulumi.ResourceOptions,
) -> InferenceTier:
    weights = [
        ModelWeights(f"{name}-{download.name}-weights", ModelWeightsArgs(download.job, runtime, token), opts).ready
        for download in model.downloads
    ]
    return InferenceTier(
        f"{name}-{model.name}",
        InferenceTierArgs(model.server, model.url, runtime, depends_on=[*gpus, *weights]),
        opts,
    )
