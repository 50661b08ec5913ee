"""Memory of the host that a server needs beside the GPUs, in GiB."""

from __future__ import annotations

from hearth.engines.flags import engine_table, newest

_SERVER_GIB = 16
"""API server, tokenizer, scheduler, and reading one safetensors file at a time (5 to 10 GB each in large models)."""
_RANK_GIB = 8
"""A rank's process: CUDA and PyTorch libraries, compilation, pinned buffers."""
_SHARED_GIB_PER_GPU = 4
"""Broadcasts between ranks go through /dev/shm; vLLM's recipes give 16 GiB for 4 to 8 GPUs."""


def shared_memory_gib(gpus: int) -> int:
    """Size of /dev/shm for the ranks of one server."""
    return _SHARED_GIB_PER_GPU * gpus


def host_memory_gib(engine: str, version: str, gpus: int) -> int:
    """Memory request of one server; older vLLM keeps preempted requests in host memory (--swap-space, per GPU)."""
    swap = engine_table(engine, version or newest(engine)).flags.get("--swap-space")
    swap_gib = int(swap.default) if swap and isinstance(swap.default, int | float) else 0
    return _SERVER_GIB + (_RANK_GIB + swap_gib) * gpus + shared_memory_gib(gpus)
