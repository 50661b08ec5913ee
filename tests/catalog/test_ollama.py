"""The catalog of Ollama's models."""

from __future__ import annotations

import pytest

from hearth.catalog.ollama import ollama_models


@pytest.mark.parametrize("tag", ["gemma3:4b", "llama3.2:1b", "qwen3:32b", "gpt-oss:20b", "nomic-embed-text", "bge-m3"])
def test_common_tags_have_a_size(tag: str) -> None:
    assert ollama_models()[tag].size_gib > 0


def test_name_without_a_tag_is_the_latest() -> None:
    catalog = ollama_models()
    assert catalog["gemma3"] == catalog["gemma3:latest"] == catalog["gemma3:4b"]


def test_every_model_has_a_latest() -> None:
    assert {tag.partition(":")[0] for tag in ollama_models()} <= ollama_models().keys()
