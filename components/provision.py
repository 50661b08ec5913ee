"""ProvisionTier: what the web UI holds from the start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.runtimes import Need, Runtime
from hearth.planning.provision import ADMIN_PASSWORD
from hearth.workload import Workload


@dataclass(frozen=True)
class ProvisionTierArgs:
    """The Job, where it runs, and as whom it signs in."""

    job: Workload
    runtime: Runtime
    admin_password: pulumi.Input[str]
    """Of the web UI's first account."""
    given: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Secret valves of functions, by the Job's variables."""
    depends_on: Sequence[Need] = ()
    """The web UI."""


class ProvisionTier(pulumi.ComponentResource):
    """One Job that brings functions, groups and model entries about, and leaves everything else alone.

    >>> ProvisionTier("provision", ProvisionTierArgs(plan.provision, runtime, web.admin_password))
    """

    ready: Need
    """Exists once everything is there."""

    def __init__(self, name: str, args: ProvisionTierArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:ProvisionTier", name, None, opts)
        secrets = {ADMIN_PASSWORD: args.admin_password, **args.given}
        self.ready = args.runtime.run(name, args.job, parent=self, secrets=secrets, depends_on=args.depends_on).ready
        self.register_outputs({})
