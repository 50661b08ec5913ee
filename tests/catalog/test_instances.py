from __future__ import annotations

from datetime import date

import pytest

from hearth.catalog.instances import Instance, instances

EACH = pytest.mark.parametrize("instance", instances().values(), ids=lambda instance: instance.name)


@pytest.mark.parametrize(
    ("name", "gpu", "count", "usd_per_hour"),
    [
        ("g5.12xlarge", "A10G-24GB", 4, 5.672),
        ("g6e.48xlarge", "L40S-48GB", 8, 30.131),
        ("g7e.2xlarge", "RTXPRO6000-96GB", 1, 3.363),
        ("p4de.24xlarge", "A100-80GB", 8, 27.447),
        ("p5en.48xlarge", "H200-141GB", 8, 63.296),
        ("p6-b200.48xlarge", "B200-180GB", 8, 113.93),
        ("a3-highgpu-8g", "H100-80GB", 8, 88.49),
        ("Standard_NC24ads_A100_v4", "A100-PCIE-80GB", 1, 3.673),
    ],
)
def test_known_instances_and_prices(name: str, gpu: str, count: int, usd_per_hour: float) -> None:
    instance = instances()[name]
    assert (instance.gpu.name, instance.count) == (gpu, count)
    assert instance.price is not None
    assert instance.price.usd_per_hour == pytest.approx(usd_per_hour, abs=0.005)


def test_an_instance_that_is_not_sold_on_demand_has_no_price() -> None:
    assert instances()["p5e.48xlarge"].price is None


@EACH
def test_a_price_has_region_date_and_source(instance: Instance) -> None:
    if instance.price:
        assert instance.price.region
        assert instance.price.source
        assert date(2026, 1, 1) < instance.price.date


@EACH
def test_a_gpu_has_cpus_and_memory(instance: Instance) -> None:
    assert instance.count in (1, 2, 4, 8)
    assert instance.cpus >= 4 * instance.count
    assert instance.memory_gib >= 16 * instance.count


@EACH
def test_a_gpu_hour_costs_from_half_a_dollar_to_twenty(instance: Instance) -> None:
    if instance.price:
        assert 0.5 < instance.price.usd_per_hour / instance.count < 20
