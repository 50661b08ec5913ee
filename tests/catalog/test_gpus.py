from __future__ import annotations

import pytest

from hearth.catalog.gpus import Gpu, find_gpu, gpus

EACH = pytest.mark.parametrize("gpu", gpus().values(), ids=lambda gpu: gpu.name)


@EACH
def test_cuda_reports_less_memory_than_the_label(gpu: Gpu) -> None:
    assert 0.94 < gpu.usable_gib * 1024 / gpu.memory_mib < 1


@EACH
def test_a_product_is_a_label_value(gpu: Gpu) -> None:
    assert gpu.product.replace("-", "").isalnum()
    assert len(gpu.product) <= 63


@EACH
def test_a_name_ends_with_the_memory_in_gb(gpu: Gpu) -> None:
    memory_gb = int(gpu.name.rpartition("-")[2].removesuffix("GB"))
    assert memory_gb * 0.86 < gpu.usable_gib < memory_gb * 1.02


@EACH
def test_bandwidth_is_in_gb_per_second(gpu: Gpu) -> None:
    assert 250 < gpu.bandwidth <= 8000


def test_products_differ() -> None:
    assert len({gpu.product for gpu in gpus().values()}) == len(gpus())


@pytest.mark.parametrize(
    ("name", "fp8", "fp4"),
    [
        ("V100-32GB", False, False),
        ("A100-80GB", False, False),
        ("L4-24GB", True, False),
        ("RTX4090-24GB", True, False),
        ("H200-141GB", True, False),
        ("B200-180GB", True, True),
        ("B300-288GB", True, True),
        ("RTX5090-32GB", True, True),
        ("GB10-128GB", True, True),
    ],
)
def test_formats_follow_from_the_compute_capability(name: str, fp8: bool, fp4: bool) -> None:
    assert (gpus()[name].fp8, gpus()[name].fp4) == (fp8, fp4)


@EACH
def test_mig_profiles_fit_on_the_gpu(gpu: Gpu) -> None:
    for profile in gpu.mig_profiles:
        assert profile.memory_gib * profile.per_gpu <= gpu.usable_gib, profile.name
        assert profile.slices * profile.per_gpu <= 7, profile.name


@EACH
def test_a_mig_profile_is_named_after_its_slices_and_memory(gpu: Gpu) -> None:
    for profile in gpu.mig_profiles:
        slices, memory = profile.name.removesuffix("gb").split("g.")
        assert int(slices) == profile.slices
        assert int(memory) * 0.85 < profile.memory_gib <= int(memory), profile.name


@EACH
def test_the_largest_mig_profile_is_the_whole_gpu(gpu: Gpu) -> None:
    if gpu.mig_profiles:
        assert gpu.mig_profiles[-1].per_gpu == 1
        assert gpu.mig_profiles[-1].memory_gib > 0.97 * gpu.usable_gib


@pytest.mark.parametrize("name", ["A30-24GB", "A100-40GB", "H100-80GB", "H200-141GB", "B200-180GB", "RTXPRO6000-96GB"])
def test_gpus_that_can_be_cut_have_profiles(name: str) -> None:
    assert gpus()[name].mig_profiles


@pytest.mark.parametrize("name", ["L4-24GB", "A10-24GB", "RTX4090-24GB"])
def test_gpus_that_cannot_be_cut_have_none(name: str) -> None:
    assert not gpus()[name].mig_profiles


@pytest.mark.parametrize("name", ["H100-80GB", "h100-80gb", "h100-80GB", " H100-80gb "])
def test_a_gpu_is_found_in_any_case(name: str) -> None:
    assert find_gpu(name).name == "H100-80GB"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("H100", "H100-80GB or H100-PCIE-80GB or H100-NVL-94GB"),
        ("H100-96GB", "H100-80GB"),
        ("RTX-4090-24GB", "RTX4090-24GB"),
        ("B200-192GB", "B200-180GB"),
        ("a100-80", "A100-80GB"),
    ],
)
def test_an_unknown_gpu_is_refused_with_names_near_it(name: str, near: str) -> None:
    with pytest.raises(LookupError, match=f"no GPU '{name}'.*did you mean .*{near}"):
        find_gpu(name)


def test_a_gpu_like_no_other_is_refused_with_all_names() -> None:
    with pytest.raises(LookupError, match=r"no GPU 'MI300X'.*T4-16GB.*H200-141GB"):
        find_gpu("MI300X")
