"""What an engine refuses before it looks at memory: parallel sizes, KV cache types, context lengths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hearth.catalog.architecture import Architecture, FullAttention, SlidingAttention
from hearth.engines.flags import release
from hearth.planning.memory.deployment import Deployment
from hearth.planning.memory.dtypes import UnsupportedDtype, resolve

_FP8_BITS = 8
PARALLEL_SIZES = (1, 2, 4, 8, 16, 32)
"""Tensor-parallel sizes that are worth proposing."""


@dataclass(frozen=True)
class Misfit:
    """A part of a deployment that cannot work. `field` is a name of Deployment or Parallelism."""

    field: str
    value: object
    why: str
    remedy: str


def find_misfits(deployment: Deployment) -> Iterator[Misfit]:
    """Everything that an engine would refuse at its start, whatever the memory."""
    yield from _tensor(deployment)
    yield from _pipeline(deployment)
    yield from _data_type(deployment)
    yield from _context(deployment)


def tensor_parallel_problem(architecture: Architecture, tensor: int) -> str | None:
    """Why the model cannot be divided over this many ranks; None when it can."""
    heads = architecture.attention_heads
    if heads % tensor:
        return f"the model has {heads} attention heads, and {heads} is not divisible by {tensor}"
    for kv_heads in sorted({a.kv_heads for a in _by_heads(architecture)}):
        if kv_heads % tensor and tensor % kv_heads:
            return f"its {kv_heads} KV heads can be neither divided by {tensor} nor repeated evenly {tensor} times"
    block = architecture.quantization.block if architecture.quantization else None
    for what, width in _divided_widths(architecture):
        if block and width % (tensor * block):
            return (
                f"the weights are quantised in blocks of {block}, and the width of {what}, {width} / {tensor} = "
                f"{width / tensor:g}, is not a multiple of that"
            )
    return None


def _divided_widths(architecture: Architecture) -> Iterator[tuple[str, int]]:
    """MLPs whose slices must be whole blocks: vllm model_executor/layers/quantization/utils, fp8 and marlin."""
    if architecture.dense_width:
        yield "its MLPs", architecture.dense_width
    # Kernels for experts in 4 bits split a block of theirs.
    if architecture.expert_width and architecture.quantization and architecture.quantization.bits >= _FP8_BITS:
        yield "its experts", architecture.expert_width


def as_divided(deployment: Deployment) -> Architecture:
    """The shape without what tensor parallel leaves whole: with expert parallel, the experts."""
    architecture = deployment.architecture
    return replace(architecture, expert_width=0) if deployment.expert_parallel else architecture


def tensor_sizes(architecture: Architecture) -> tuple[int, ...]:
    """The usual sizes over which the model can be divided."""
    return tuple(size for size in PARALLEL_SIZES if tensor_parallel_problem(architecture, size) is None)


def _by_heads(architecture: Architecture) -> Iterator[FullAttention | SlidingAttention]:
    for group in architecture.layers:
        if isinstance(group.attention, FullAttention | SlidingAttention):
            yield group.attention


def _tensor(deployment: Deployment) -> Iterator[Misfit]:
    tensor = deployment.parallelism.tensor
    architecture = as_divided(deployment)
    why = tensor_parallel_problem(architecture, tensor)
    if why:
        allowed = ", ".join(map(str, tensor_sizes(architecture)))
        yield Misfit("tensor_parallel", tensor, f"{deployment.model}: {why}", f"choose one of {allowed}")


def _pipeline(deployment: Deployment) -> Iterator[Misfit]:
    stages, layers = deployment.parallelism.pipeline, deployment.architecture.hidden_layers
    if stages > layers:
        yield Misfit(
            "pipeline_parallel",
            stages,
            f"{deployment.model} has {layers} layers, too few for {stages} stages",
            f"choose at most {layers}; usually the number of nodes",
        )


def _data_type(deployment: Deployment) -> Iterator[Misfit]:
    version = release(deployment.engine_version)[0]
    try:
        resolve(
            deployment.architecture, deployment.engine, version, deployment.kv_cache_dtype, deployment.gpu.capability
        )
    except UnsupportedDtype as refusal:
        yield Misfit("kv_cache_dtype", deployment.kv_cache_dtype, refusal.why, refusal.remedy)


def _context(deployment: Deployment) -> Iterator[Misfit]:
    context, longest = deployment.context_length, deployment.architecture.max_context
    if context and context > longest:
        yield Misfit(
            "context_length",
            context,
            f"{deployment.model} takes at most {longest} tokens (its config.json)",
            f"choose at most {longest}, or scale its positions: a config.json with rope_scaling",
        )
