"""Cloud instances with GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType

from hearth.catalog.data import read
from hearth.catalog.gpus import Gpu, gpus


@dataclass(frozen=True)
class Price:
    """What an hour cost on demand, without discounts."""

    usd_per_hour: float
    region: str
    date: date
    source: str


@dataclass(frozen=True)
class Instance:
    """One instance type."""

    name: str
    """As the cloud names it, such as p5.48xlarge."""
    cloud: str
    """aws, gcp or azure."""
    gpu: Gpu
    count: int
    """GPUs."""
    cpus: int
    """vCPUs."""
    memory_gib: int
    price: Price | None
    """None where the instance is not sold on demand."""


@cache
def instances() -> Mapping[str, Instance]:
    """Every known instance type by its name."""
    found: dict[str, Instance] = {}
    for cloud, content in read("instances.yaml").items():
        for name, (gpu, count, cpus, memory_gib, usd_per_hour) in content["instances"].items():
            price = usd_per_hour and Price(usd_per_hour, content["region"], content["priced"], content["source"])
            found[name] = Instance(name, cloud, gpus()[gpu], count, cpus, memory_gib, price)
    return MappingProxyType(found)
