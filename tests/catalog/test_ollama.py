"""The catalog of Ollama's models."""

from __future__ import annotations

import pytest

from hearth.catalog.ollama import ollama_models


@pytest.mark.parametrize(
    "tag",
    ["gemma3:4b", "llama3.2:1b", "qwen3:32b", "gpt-oss:20b", "nomic-embed-text", "bge-m3", "gemma4:26b", "qwen3.5:9b"],
)
def test_common_tags_have_a_size(tag: str) -> None:
    assert ollama_models()[tag].size_gib > 0


@pytest.mark.parametrize(
    ("tag", "published_bytes"),
    [
        ("qwen3:8b", 5_225_388_164),
        ("qwen3:14b", 9_276_198_565),
        ("gemma3:4b", 3_338_801_804),
        ("gemma4:31b", 19_868_981_791),
        ("gpt-oss:120b", 65_290_180_781),
        ("phi4:14b", 9_053_116_391),
    ],
)
def test_size_is_the_published_one_rounded_up(tag: str, published_bytes: int) -> None:
    assert 0 <= ollama_models()[tag].size_gib - published_bytes / 2**30 < 0.11


def test_name_without_a_tag_is_the_latest() -> None:
    catalog = ollama_models()
    assert catalog["gemma3"] == catalog["gemma3:latest"] == catalog["gemma3:4b"]


def test_every_model_has_a_latest() -> None:
    assert {tag.partition(":")[0] for tag in ollama_models()} <= ollama_models().keys()
