"""What Pulumi's state says of a stack, read from the file that its backend keeps; secrets in it are encrypted.

Sizes are in bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hearth.errors import UserError
from hearth.stacks.folder import StackFolder

_STACK = "pulumi:pulumi:Stack"
DOCKER_VOLUME = "docker:index/volume:Volume"


@dataclass(frozen=True)
class StackState:
    """Resources as Pulumi's checkpoint has them (apitype.ResourceV3)."""

    resources: tuple[Mapping[str, Any], ...] = ()
    half_made: tuple[Mapping[str, Any], ...] = ()
    """What a run that was killed was creating; it may exist."""

    @property
    def deployed(self) -> tuple[Mapping[str, Any], ...]:
        """Resources that exist outside the state."""
        return tuple(resource for resource in self.resources if _is_real(resource))

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The stack's, secret ones encrypted."""
        found: list[Mapping[str, Any]] = [one.get("outputs", {}) for one in self.resources if one["type"] == _STACK]
        return found[0] if found else {}

    @property
    def kept(self) -> tuple[Mapping[str, Any], ...]:
        """What a destroy leaves where it is."""
        return tuple(resource for resource in self.deployed if resource.get("retainOnDelete"))


def read_state(folder: StackFolder) -> StackState:
    """The state, empty where no run has written one. Raises UserError for one that cannot be read."""
    # The project's name stands between; a backend of ours has one project.
    file = next(folder.state.glob(f".pulumi/stacks/*/{folder.name}.json"), None)
    if file is None:
        return StackState()
    try:
        latest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["checkpoint"]["latest"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"Pulumi's state {file} cannot be read ({error}); {file.name}.bak beside it is the one before"
        ) from None
    pending: list[dict[str, Any]] = latest.get("pending_operations") or []
    return StackState(
        resources=tuple(latest.get("resources") or []),
        half_made=tuple(operation["resource"] for operation in pending if operation["type"] == "creating"),
    )


def _is_real(resource: Mapping[str, Any]) -> bool:
    return bool(resource.get("custom")) and not resource["type"].startswith(("pulumi:", "random:"))
