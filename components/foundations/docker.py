"""A stack's foundation on one Docker host: its images, networks and volumes."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_docker import (
    Network,
    NetworkLabelArgsDict,
    Provider,
    RemoteImage,
    Volume,
    VolumeLabelArgsDict,
)

from components.built_image import BuiltImage, BuiltImageArgs
from components.foundations import Foundation
from components.runtimes.docker import DockerRuntime
from hearth.containers import images, networks, volumes
from hearth.planning.host import DockerPlan
from hearth.planning.plan import Plan


def prepare_docker(
    name: str, plan: Plan, docker: DockerPlan, parent: pulumi.Resource, attempts: Mapping[str, str]
) -> Foundation:
    """Everything before the tiers, on the engine that the plan names. `attempts` are those of DockerRuntime."""
    engine = Provider(f"{name}-engine", host=docker.host, opts=pulumi.ResourceOptions(parent=parent))
    tier = pulumi.ResourceOptions(parent=parent, providers=[engine])
    part = pulumi.ResourceOptions(parent=parent, provider=engine)
    references: dict[str, pulumi.Output[str]] = {}
    for image in images(plan):
        # Kept: another stack may use it, and the next deployment finds it without network.
        fetched = RemoteImage(f"{name}-{image}", name=image, keep_locally=True, opts=part)
        references[image] = fetched.image_id
    for build in plan.builds:
        references[build.name] = BuiltImage(f"{name}-image", BuiltImageArgs(build), tier).reference
    return Foundation(
        runtime=DockerRuntime(
            plan,
            images=references,
            networks={
                spec.name: _network(name, spec.name, spec.internal, spec.labels, part) for spec in networks(plan)
            },
            volumes=_volumes(name, plan, parent, engine),
            attempts=attempts,
        ),
        namespace=pulumi.Output.from_input(plan.namespace),
        tier=tier,
    )


def _network(
    name: str, network: str, internal: bool, labels: Mapping[str, str], opts: pulumi.ResourceOptions
) -> pulumi.Output[str]:
    pairs: list[NetworkLabelArgsDict] = [{"label": label, "value": value} for label, value in sorted(labels.items())]
    return Network(f"{name}-{network}", name=network, driver="bridge", internal=internal, labels=pairs, opts=opts).name


def _volumes(name: str, plan: Plan, parent: pulumi.Resource, engine: Provider) -> dict[str, pulumi.Output[str]]:
    """An engine gives a volume that is there already; one that is kept outlives the stack."""
    found: dict[str, pulumi.Output[str]] = {}
    for spec in volumes(plan):
        pairs: list[VolumeLabelArgsDict] = [
            {"label": label, "value": value} for label, value in sorted(spec.labels.items())
        ]
        opts = pulumi.ResourceOptions(parent=parent, provider=engine, retain_on_delete=spec.retain or None)
        found[spec.name] = Volume(
            f"{name}-{spec.name}",
            name=spec.name,
            driver=spec.driver,
            driver_opts=dict(spec.driver_opts) or None,
            labels=pairs,
            opts=opts,
        ).name
    return found
