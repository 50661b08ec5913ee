"""PostgresTier: chats, users and vectors of the web UI, in Postgres with pgvector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_random import RandomPassword

from components.runtimes import Runtime
from hearth.planning.plan import StorePlan

_PASSWORD_LENGTH = 40


@dataclass(frozen=True)
class PostgresTierArgs:
    """The server, and where it runs."""

    plan: StorePlan
    runtime: Runtime
    depends_on: Sequence[pulumi.Resource] = ()


class PostgresTier(pulumi.ComponentResource):
    """One server with a volume; owner and database are those of its environment.

    >>> postgres = PostgresTier("postgres", PostgresTierArgs(plan.postgres, KubernetesRuntime("chat", {})))
    """

    url: pulumi.Output[str]
    """Secret: contains the password."""
    ready: pulumi.Resource

    def __init__(self, name: str, args: PostgresTierArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:PostgresTier", name, None, opts)
        plan = args.plan
        # Letters and digits only: it stands in a URL.
        password = RandomPassword(
            name, length=_PASSWORD_LENGTH, special=False, opts=pulumi.ResourceOptions(parent=self)
        ).result
        server = args.runtime.run(
            name, plan.server, parent=self, secrets={"POSTGRES_PASSWORD": password}, depends_on=args.depends_on
        )
        owner, database = (plan.server.container.env[key] for key in ("POSTGRES_USER", "POSTGRES_DB"))
        self.url = password.apply(lambda word: f"postgresql://{owner}:{word}@{plan.host}:{plan.port}/{database}")
        self.ready = server.ready
        self.register_outputs({"url": self.url})
