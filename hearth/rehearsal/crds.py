"""CustomResourceDefinitions of the add-ons, as their projects publish them in their Go modules.

The pins stand in toolchain/crds.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hearth.rehearsal.build import TOOLCHAIN, Module, module_folder
from hearth.rehearsal.cache import Progress
from hearth.rehearsal.errors import ToolchainError

UNCHECKED: dict[str, str] = {
    "nvidia.com": "NVIDIA GPU operator: its Go module is not on the module proxy",
    "postgresql.cnpg.io": "CloudNativePG: its Go module is not on the module proxy",
}
"""API groups of add-ons whose definitions cannot be had, with the reason; objects of these groups are not checked."""


@dataclass(frozen=True)
class AddOnCrds:
    """Where the definitions of one add-on come from."""

    addon: str
    module: Module
    folder: str


def pins() -> tuple[AddOnCrds, ...]:
    """The add-ons whose definitions can be had."""
    rows: list[dict[str, str]] = json.loads((TOOLCHAIN / "crds.json").read_text())
    return tuple(
        AddOnCrds(row["addon"], Module(row["module"], row["version"], row["sum"]), row["folder"]) for row in rows
    )


def fetch(addons: Iterable[str], on_progress: Progress) -> tuple[Path, ...]:
    """Folders in the cache with the definitions of `addons`, names in `pins`.

    Raises ToolchainError when an add-on is unknown or its module cannot be had.
    """
    known = {pin.addon: pin for pin in pins()}
    for addon in addons:
        if addon not in known:
            raise ToolchainError(
                f"no definitions are pinned for the add-on {addon}; there are those of {', '.join(known)}"
            )
    return tuple(module_folder(known[addon].module, known[addon].folder, on_progress) for addon in addons)


def load(folders: tuple[Path, ...]) -> list[dict[str, Any]]:
    """Every Kubernetes object in the YAML files of `folders`; definitions come first."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where PyYAML was built with libyaml
    objects: list[dict[str, Any]] = []
    for folder in folders:
        for path in sorted(folder.glob("*.yaml")):
            objects += [obj for obj in yaml.load_all(path.read_bytes(), loader) if obj and "kind" in obj]
    return sorted(objects, key=lambda obj: obj["kind"] != "CustomResourceDefinition")
