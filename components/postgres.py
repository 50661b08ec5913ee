"""PostgresTier: chats, users and vectors of the web UI, in Postgres with pgvector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_random import RandomPassword

from components.runtimes import Need, Runtime
from hearth.planning.plan import StorePlan

_PASSWORD_LENGTH = 40


@dataclass(frozen=True)
class PostgresTierArgs:
    """The server, and where it runs."""

    plan: StorePlan
    runtime: Runtime
    url: pulumi.Input[str] | None = None
    """Of an external server."""
    namespace: pulumi.Input[str] = "default"
    """Of a cluster that an operator makes."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """On the objects of such a cluster."""
    depends_on: Sequence[Need] = ()


class PostgresTier(pulumi.ComponentResource):
    """One server with a volume, or a cluster of CloudNativePG; nothing but the URL of one that is external.

    >>> postgres = PostgresTier("postgres", PostgresTierArgs(plan.postgres, KubernetesRuntime("chat", {})))
    """

    url: pulumi.Output[str]
    """Secret: contains the password."""
    ready: Sequence[Need]
    """What the web UI comes after."""

    def __init__(self, name: str, args: PostgresTierArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:PostgresTier", name, None, opts)
        plan = args.plan
        if plan.cluster:
            password = self._password(name)
            from components.postgres_cluster import declare_cluster
            from components.runtimes.scope import Scope

            scope = Scope(name, plan.cluster.name, "postgres", args.namespace, args.labels, self)
            self.ready = (declare_cluster(scope, plan.cluster, password, args.depends_on),)
            self.url = _url(plan, password, plan.cluster.database)
        elif plan.servers:
            password = self._password(name)
            secrets = {"POSTGRES_PASSWORD": password}
            self.ready = [
                args.runtime.run(name, server, parent=self, secrets=secrets, depends_on=args.depends_on).ready
                for server in plan.servers
            ]
            self.url = _url(plan, password, plan.servers[0].container.env["POSTGRES_USER"])
        elif args.url is not None:
            self.url, self.ready = pulumi.Output.secret(args.url), ()
        else:
            raise ValueError("Postgres is external, but its URL is missing; give PostgresTierArgs.url")
        self.register_outputs({"url": self.url})

    def _password(self, name: str) -> pulumi.Output[str]:
        """Letters and digits only: it stands in a URL."""
        return RandomPassword(
            name, length=_PASSWORD_LENGTH, special=False, opts=pulumi.ResourceOptions(parent=self)
        ).result


def _url(plan: StorePlan, password: pulumi.Output[str], database: str) -> pulumi.Output[str]:
    """Owner and database have the same name."""
    return password.apply(lambda word: f"postgresql://{database}:{word}@{plan.address}/{database}")
