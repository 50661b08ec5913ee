"""ModelWeights: a model's files, fetched once onto a shared volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.runtimes import Need, Runtime
from hearth.workload import Workload


@dataclass(frozen=True)
class ModelWeightsArgs:
    """The download, its volume among its claims, and where it runs."""

    download: Workload
    runtime: Runtime
    hugging_face_token: pulumi.Input[str] | None = None
    """For models that ask for one; needed where the download declares HF_TOKEN."""
    depends_on: Sequence[Need] = ()


class ModelWeights(pulumi.ComponentResource):
    """A volume and the Job that fills it; servers that come after `ready` load from it without any network.

    >>> weights = ModelWeights("qwq-weights", ModelWeightsArgs(model.downloads[0].job, KubernetesRuntime("chat", {})))
    """

    ready: Need
    """Exists once all files are there."""

    def __init__(self, name: str, args: ModelWeightsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:ModelWeights", name, None, opts)
        token = args.hugging_face_token
        self.ready = args.runtime.run(
            name,
            args.download,
            parent=self,
            secrets={} if token is None else {"HF_TOKEN": token},
            depends_on=args.depends_on,
        ).ready
        self.register_outputs({})
