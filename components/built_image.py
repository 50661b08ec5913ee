"""BuiltImage: an image made from a Dockerfile of the project, on an engine's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_docker import Image

from hearth.planning.host import ImageBuild

_PROJECT = Path(__file__).parents[1]


@dataclass(frozen=True)
class BuiltImageArgs:
    """What is built, and where it is pushed to."""

    build: ImageBuild


class BuiltImage(pulumi.ComponentResource):
    """Built once: its tag follows from its inputs. Pushed with the credentials of `docker login`.

    >>> image = BuiltImage("vllm", BuiltImageArgs(plan.builds[0]))
    """

    reference: pulumi.Output[str]
    """What a container runs: the digest of a pushed image, or the id of one that stays with its engine."""
    ready: pulumi.Resource

    def __init__(self, name: str, args: BuiltImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:BuiltImage", name, None, opts)
        build = args.build
        image = Image(
            name,
            image_name=build.name,
            build={
                "context": str(_PROJECT / build.folder),
                "dockerfile": str(_PROJECT / build.folder / "Dockerfile"),
                "args": dict(build.args),
                "platform": "linux/amd64",
            },
            registry={"server": build.registry} if build.registry else None,
            skip_push=build.registry is None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.reference = image.repo_digest
        self.ready = image
        self.register_outputs({"reference": self.reference})
