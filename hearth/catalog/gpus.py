"""GPUs that node pools may name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from hearth.catalog.data import read


@dataclass(frozen=True)
class Gpu:
    """One GPU product."""

    name: str
    """As in a stack file, such as H200-141GB."""
    product: str
    """Value of the node label nvidia.com/gpu.product."""
    memory_mib: int
    """Value of the node label nvidia.com/gpu.memory, in MiB."""
    usable_gib: float
    """Total memory that CUDA reports, in GiB."""
    compute_capability: str


@cache
def gpus() -> Mapping[str, Gpu]:
    """Every known GPU by its name."""
    return MappingProxyType(
        {
            name: Gpu(
                name=name,
                product=entry["product"],
                memory_mib=entry["memoryMib"],
                usable_gib=entry["usableGib"],
                compute_capability=entry["computeCapability"],
            )
            for name, entry in read("gpus.yaml").items()
        }
    )
