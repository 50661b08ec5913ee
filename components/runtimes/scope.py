"""What the Kubernetes objects of one workload have in common: where they go, their labels, their resource options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.runtimes import Need

NAME_LABEL = "app.kubernetes.io/name"
INSTANCE_LABEL = "app.kubernetes.io/instance"
_COMPONENT_LABEL = "app.kubernetes.io/component"

SKIP_AWAIT: Mapping[str, str] = {"pulumi.com/skipAwait": "true"}
"""Annotation for objects that another one's readiness vouches for."""


@dataclass(frozen=True)
class Scope:
    """The objects of one workload."""

    name: str
    """Prefix of logical names."""
    workload: str
    tier: str
    namespace: pulumi.Input[str]
    stack_labels: Mapping[str, str]
    """On every object of the stack."""
    parent: pulumi.Resource

    @property
    def labels(self) -> dict[str, str]:
        """Labels of every object of the workload, its pods included."""
        return {**self.stack_labels, NAME_LABEL: self.workload, _COMPONENT_LABEL: self.tier}

    @property
    def selector(self) -> dict[str, str]:
        """Labels that select the workload's pods, and no others."""
        return self.selector_of(self.workload)

    def selector_of(self, workload: str) -> dict[str, str]:
        """Labels that select the pods of a workload of the same stack."""
        instance = self.stack_labels.get(INSTANCE_LABEL)
        return {NAME_LABEL: workload} | ({INSTANCE_LABEL: instance} if instance else {})

    def metadata(
        self, name: str, annotations: Mapping[str, str] | None = None, labels: Mapping[str, str] | None = None
    ) -> ObjectMetaArgsDict:
        """Metadata of an object with this name; `labels` are further ones."""
        metadata: ObjectMetaArgsDict = {
            "name": name,
            "namespace": self.namespace,
            "labels": {**self.labels, **(labels or {})},
        }
        if annotations:
            metadata["annotations"] = annotations
        return metadata

    def options(
        self,
        *,
        depends_on: Sequence[Need] = (),
        wait_seconds: int | None = None,
        retain: bool = False,
        delete_before_replace: bool | None = None,
        replace_with: Sequence[pulumi.Resource] = (),
        replacement_trigger: pulumi.Input[Any] | None = None,
    ) -> pulumi.ResourceOptions:
        """Options of a child. `wait_seconds` is how long the deployment waits for it to become ready."""
        wait = f"{wait_seconds}s" if wait_seconds else None
        return pulumi.ResourceOptions(
            parent=self.parent,
            depends_on=list(depends_on),
            custom_timeouts=pulumi.CustomTimeouts(create=wait, update=wait) if wait else None,
            retain_on_delete=retain or None,
            delete_before_replace=delete_before_replace,
            replace_with=list(replace_with) or None,
            replacement_trigger=replacement_trigger,
        )
