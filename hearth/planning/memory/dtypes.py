"""Which KV cache dtypes an engine takes, and what they weigh.

Sources: vllm 0.8.0 to 0.33.0 vllm/config/cache.py (CacheDType), vllm/v1/kv_cache_interface.py and the supported dtypes
of vllm/v1/attention/backends; sglang 0.4.0 to 0.5.23 srt/server_args.py and srt/arg_groups/fields/exec_.py.
Some Ampere kernels read fp8 as well; it is refused there, since which kernel an engine picks cannot be foreseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hearth.catalog.architecture import Architecture, Attention, LatentAttention, LinearAttention

Version = tuple[int, ...]


class UnsupportedDtype(ValueError):  # noqa: N818 - named for what it says
    """A KV cache dtype that this engine, model or GPU does not take."""

    def __init__(self, value: str, why: str, remedy: str) -> None:
        super().__init__(f"KV cache dtype {value!r}: {why}; {remedy}")
        self.value = value
        self.why = why
        self.remedy = remedy


@dataclass(frozen=True)
class KvDtype:
    """How a cache dtype stores a vector."""

    since: Mapping[str, Version]
    """Engine -> first version that takes it."""
    bits: int
    group: int | None = None
    """Elements that share one scale byte."""
    head_scale_bytes: int = 0
    """Bytes of scales per token and head, for keys and for values each."""
    needs: tuple[int, int] = (0, 0)
    """Lowest compute capability."""
    by_head: bool = True
    """Attention that keeps keys and values of heads takes it."""
    latent: bool = True
    """Multi-head latent attention takes it."""

    def vector_bytes(self, elements: int) -> int:
        """Bytes of one token's key or value of one head, or of one latent vector, scales included."""
        scales = elements // self.group if self.group else 0
        return elements * self.bits // 8 + scales + self.head_scale_bytes


_FP8 = (8, 9)
_FP4 = (10, 0)
_ALWAYS = {"vllm": (0,), "sglang": (0,)}
_NEVER = (9999,)

DTYPES: Mapping[str, KvDtype] = {
    "float16": KvDtype({"vllm": (0, 18)}, 16),
    "bfloat16": KvDtype({"vllm": (0, 11), "sglang": (0, 5, 4)}, 16),
    "bf16": KvDtype({"sglang": (0, 5, 4)}, 16),
    "fp8": KvDtype({"vllm": (0,)}, 8, needs=_FP8),
    "fp8_e4m3": KvDtype({"vllm": (0,), "sglang": (0, 4, 2)}, 8, needs=_FP8),
    "fp8_e5m2": KvDtype(_ALWAYS, 8, needs=(8, 0), latent=False),
    "fp8_per_token_head": KvDtype({"vllm": (0, 20)}, 8, head_scale_bytes=4, needs=_FP8, latent=False),
    "int8_per_token_head": KvDtype({"vllm": (0, 20)}, 8, head_scale_bytes=4, latent=False),
    "int4_per_token_head": KvDtype({"vllm": (0, 25)}, 4, head_scale_bytes=4, latent=False),
    "nvfp4": KvDtype({"vllm": (0, 20), "sglang": (0, 5, 16)}, 4, group=16, needs=_FP4, latent=False),
    "fp4_e2m1": KvDtype({"sglang": (0, 5, 5)}, 4, group=16, needs=_FP4),
    "fp8_ds_mla": KvDtype({"vllm": (0, 11, 1)}, 8, needs=(9, 0), by_head=False),
    "nvfp4_ds_mla": KvDtype({"vllm": (0, 30)}, 4, needs=_FP4, by_head=False),
}
"""Dtypes whose layout is known here; "auto" resolves to one of them or to the model's own."""

_SPARSE_LATENT_BYTES = {"fp8_ds_mla": 656, "nvfp4_ds_mla": 352}
"""Bytes of a token of DeepSeek-V3.2's cache: vllm v1/attention/backends/mla/flashmla_sparse.py."""
_INDEXER_GROUP = 128
"""Elements of a sparse indexer's float8 key that share one float32 scale: vllm model_executor/models/deepseek_v2.py."""
_CHECKPOINT_DTYPE_SINCE = {"vllm": (0, 14), "sglang": (0, 5, 3)}
"""First versions whose "auto" follows the checkpoint's own KV cache dtype."""
_CHECKPOINT_NAMES = {"fp8": "fp8_e4m3"}
_SPARSE_AUTO_IS_MODEL = (0, 11, 1)
"""Before, vLLM's auto meant fp8_ds_mla for DeepSeek-V3.2."""


def resolve(
    architecture: Architecture, engine: str, version: Version, requested: str, capability: tuple[int, int] | None
) -> str | None:
    """The cache's dtype, a key of DTYPES; None where the cache has the model's own.

    `capability` is the GPU's compute capability, None where it does not matter. Raises UnsupportedDtype.
    """
    latent = [group.attention for group in architecture.layers if isinstance(group.attention, LatentAttention)]
    sparse = any(attention.indexer_dim for attention in latent)
    if requested == "auto":
        if sparse and engine == "vllm" and version < _SPARSE_AUTO_IS_MODEL:
            return "fp8_ds_mla"
        own = architecture.kv_cache_dtype
        if own is None or version < _CHECKPOINT_DTYPE_SINCE[engine]:
            return None
        requested = _CHECKPOINT_NAMES.get(own, own)
    _checked(requested, engine, version, capability, latent=bool(latent))
    if requested.endswith("_ds_mla") and not sparse:
        raise UnsupportedDtype(
            requested, f"it is for sparse latent attention, and {architecture.model_type} has none", "use auto or fp8"
        )
    return "fp8_ds_mla" if sparse and requested.startswith("fp8") else requested


def _checked(name: str, engine: str, version: Version, capability: tuple[int, int] | None, *, latent: bool) -> KvDtype:
    dtype = DTYPES.get(name)
    since = dtype.since.get(engine) if dtype else None
    if dtype is None or since is None or version < since:
        taken = [key for key, other in DTYPES.items() if version >= other.since.get(engine, _NEVER)]
        came = f", it came with {_written(since)}" if since else ""
        raise UnsupportedDtype(
            name,
            f"is none of the types of {engine} {_written(version)} whose size Hearth knows{came}",
            f"use one of auto, {', '.join(taken)}",
        )
    if not (dtype.latent if latent else dtype.by_head):
        kind = "latent attention (MLA)" if latent else "attention by heads"
        raise UnsupportedDtype(name, f"the model's {kind} does not take it", "use auto or fp8_e4m3")
    if capability is not None and capability < dtype.needs:
        raise UnsupportedDtype(
            name,
            f"the GPU has no such format: it needs compute capability {_written(dtype.needs)}, "
            f"and the GPU has {_written(capability)}",
            "use auto, or a newer GPU",
        )
    return dtype


def _written(parts: Version) -> str:
    return ".".join(str(part) for part in parts)


def token_bytes(kind: Attention, tensor_parallel: int, dtype: str | None, model_bytes: int) -> int:
    """Bytes of one token in one layer's cache on one rank; 0 where a layer keeps a state instead.

    `dtype` is a key of DTYPES, or None for the model's own, whose elements have `model_bytes`. Heads are divided among
    ranks and repeated where there are fewer; a latent vector is whole on every rank.
    """
    if isinstance(kind, LinearAttention):
        return 0
    if isinstance(kind, LatentAttention):
        latent = _SPARSE_LATENT_BYTES.get(dtype or "") or _vector_bytes(dtype, kind.rank + kind.rope_dim, model_bytes)
        return latent + kind.indexer_dim + kind.indexer_dim // _INDEXER_GROUP * 4
    heads = max(1, kind.kv_heads // tensor_parallel)
    return heads * sum(_vector_bytes(dtype, side, model_bytes) for side in (kind.head_dim, kind.value_dim))


def _vector_bytes(dtype: str | None, elements: int, model_bytes: int) -> int:
    return elements * model_bytes if dtype is None else DTYPES[dtype].vector_bytes(elements)
