"""Which files of a model's repository a server needs."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class LeftOut:
    """Files that a server does not need, and why."""

    patterns: tuple[str, ...]
    reason: str
    beside: tuple[str, ...] = ()
    """Left out only if a file of each of these patterns is there,"""
    unless: tuple[str, ...] = ()
    """and none of these."""


LEFT_OUT = (
    LeftOut(("original/*", "metal/*"), "the same weights in the publisher's own layout"),
    LeftOut(("onnx/*", "*.onnx", "*.onnx_data", "openvino/*", "coreml/*"), "weights for other runtimes"),
    LeftOut(("*.gguf", "*.tflite", "*.llamafile"), "quantised weights for other runtimes"),
    LeftOut(
        ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.ot"),
        "the same weights in an older format",
        beside=("*.safetensors",),
    ),
    LeftOut(
        ("consolidated*",),
        "the same weights in Mistral's format",
        beside=("consolidated*.safetensors", "model*.safetensors", "tokenizer.json"),
    ),
    # vLLM takes Mistral's format, with Mistral's tokenizer, where the repository has no other tokenizer.
    LeftOut(
        ("model*.safetensors", "model*.safetensors.index.json"),
        "the same weights without a tokenizer of their own",
        beside=("consolidated*.safetensors",),
        unless=("tokenizer.json",),
    ),
    LeftOut(("*.png", "*.jpg", "*.jpeg", "*.gif", "*.webp", "*.svg", "*.mp4", "*.pdf"), "pictures and papers"),
    LeftOut((".gitattributes", ".gitignore"), "git's own"),
)
WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.pth")
"""What vLLM and SGLang load."""


def select_left_out(files: Iterable[str]) -> list[tuple[LeftOut, list[str]]]:
    """Each rule that applies to a repository with these files, and the files it leaves out."""
    rest = list(files)
    chosen: list[tuple[LeftOut, list[str]]] = []
    for rule in LEFT_OUT:
        applies = all(any_matches(rest, (needed,)) for needed in rule.beside) and not any_matches(rest, rule.unless)
        out = [file for file in rest if matches(file, rule.patterns)] if applies else []
        if out:
            chosen.append((rule, out))
            rest = [file for file in rest if file not in out]
    return chosen


def any_matches(files: Iterable[str], patterns: Iterable[str]) -> bool:
    """Whether one of the files has one of the patterns."""
    return any(matches(file, patterns) for file in files)


def matches(file: str, patterns: Iterable[str]) -> bool:
    """Whether the path has one of the patterns; * stands for slashes too."""
    return any(fnmatch.fnmatchcase(file, pattern) for pattern in patterns)
