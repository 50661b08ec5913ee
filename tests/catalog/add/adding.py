"""A model to add, and runs of `catalog add`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner, Result

from hearth.catalog_command import catalog
from tests.scripts.hub import Hub

MODEL = "acme/Qwen3-8B-support"
TOKEN = "hf_" + "s3cret" * 5
TOTAL = 16381470720
CONFIG: Mapping[str, Any] = {
    "architectures": ["Qwen3ForCausalLM"],
    "attention_bias": False,
    "bos_token_id": 151643,
    "head_dim": 128,
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "max_position_embeddings": 40960,
    "model_type": "qwen3",
    "num_attention_heads": 32,
    "num_hidden_layers": 36,
    "num_key_value_heads": 8,
    "rope_scaling": None,
    "sliding_window": None,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 151936,
}
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
INDEX = {"metadata": {"total_size": TOTAL}, "weight_map": {"a": SHARDS[0], "b": SHARDS[1]}}
FILES = {
    "config.json": json.dumps(CONFIG).encode(),
    "model.safetensors.index.json": json.dumps(INDEX).encode(),
    SHARDS[0]: b"12345",
    SHARDS[1]: b"1234567",
    "README.md": b"# Support",
}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(catalog, ["add", *arguments])


def add(hub: Hub, *arguments: str, source: str = MODEL) -> Result:
    return run(source, "--endpoint", hub.url, *arguments)


def written(entries: Path) -> list[str]:
    return sorted(str(path.relative_to(entries)) for path in entries.rglob("*") if path.is_file())


def entry(entries: Path, source: str = MODEL) -> dict[str, Any]:
    return yaml.safe_load((entries / f"{source}.yaml").read_text())


def folder(path: Path, files: Mapping[str, bytes]) -> Path:
    path.mkdir(parents=True)
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path
