"""RedisTier: sessions and WebSockets of the web UI, in Redis or Valkey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_random import RandomPassword

from components.runtimes import Runtime
from hearth.planning.plan import StorePlan

_PASSWORD_LENGTH = 40


@dataclass(frozen=True)
class RedisTierArgs:
    """The server, and where it runs."""

    plan: StorePlan
    runtime: Runtime
    depends_on: Sequence[pulumi.Resource] = ()


class RedisTier(pulumi.ComponentResource):
    """A server that reads its password from a file, and keeps its data on a volume.

    >>> redis = RedisTier("redis", RedisTierArgs(plan.redis, KubernetesRuntime("chat", {})))
    """

    url: pulumi.Output[str]
    """Secret: contains the password."""
    ready: pulumi.Resource

    def __init__(self, name: str, args: RedisTierArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:RedisTier", name, None, opts)
        plan = args.plan
        # Letters and digits only: it stands in a URL and in a configuration file.
        password = RandomPassword(
            name, length=_PASSWORD_LENGTH, special=False, opts=pulumi.ResourceOptions(parent=self)
        ).result
        server = args.runtime.run(
            name,
            plan.server,
            parent=self,
            secrets={"REDISCLI_AUTH": password, "auth.conf": password.apply(lambda word: f"requirepass {word}\n")},
            depends_on=args.depends_on,
        )
        self.url = password.apply(lambda word: f"redis://:{word}@{plan.host}:{plan.port}/0")
        self.ready = server.ready
        self.register_outputs({"url": self.url})
