"""ServiceTier: a server beside the web UI, behind an API key of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_random import RandomPassword

from components.model_weights import ModelWeights, ModelWeightsArgs
from components.runtimes import Need, Runtime
from hearth.planning.plan import ServicePlan

_KEY_LENGTH = 40


@dataclass(frozen=True)
class ServiceTierArgs:
    """The server, and where it runs."""

    plan: ServicePlan
    runtime: Runtime
    hugging_face_token: pulumi.Input[str] | None = None
    """For a model that asks for one."""
    depends_on: Sequence[Need] = ()


class ServiceTier(pulumi.ComponentResource):
    """Speech to text, content extraction or Pipelines; a model that it serves is fetched before it starts.

    >>> speech = ServiceTier("speech", ServiceTierArgs(plan.services[0], KubernetesRuntime("chat", {})))
    """

    api_key: pulumi.Output[str] | None
    """Secret; None where the server takes none."""
    url: str
    ready: Need

    def __init__(self, name: str, args: ServiceTierArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:ServiceTier", name, None, opts)
        plan, needs = args.plan, list(args.depends_on)
        own = pulumi.ResourceOptions(parent=self)
        self.api_key = RandomPassword(name, length=_KEY_LENGTH, special=False, opts=own).result if plan.key else None
        self.url = plan.url
        if plan.download:
            weights = ModelWeightsArgs(plan.download.job, args.runtime, args.hugging_face_token, args.depends_on)
            needs.append(ModelWeights(f"{name}-weights", weights, own).ready)
        secrets = {plan.key: self.api_key} if plan.key and self.api_key is not None else {}
        self.ready = args.runtime.run(name, plan.server, parent=self, secrets=secrets, depends_on=needs).ready
        self.register_outputs({"apiKey": self.api_key, "url": self.url})
