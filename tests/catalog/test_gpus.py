from __future__ import annotations

import pytest

from hearth.catalog.gpus import Gpu, gpus


@pytest.mark.parametrize("gpu", gpus().values(), ids=lambda gpu: gpu.name)
def test_cuda_reports_less_memory_than_the_label(gpu: Gpu) -> None:
    assert 0.94 < gpu.usable_gib * 1024 / gpu.memory_mib < 1


@pytest.mark.parametrize("gpu", gpus().values(), ids=lambda gpu: gpu.name)
def test_a_product_is_a_label_value(gpu: Gpu) -> None:
    assert gpu.product.replace("-", "").isalnum()
    assert len(gpu.product) <= 63


def test_products_differ() -> None:
    assert len({gpu.product for gpu in gpus().values()}) == len(gpus())
