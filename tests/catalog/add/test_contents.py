"""Contents of a repository that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalog.add.adding import CONFIG, FILES, MODEL, add, written
from tests.scripts.hub import Faults, Hub

pytestmark = pytest.mark.programs


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"config.json": b"<html>Sign in</html>"}, "is not JSON (it begins with '<html>Sign in</html>')"),
        ({"config.json": b'{"model_type": "qwen3", '}, "is not JSON"),
        ({"config.json": b"[]"}, "is no JSON object"),
        ({"config.json": b"{}"}, "model_type"),
        ({"config.json": json.dumps({**CONFIG, "model_type": "abacus"}).encode()}, "abacus"),
        ({"config.json": json.dumps({**CONFIG, "num_hidden_layers": "36"}).encode()}, "num_hidden_layers"),
        ({"config.json": json.dumps({**CONFIG, "num_attention_heads": 0}).encode()}, "num_attention_heads"),
        ({"model.safetensors.index.json": b"\xff\xfe"}, "model.safetensors.index.json"),
        ({"model.safetensors.index.json": b"{}"}, "has neither metadata.total_size nor a weight_map"),
    ],
    ids=["sign-in page", "half", "list", "empty", "architecture", "text", "no heads", "index", "empty index"],
)
def test_a_file_that_cannot_be_used_is_named(entries: Path, changed: dict[str, bytes], message: str) -> None:
    with Hub({**FILES, **changed}, source=MODEL) as hub:
        result = add(hub)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert written(entries) == []


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"config.json": FILES["config.json"], "pytorch_model.bin": b"x"}, "has no safetensors: its weights are .bin"),
        ({"config.json": FILES["config.json"], "q4.gguf": b"x"}, "has no safetensors: its weights are GGUF"),
        ({"q4.gguf": b"x"}, "has no config.json: its weights are GGUF"),
        ({"README.md": b"x"}, "has no config.json: is it the folder or repository of a model?"),
    ],
    ids=["bin", "gguf", "gguf alone", "no model"],
)
def test_a_repository_without_what_is_needed_is_refused(files: dict[str, bytes], message: str) -> None:
    with Hub(files, source=MODEL) as hub:
        result = add(hub)
    assert result.exit_code == 1
    assert message in result.stderr


def test_a_mirror_without_sizes_is_refused_where_they_are_needed() -> None:
    files = {"config.json": FILES["config.json"], "model.safetensors": b"x" * 900}
    with Hub(files, source=MODEL, faults=Faults(sizes=False)) as hub:
        result = add(hub)
    assert result.exit_code == 1
    assert "does not tell the size of model.safetensors" in result.stderr


def test_a_mirror_without_sizes_will_do_where_there_is_an_index(hub: Hub) -> None:
    hub.faults.sizes = False
    assert add(hub).exit_code == 0


def test_an_error_is_a_document_with_json(hub: Hub) -> None:
    result = add(hub, "--json", "--revision", "v9")
    assert result.exit_code == 1
    assert "has no revision" in json.loads(result.stdout)["error"]
