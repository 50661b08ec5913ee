"""Models and the engines that serve them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from hearth.problems import Path, Problem
from hearth.settings.checks.names import full_tag, repeated
from hearth.settings.stack import Settings

_COMMON: Mapping[str, str] = {
    "--revision": "revision",
    "--served-model-name": "servedName",
    "--tensor-parallel-size": "tensorParallel",
    "--reasoning-parser": "reasoningParser",
    "--tool-call-parser": "toolCallParser",
    "--pipeline-parallel-size": "tensorParallel",
    "--data-parallel-size": "replicas",
    "--api-key": "",
    "--host": "",
    "--port": "",
    "--download-dir": "",
}
_RESERVED: Mapping[str, Mapping[str, str]] = {
    "vllm": {
        **_COMMON,
        "--model": "source",
        "-tp": "tensorParallel",
        "-pp": "tensorParallel",
        "-dp": "replicas",
        "--max-model-len": "contextLength",
        "--gpu-memory-utilization": "gpuMemoryUtilization",
        "--enable-auto-tool-choice": "toolCallParser",
        "--shutdown-timeout": "",
    },
    "sglang": {
        **_COMMON,
        "--model": "source",
        "--model-path": "source",
        "--tp": "tensorParallel",
        "--tp-size": "tensorParallel",
        "--pp-size": "tensorParallel",
        "--dp-size": "replicas",
        "--context-length": "contextLength",
        "--mem-fraction-static": "gpuMemoryUtilization",
        "--config": "",
        "--admin-api-key": "",
        "--enable-metrics": "",
    },
}
"""Arguments that Hearth sets, by engine, with the setting that decides them; empty where none does."""


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
        if setting is None:
            continue
        repository = re.sub(r"(:[^/]*)?(@.*)?$", "", setting.image).lower()
        other = next((name for name in chosen if name != engine and name in repository), None)
        if other and engine not in repository:
            path: Path = ("engines", engine, "image")
            yield Problem(path, setting.image, f"is an image of {other}", f"write an image of {engine}")


def arguments_free(settings: Settings) -> Iterator[Problem]:
    """Arguments that Hearth sets itself are set through their settings, which the plan knows about."""
    for index, model in enumerate(settings.models):
        for position, argument in enumerate(model.engine_args):
            flag = re.split(r"[=\s]", argument, maxsplit=1)[0].replace("_", "-")
            setting = _RESERVED[model.engine].get(flag)
            if setting is None:
                continue
            yield Problem(
                ("models", index, "engineArgs", position),
                argument,
                f"Hearth sets {flag} itself",
                f"remove it and use the setting {setting} of this model" if setting else "remove it",
                depends_on=(("models", index, "engine"),),
            )
