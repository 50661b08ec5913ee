"""What `catalog add` writes, against a server that behaves like the hub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hearth.catalog.models import model_from_entry
from tests.catalog.add.adding import FILES, INDEX, MODEL, SHARDS, TOTAL, add, entry, written
from tests.scripts.hub import Hub

pytestmark = pytest.mark.programs


def test_an_entry_is_what_the_catalog_reads(hub: Hub, entries: Path) -> None:
    assert add(hub).exit_code == 0
    model = model_from_entry(MODEL, entry(entries))
    assert model.architecture.max_context == 40960
    assert model.architecture.parameters.total == 8190735360
    assert model.weights_bytes == TOTAL


def test_an_entry_has_only_the_keys_that_are_read(hub: Hub, entries: Path) -> None:
    add(hub)
    config = entry(entries)["config"]
    assert config["hidden_size"] == 4096
    assert "bos_token_id" not in config


def test_a_null_is_kept_because_the_class_may_assume_something_else(hub: Hub, entries: Path) -> None:
    add(hub)
    config = entry(entries)["config"]
    assert "sliding_window" in config
    assert config["sliding_window"] is None


def test_an_entry_says_where_its_figures_are_from(hub: Hub, entries: Path) -> None:
    add(hub)
    content = entry(entries)
    assert content["weightsSource"] == "index"
    assert content["configSource"] == f"{hub.url}/{MODEL}"
    assert content["revision"] == hub.commit


def test_files_are_read_at_one_commit(hub: Hub) -> None:
    add(hub)
    assert all(hub.commit in request.path for request in hub.requests if "/resolve/" in request.path)


def test_weights_are_not_downloaded(hub: Hub) -> None:
    add(hub)
    assert not [request.path for request in hub.requests if request.path.endswith(".safetensors")]


@pytest.mark.parametrize(
    ("files", "size"),
    [
        ({"model.safetensors": b"x" * 900}, 900),
        ({"model.safetensors": b"x" * 900, "consolidated.safetensors": b"x" * 900}, 900),
        ({"consolidated.safetensors": b"x" * 800}, 800),
        ({SHARDS[0]: b"12345", SHARDS[1]: b"1234567"}, 12),
        ({"model.safetensors.index.json": json.dumps({**INDEX, "metadata": {}}).encode(), **FILES}, TOTAL),
    ],
    ids=["one file", "twice", "Mistral's format", "shards", "index first"],
)
def test_without_an_index_the_files_sizes_count(entries: Path, files: dict[str, bytes], size: int) -> None:
    with Hub({"config.json": FILES["config.json"], **files}, source=MODEL) as hub:
        assert add(hub).exit_code == 0
    assert entry(entries)["weightsBytes"] == size


def test_an_index_without_a_total_names_the_files_that_count(hub: Hub, entries: Path) -> None:
    files = {**FILES, "model.safetensors.index.json": json.dumps({"weight_map": INDEX["weight_map"]}).encode()}
    with Hub({**files, "model-extra.safetensors": b"not of the model"}, source=MODEL) as hub:
        assert add(hub).exit_code == 0
    assert entry(entries)["weightsBytes"] == 12


def test_quantisation_may_be_in_a_file_of_its_own(entries: Path) -> None:
    quantization = {
        "producer": {"name": "modelopt"},
        "quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8"},
    }
    files = {**FILES, "hf_quant_config.json": json.dumps(quantization).encode()}
    with Hub(files, source=MODEL) as hub:
        assert add(hub).exit_code == 0
    architecture = model_from_entry(MODEL, entry(entries)).architecture
    assert architecture.quantization is not None
    assert architecture.quantization.bits == 8


def test_files_much_smaller_than_the_config_says_are_pointed_out(entries: Path) -> None:
    with Hub({"config.json": FILES["config.json"], "model.safetensors": b"x"}, source=MODEL) as hub:
        result = add(hub)
    assert result.exit_code == 0
    assert "config.json adds up to 15.3 GiB" in result.stderr


def test_json_tells_what_was_written(hub: Hub, entries: Path) -> None:
    document = json.loads(add(hub, "--json").stdout)
    assert document["file"] == str(entries / f"{MODEL}.yaml")
    assert (document["weights_bytes"], document["max_context"]) == (TOTAL, 40960)


# The family


def test_the_family_is_the_nearest_relatives(hub: Hub, entries: Path) -> None:
    result = add(hub)
    assert entry(entries)["family"] == "qwen3"
    assert "family   qwen3, as Qwen/Qwen3-8B" in result.stdout


def test_the_family_can_be_said(hub: Hub, entries: Path) -> None:
    assert add(hub, "--family", "qwq").exit_code == 0
    assert entry(entries)["family"] == "qwq"


def test_an_unknown_family_is_wrong_usage(hub: Hub) -> None:
    result = add(hub, "--family", "lama")
    assert result.exit_code == 2
    assert "'lama' is none of" in result.stderr
    assert not hub.requests


# What is there already


def test_an_entry_is_not_overwritten(hub: Hub, entries: Path) -> None:
    add(hub)
    before = (entries / f"{MODEL}.yaml").read_bytes()
    hub.requests.clear()
    result = add(hub, "--family", "qwq")
    assert result.exit_code == 1
    assert "--replace" in result.stderr
    assert (entries / f"{MODEL}.yaml").read_bytes() == before
    assert not hub.requests


def test_an_entry_is_replaced_when_asked(hub: Hub, entries: Path) -> None:
    add(hub)
    assert add(hub, "--family", "qwq", "--replace").exit_code == 0
    assert entry(entries)["family"] == "qwq"
    assert written(entries) == [f"{MODEL}.yaml"]


def test_an_entry_that_cannot_be_written_leaves_nothing(hub: Hub, entries: Path) -> None:
    (entries / f"{MODEL}.yaml").mkdir(parents=True)
    result = add(hub, "--replace")
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
    assert written(entries) == []
