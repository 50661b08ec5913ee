"""The pinned images and charts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from hearth.catalog.data import read


@dataclass(frozen=True)
class Chart:
    """A Helm chart at a version, and the namespace it belongs to."""

    chart: str
    repository: str
    version: str
    namespace: str
    pod_security: Literal["privileged", "baseline", "restricted"]


@cache
def images() -> Mapping[str, str]:
    """Image of each part, by name."""
    return read("versions.yaml")["images"]


@cache
def charts() -> Mapping[str, Chart]:
    """Chart of each add-on, by the name it has under hearth:addOns."""
    return {
        name: Chart(entry["chart"], entry["repository"], entry["version"], entry["namespace"], entry["podSecurity"])
        for name, entry in read("versions.yaml")["charts"].items()
    }


def version_of(image: str) -> str:
    """The version in an image's tag: 0.33.0 of vllm/vllm-openai:v0.33.0; empty if the tag does not begin with one."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = re.match(r"v?(\d+(\.\d+)*(\.post\d+)?)", tag)
    return found.group(1) if found else ""
