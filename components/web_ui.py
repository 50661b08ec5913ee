"""WebUiTier: Open WebUI, in front of every model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_random import RandomPassword

from components.runtimes import Need, Runtime
from hearth.planning.plan import WebUiPlan

_SIGNING_KEY_LENGTH = 48
_ADMIN_PASSWORD_LENGTH = 24


@dataclass(frozen=True)
class WebUiTierArgs:
    """The servers, their migration, where they run, and the secrets of what they connect to."""

    plan: WebUiPlan
    runtime: Runtime
    api_keys: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Of models and services, by their names in the plan's `keys`."""
    given: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Secrets of the identity provider and the bucket, by the server's variables."""
    redis_url: pulumi.Input[str] | None = None
    database_url: pulumi.Input[str] | None = None
    admin_password: pulumi.Input[str] | None = None
    """Generated when left out."""
    depends_on: Sequence[Need] = ()
    """The stores, and what its volume and address need."""


class WebUiTier(pulumi.ComponentResource):
    """One Job migrates the database, then the replicas start. All of them sign sessions with the same key.

    Two versions never meet on one database: when the Job changes, the replicas end before it runs anew.

    >>> keys = {"qwq": tier.api_key}
    >>> web = WebUiTier("web", WebUiTierArgs(plan.web_ui, runtime, api_keys=keys, database_url=postgres.url))
    """

    url: pulumi.Output[str | None]
    """Where people reach it; None where it is not exposed."""
    address: pulumi.Output[str] | None
    """Address of its load balancer, where it has one."""
    admin_password: pulumi.Output[str]
    """Secret; of the first account."""
    secrets: Mapping[str, pulumi.Input[str]]
    """By variable: what its workloads need."""
    ready: Need

    def __init__(self, name: str, args: WebUiTierArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:WebUiTier", name, None, opts)
        self.admin_password = (
            self._password(f"{name}-admin", _ADMIN_PASSWORD_LENGTH)
            if args.admin_password is None
            else pulumi.Output.secret(args.admin_password)
        )
        secrets: dict[str, pulumi.Input[str]] = {
            "WEBUI_SECRET_KEY": self._password(f"{name}-signing-key", _SIGNING_KEY_LENGTH),
            "WEBUI_ADMIN_PASSWORD": self.admin_password,
            **args.given,
        }
        for variable, owners in args.plan.keys.items():
            secrets[variable] = pulumi.Output.all(*(args.api_keys[owner] for owner in owners)).apply(";".join)
        if args.redis_url is not None:
            secrets |= {"REDIS_URL": args.redis_url, "WEBSOCKET_REDIS_URL": args.redis_url}
        if args.database_url is not None:
            secrets["DATABASE_URL"] = args.database_url
        self.secrets = secrets
        migrations = [
            args.runtime.run(f"{name}-migration", migration, parent=self, secrets=secrets, depends_on=args.depends_on)
            for migration in (args.plan.migration,)
            if migration
        ]
        server = args.runtime.run(
            name,
            args.plan.server,
            parent=self,
            secrets=secrets,
            depends_on=[*args.depends_on, *(migration.ready for migration in migrations)],
            replace_with=[migration.resource for migration in migrations],
        )
        self.ready = server.ready
        self.address = server.address
        self.url = _url(args.plan.url, server.address)
        self.register_outputs({"url": self.url, "adminPassword": self.admin_password})

    def _password(self, name: str, length: int) -> pulumi.Output[str]:
        return RandomPassword(name, length=length, special=False, opts=pulumi.ResourceOptions(parent=self)).result


def _url(planned: str | None, address: pulumi.Output[str] | None) -> pulumi.Output[str | None]:
    if planned is not None or address is None:
        return pulumi.Output.from_input(planned)
    return address.apply(lambda host: f"http://{host}" if host else None)
