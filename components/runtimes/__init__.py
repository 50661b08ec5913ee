"""Runtimes: how a `Workload` becomes resources of a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import pulumi

from hearth.workload import Workload

Need: TypeAlias = "pulumi.Input[pulumi.Resource]"
"""What has to exist before something else; one that is an output may first have to turn out well."""


@dataclass(frozen=True)
class Running:
    """A workload that was declared."""

    host: str
    """Name under which the workloads of the same stack reach it."""
    resource: pulumi.Resource
    """What is made anew when the workload runs anew."""
    ready: Need
    """Exists once the workload is ready (a server) or complete (a job): what comes after it depends on this one."""
    address: pulumi.Output[str] | None = None
    """Address of its load balancer, where it has one."""


class Runtime(Protocol):
    """A target that workloads run on."""

    def run(
        self,
        name: str,
        workload: Workload,
        *,
        parent: pulumi.Resource,
        secrets: Mapping[str, pulumi.Input[str]],
        depends_on: Sequence[Need] = (),
        replace_with: Sequence[pulumi.Resource] = (),
    ) -> Running:
        """Declares the workload as children of `parent`, with logical names that begin with `name`.

        When one of `replace_with`, jobs that it comes after, is to run anew, the workload ends before and starts after.
        Of `secrets` only the keys that the workload declares are used. Raises ValueError when one of those is missing.
        """
        ...
