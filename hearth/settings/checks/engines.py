"""Models and the engines that serve them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from hearth.engines.flags import canonical
from hearth.problems import Path, Problem
from hearth.settings.checks.names import full_tag, repeated
from hearth.settings.stack import Settings

_COMMON: Mapping[str, str] = {
    "--api-key": "",
    "--chat-template": "chatTemplate",
    "--data-parallel-size": "dataParallel",
    "--download-dir": "",
    "--enable-lora": "adapters",
    "--host": "",
    "--kv-cache-dtype": "kvCacheDtype",
    "--max-lora-rank": "adapterRank",
    "--pipeline-parallel-size": "pipelineParallel",
    "--port": "",
    "--quantization": "quantization",
    "--reasoning-parser": "reasoningParser",
    "--revision": "revision",
    "--served-model-name": "servedName",
    "--tensor-parallel-size": "tensorParallel",
    "--tool-call-parser": "toolCallParser",
}
_RESERVED: Mapping[str, Mapping[str, str]] = {
    "vllm": {
        **_COMMON,
        "--enable-auto-tool-choice": "toolCallParser",
        "--enable-expert-parallel": "expertParallel",
        "--enable-prefix-caching": "prefixCaching",
        "--enable-reasoning": "reasoningParser",
        "--enable-sleep-mode": "sleepMode",
        "--gpu-memory-utilization": "gpuMemoryUtilization",
        "--lora-modules": "adapters",
        "--max-model-len": "contextLength",
        "--max-num-batched-tokens": "maxNumBatchedTokens",
        "--max-num-seqs": "maxNumSeqs",
        "--model": "source",
        "--shutdown-timeout": "",
    },
    "sglang": {
        **_COMMON,
        "--admin-api-key": "",
        "--chunked-prefill-size": "maxNumBatchedTokens",
        "--config": "",
        "--context-length": "contextLength",
        "--disable-radix-cache": "prefixCaching",
        "--enable-ep-moe": "expertParallel",
        "--enable-memory-saver": "sleepMode",
        "--enable-metrics": "",
        "--expert-parallel-size": "expertParallel",
        "--lora-paths": "adapters",
        "--max-running-requests": "maxNumSeqs",
        "--mem-fraction-static": "gpuMemoryUtilization",
        "--model-path": "source",
    },
}
"""Flags that Hearth sets, by engine, with the setting that decides them; empty where none does."""


def something_to_serve(settings: Settings) -> Iterator[Problem]:
    """A chat without a model answers nothing."""
    if not settings.models and settings.ollama is None:
        remedy = 'add hearth:models, or light models with hearth:ollama: {models: ["gemma3:4b"]}'
        yield Problem(("models",), None, "the stack has no model at all", remedy, depends_on=(("ollama",),))


def ollama_models_differ(settings: Settings) -> Iterator[Problem]:
    """gemma3 and gemma3:latest are one tag."""
    tags = settings.ollama.models if settings.ollama else []
    yield from repeated((("ollama", "models", index), full_tag(tag)) for index, tag in enumerate(tags))


def images_match_engines(settings: Settings) -> Iterator[Problem]:
    """An image whose repository names another engine does not understand this one's arguments."""
    chosen = {"vllm": settings.engines.vllm, "sglang": settings.engines.sglang, "ollama": settings.engines.ollama}
    for engine, setting in chosen.items():
        if setting is None or setting.image is None:
            continue
        repository = re.sub(r"(:[^/]*)?(@.*)?$", "", setting.image).lower()
        other = next((name for name in chosen if name != engine and name in repository), None)
        if other and engine not in repository:
            path: Path = ("engines", engine, "image")
            yield Problem(path, setting.image, f"is an image of {other}", f"write an image of {engine}")


def built_images_reachable(settings: Settings) -> Iterator[Problem]:
    """Nodes of a cluster take images from a registry, not from the engine that built them."""
    build = settings.engines.vllm.build if settings.engines.vllm else None
    if build and build.registry is None and settings.target != "docker":
        path: Path = ("engines", "vllm", "build", "registry")
        why = f"is required with target {settings.target}: its nodes do not have what is built where Pulumi runs"
        remedy = "add registry: registry.lan:5000/hearth, a registry that the nodes and this machine reach"
        yield Problem(path, None, why, remedy, depends_on=(("target",),))


def deciding_setting(argument: str, engine: str) -> str | None:
    """The setting that decides an argument which Hearth sets, "" where none does; None for any other argument."""
    return _RESERVED[engine].get(canonical(argument, engine) or "")


def arguments_free(settings: Settings) -> Iterator[Problem]:
    """Arguments that Hearth sets itself are set through their settings, which the plan knows about."""
    for index, model in enumerate(settings.models):
        for position, argument in enumerate(model.engine_args):
            setting = deciding_setting(argument, model.engine)
            if setting is None:
                continue
            yield Problem(
                ("models", index, "engineArgs", position),
                argument,
                f"Hearth sets {canonical(argument, model.engine)} itself",
                f"remove it and use the setting {setting} of this model" if setting else "remove it",
                depends_on=(("models", index, "engine"),),
            )
