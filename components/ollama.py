"""OllamaTier: light models, pulled once, behind one server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.runtimes import Need, Runtime
from hearth.planning.plan import OllamaPlan


@dataclass(frozen=True)
class OllamaTierArgs:
    """The models, their volume and server, and where they run."""

    plan: OllamaPlan
    runtime: Runtime
    depends_on: Sequence[Need] = ()


class OllamaTier(pulumi.ComponentResource):
    """A Job pulls the models onto the volume; then the server starts, which reaches nothing outside of the cluster.

    >>> OllamaTier("ollama", OllamaTierArgs(plan.ollama, KubernetesRuntime("chat", {})))
    """

    url: str
    ready: Need

    def __init__(self, name: str, args: OllamaTierArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:OllamaTier", name, None, opts)
        pulled = args.runtime.run(
            f"{name}-pull", args.plan.pull, parent=self, secrets={}, depends_on=args.depends_on
        ).ready
        self.url = args.plan.url
        self.ready = args.runtime.run(
            name, args.plan.server, parent=self, secrets={}, depends_on=[*args.depends_on, pulled]
        ).ready
        self.register_outputs({"url": self.url})
