"""ChatPlatform: a whole stack, from node labels to the web UI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.backup import BackupTier, BackupTierArgs
from components.foundations import Foundation
from components.inference import InferenceTier, InferenceTierArgs
from components.model_weights import ModelWeights, ModelWeightsArgs
from components.ollama import OllamaTier, OllamaTierArgs
from components.postgres import PostgresTier, PostgresTierArgs
from components.provision import ProvisionTier, ProvisionTierArgs
from components.redis import RedisTier, RedisTierArgs
from components.services import ServiceTier, ServiceTierArgs
from components.web_ui import WebUiTier, WebUiTierArgs
from hearth.planning.plan import ModelPlan, Plan


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
    attempts: Mapping[str, str] = field(default_factory=dict[str, str])
    """With target docker: which attempt at a container this is, by its name, where an earlier one failed."""


class ChatPlatform(pulumi.ComponentResource):
    """Every tier of a stack, on the cluster or the Docker host that its plan names.

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
        ground = _foundation(name, plan, self, args.attempts)
        runtime, tier = ground.runtime, ground.tier
        redis = (
            RedisTier(f"{name}-redis", RedisTierArgs(plan.redis, runtime, args.redis_url), tier) if plan.redis else None
        )
        postgres = (
            PostgresTier(
                f"{name}-postgres",
                PostgresTierArgs(plan.postgres, runtime, args.database_url, ground.namespace, plan.labels),
                tier,
            )
            if plan.postgres
            else None
        )
        token = args.hugging_face_token
        servers: dict[str, InferenceTier | ServiceTier] = {
            model.name: _model(name, model, ground, token) for model in plan.models
        }
        for service in plan.services:
            args_of_service = ServiceTierArgs(service, runtime, token)
            servers[service.name] = ServiceTier(f"{name}-{service.name}", args_of_service, tier)
        self.endpoints = plan.endpoints
        if plan.ollama:
            needs = ground.gpus if plan.ollama.pool else ()
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
        self.namespace = ground.namespace
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


def _foundation(name: str, plan: Plan, parent: pulumi.Resource, attempts: Mapping[str, str]) -> Foundation:
    """That of the stack's target, whose provider alone is imported."""
    if plan.docker:
        from components.foundations.docker import prepare_docker

        return prepare_docker(name, plan, plan.docker, parent, attempts)
    from components.foundations.kubernetes import prepare_cluster

    return prepare_cluster(name, plan, parent)


def _model(
    name: str,
    model: ModelPlan,
    ground: Foundation,
    token: pulumi.Input[str] | None,
) -> InferenceTier:
    runtime, opts = ground.runtime, ground.tier
    weights = [
        ModelWeights(
            f"{name}-{download.name}-weights", ModelWeightsArgs(download.job, runtime, token, ground.engines), opts
        ).ready
        for download in model.downloads
    ]
    return InferenceTier(
        f"{name}-{model.name}",
        InferenceTierArgs(model.server, model.url, runtime, depends_on=[*ground.gpus, *weights]),
        opts,
    )
