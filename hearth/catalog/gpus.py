"""GPUs that node pools may name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Any

from hearth.catalog.data import read

_FP8 = (8, 9)
"""Ada, Hopper and later, as vLLM's quantization documentation says of W8A8."""
_FP4 = (10, 0)
"""Blackwell and later."""


@dataclass(frozen=True)
class MigProfile:
    """A part of a GPU with memory of its own (multi-instance GPU)."""

    name: str
    """Such as 3g.40gb; the node's resource is nvidia.com/mig-3g.40gb."""
    slices: int
    """Compute slices of the GPU, of which it has 7 (4 on an A30 and an RTX PRO 6000)."""
    memory_gib: float
    per_gpu: int
    """How many one GPU can be cut into."""


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
    bandwidth: float
    """Of its memory, in GB/s (10^9 bytes)."""
    mig_profiles: tuple[MigProfile, ...] = ()
    """Smallest first; empty where the GPU cannot be cut."""

    @property
    def fp8(self) -> bool:
        """Computes in FP8; without, FP8 weights are only stored so, and an FP8 KV cache is slow or refused."""
        return self.capability >= _FP8

    @property
    def fp4(self) -> bool:
        """Computes in FP4 (NVFP4, MXFP4)."""
        return self.capability >= _FP4

    @property
    def capability(self) -> tuple[int, int]:
        """Compute capability as numbers that compare."""
        major, _, minor = self.compute_capability.partition(".")
        return int(major), int(minor)


@cache
def gpus() -> Mapping[str, Gpu]:
    """Every known GPU by its name."""
    content = read("gpus.yaml")
    return MappingProxyType({name: _gpu(name, entry, content["mig"]) for name, entry in content["gpus"].items()})


def find_gpu(name: str) -> Gpu:
    """The GPU of that name, in any case. Raises LookupError, which says the names that resemble it."""
    known = {gpu.name.lower(): gpu for gpu in gpus().values()}
    wanted = name.strip().lower()
    if wanted in known:
        return known[wanted]
    product = wanted.partition("-")[0]
    products = get_close_matches(product, {key.partition("-")[0] for key in known}, n=3, cutoff=0.7)
    near = [key for meant in products for key in known if key.partition("-")[0] == meant]
    near += [key for key in get_close_matches(wanted, known, n=4, cutoff=0.7) if key not in near]
    meant = f"did you mean {' or '.join(known[key].name for key in near)}?" if near else f"it has {', '.join(gpus())}"
    raise LookupError(f"the catalog has no GPU {name!r}, named by product and memory such as H100-80GB: {meant}")


def _gpu(name: str, entry: dict[str, Any], mig: dict[str, dict[str, Any]]) -> Gpu:
    profiles = mig[entry["mig"]] if "mig" in entry else {}
    return Gpu(
        name=name,
        product=entry["product"],
        memory_mib=entry["memoryMib"],
        usable_gib=entry["usableGib"],
        compute_capability=entry["computeCapability"],
        bandwidth=entry["bandwidth"],
        mig_profiles=tuple(MigProfile(profile, *figures) for profile, figures in profiles.items()),
    )
