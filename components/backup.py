"""BackupTier: copies of the web tier's database and files, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.runtimes import Need, Runtime
from hearth.planning.plan import BackupPlan


@dataclass(frozen=True)
class BackupTierArgs:
    """When and where, and the secrets of the web tier, its migration and the bucket."""

    plan: BackupPlan
    runtime: Runtime
    secrets: Mapping[str, pulumi.Input[str]]
    depends_on: Sequence[Need] = ()
    """The web tier, whose version each backup names."""


class BackupTier(pulumi.ComponentResource):
    """A CronJob that makes backups, and a suspended one from which `hearth restore` makes its Jobs.

    >>> BackupTier("backup", BackupTierArgs(plan.backup, runtime, web.secrets, [web.ready]))
    """

    def __init__(self, name: str, args: BackupTierArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:BackupTier", name, None, opts)
        run, plan = args.runtime.run, args.plan
        create = run(name, plan.create, parent=self, secrets=args.secrets, depends_on=args.depends_on)
        run(f"{name}-restore", plan.restore, parent=self, secrets=args.secrets, depends_on=[create.ready])
        self.register_outputs({})
