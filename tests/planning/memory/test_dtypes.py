"""KV cache dtypes: what engines, models and GPUs take, and what they weigh."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hearth.catalog.architecture import Architecture, FullAttention, LatentAttention
from hearth.engines.flags import engine_table, release, versions
from hearth.planning.memory.dtypes import DTYPES, UnsupportedDtype, resolve, token_bytes
from tests.planning.memory import shapes

HOPPER = (9, 0)
HEADS = FullAttention(8, 128, 128)
LATENT = LatentAttention(512, 64)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (None, 4096),
        ("fp8_e4m3", 2048),
        ("int8_per_token_head", 2048 + 64),
        ("int4_per_token_head", 1024 + 64),
        ("nvfp4", 1024 + 128),
    ],
)
def test_bytes_of_a_token_with_eight_heads(dtype: str | None, expected: int) -> None:
    assert token_bytes(HEADS, 1, dtype, 2) == expected


def test_bytes_of_a_token_by_rank() -> None:
    assert [token_bytes(HEADS, ranks, None, 2) for ranks in (2, 8, 16)] == [2048, 512, 512]


@pytest.mark.parametrize(("dtype", "expected"), [(None, 1152), ("fp8_e4m3", 576), ("fp8_ds_mla", 656)])
def test_bytes_of_a_latent_vector(dtype: str | None, expected: int) -> None:
    assert token_bytes(LATENT, 8, dtype, 2) == expected


def test_the_sparse_indexer_adds_its_key() -> None:
    assert token_bytes(LatentAttention(512, 64, 128), 8, None, 2) == 1152 + 132


REFUSED = {
    "unknown": ("fp7", "vllm", "0.33.0", False, "9.0", "whose size Hearth knows"),
    "later version": ("nvfp4", "vllm", "0.10.2", False, "10.0", "it came with 0.20"),
    "other engine": ("fp8", "sglang", "0.5.10", False, "9.0", "sglang 0.5.10 whose size Hearth knows"),
    "integers for latent attention": ("int8_per_token_head", "vllm", "0.33.0", True, "9.0", "latent attention"),
    "e5m2 for latent attention": ("fp8_e5m2", "vllm", "0.33.0", True, "9.0", "latent attention"),
    "DeepSeek's layout for heads": ("fp8_ds_mla", "vllm", "0.33.0", False, "9.0", "attention by heads"),
    "fp8 on Ampere": ("fp8", "vllm", "0.33.0", False, "8.0", "needs compute capability 8.9, and the GPU has 8.0"),
    "fp4 on Hopper": ("nvfp4", "vllm", "0.33.0", False, "9.0", "needs compute capability 10.0"),
}


def asked(dtype: str, engine: str, version: str, latent: bool, capability: str) -> str | None:
    major, minor = capability.split(".")
    model = shapes.DEEPSEEK_R1 if latent else shapes.LLAMA_8B
    return resolve(model, engine, release(version)[0], dtype, (int(major), int(minor)))


@pytest.mark.parametrize(
    ("dtype", "engine", "version", "latent", "capability", "why"),
    REFUSED.values(),
    ids=REFUSED.keys(),
)
def test_what_does_not_go_together_is_refused(
    dtype: str, engine: str, version: str, latent: bool, capability: str, why: str
) -> None:
    with pytest.raises(UnsupportedDtype, match=why) as refusal:
        asked(dtype, engine, version, latent, capability)
    assert refusal.value.value == dtype
    assert "auto" in refusal.value.remedy


def test_the_message_names_what_is_taken() -> None:
    with pytest.raises(UnsupportedDtype, match="use one of auto, fp8, fp8_e4m3, fp8_e5m2"):
        asked("bf16", "vllm", "0.8.5", False, "9.0")


@pytest.mark.parametrize(
    ("model", "engine", "version", "requested", "expected"),
    [
        (shapes.LLAMA_8B, "vllm", (0, 33), "auto", None),
        (replace(shapes.LLAMA_8B, kv_cache_dtype="fp8"), "vllm", (0, 33), "auto", "fp8_e4m3"),
        (replace(shapes.LLAMA_8B, kv_cache_dtype="fp8"), "vllm", (0, 10), "auto", None),
        (replace(shapes.LLAMA_8B, kv_cache_dtype="fp8"), "vllm", (0, 33), "bfloat16", "bfloat16"),
        (shapes.DEEPSEEK_V32, "vllm", (0, 11), "auto", "fp8_ds_mla"),
        (shapes.DEEPSEEK_V32, "vllm", (0, 16), "auto", None),
        (shapes.DEEPSEEK_V32, "vllm", (0, 16), "fp8", "fp8_ds_mla"),
        (shapes.DEEPSEEK_V32, "sglang", (0, 5, 10), "fp8_e4m3", "fp8_ds_mla"),
        (shapes.DEEPSEEK_R1, "vllm", (0, 33), "fp8", "fp8"),
    ],
)
def test_what_a_request_means(
    model: Architecture, engine: str, version: tuple[int, ...], requested: str, expected: str | None
) -> None:
    assert resolve(model, engine, version, requested, HOPPER) == expected


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
@pytest.mark.parametrize("name", DTYPES)
def test_dtypes_come_with_the_version_that_first_lists_them(engine: str, name: str) -> None:
    finals = [version for version in versions(engine) if "post" not in version]
    listing = (v for v in finals if name in (engine_table(engine, v).flags["--kv-cache-dtype"].choices or ()))
    first = next(listing, None)
    since = DTYPES[name].since.get(engine)
    oldest = release(finals[0])[0]
    assert (since and max(since, oldest)) == (first and release(first)[0])


def test_the_sparse_layout_needs_a_sparse_model() -> None:
    with pytest.raises(UnsupportedDtype, match="sparse latent attention, and deepseek_v3 has none"):
        resolve(shapes.DEEPSEEK_R1, "vllm", (0, 33), "fp8_ds_mla", HOPPER)


def test_a_checkpoints_own_dtype_needs_its_gpu() -> None:
    with pytest.raises(UnsupportedDtype, match="compute capability 8"):
        resolve(replace(shapes.LLAMA_8B, kv_cache_dtype="fp8"), "vllm", (0, 33), "auto", (8, 6))
