"""RedisTier: sessions and WebSockets of the web UI, in Redis, Valkey or Dragonfly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_random import RandomPassword

from components.runtimes import Need, Runtime
from hearth.planning.plan import StorePlan

_PASSWORD_LENGTH = 40


@dataclass(frozen=True)
class RedisTierArgs:
    """The server, and where it runs."""

    plan: StorePlan
    runtime: Runtime
    url: pulumi.Input[str] | None = None
    """Of an external server."""
    depends_on: Sequence[Need] = ()


class RedisTier(pulumi.ComponentResource):
    """Servers that share a password and keep their data on volumes; nothing but the URL of one that is external.

    >>> redis = RedisTier("redis", RedisTierArgs(plan.redis, KubernetesRuntime("chat", {})))
    """

    url: pulumi.Output[str]
    """Secret: contains the password."""
    ready: Sequence[Need]
    """What the web UI comes after."""

    def __init__(self, name: str, args: RedisTierArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:RedisTier", name, None, opts)
        plan = args.plan
        if plan.servers:
            self.url, self.ready = self._servers(name, args)
        elif args.url is not None:
            self.url, self.ready = pulumi.Output.secret(args.url), ()
        else:
            raise ValueError("Redis is external, but its URL is missing; give RedisTierArgs.url")
        self.register_outputs({"url": self.url})

    def _servers(self, name: str, args: RedisTierArgs) -> tuple[pulumi.Output[str], list[Need]]:
        # Letters and digits only: it stands in a URL and in configuration files, and Sentinels get it as it is.
        password = RandomPassword(
            name, length=_PASSWORD_LENGTH, special=False, opts=pulumi.ResourceOptions(parent=self)
        ).result
        secrets = {
            "REDISCLI_AUTH": password,
            "DFLY_requirepass": password,
            "auth.conf": password.apply(lambda word: f"requirepass {word}\n"),
        }
        ready = [
            args.runtime.run(name, server, parent=self, secrets=secrets, depends_on=args.depends_on).ready
            for server in args.plan.servers
        ]
        return password.apply(lambda word: f"redis://:{word}@{args.plan.address}/0"), ready
