"""`catalog add`, against a server that behaves like the hub, and on folders."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from hearth.catalog import add as adding
from hearth.catalog import hub as client
from hearth.catalog.models import model_from_entry
from hearth.catalog_command import catalog
from tests.scripts.hub import Faults, Hub

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


@pytest.fixture(autouse=True)
def entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that entries are written to, and no settings from outside."""
    path = tmp_path / "entries"
    monkeypatch.setattr(adding, "MODELS", path)
    for variable in ("HF_ENDPOINT", "HF_TOKEN", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    return path


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures show within moments."""
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(client, "PAUSE_SECONDS", 0.01)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(dict(FILES), source=MODEL) as hub:
        yield hub


def run(*arguments: str) -> Result:
    return CliRunner().invoke(catalog, ["add", *arguments])


def add(hub: Hub, *arguments: str, source: str = MODEL) -> Result:
    return run(source, "--endpoint", hub.endpoint, *arguments)


def written(entries: Path) -> list[str]:
    return sorted(str(path.relative_to(entries)) for path in entries.rglob("*") if path.is_file())


def entry(entries: Path, source: str = MODEL) -> dict[str, Any]:
    return yaml.safe_load((entries / f"{source}.yaml").read_text())


def folder(path: Path, files: Mapping[str, bytes]) -> Path:
    path.mkdir(parents=True)
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


# What is written


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
    assert content["configSource"] == f"{hub.endpoint}/{MODEL}"
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


# The hub


def test_redirects_are_followed(hub: Hub, entries: Path) -> None:
    hub.faults.small_files = True
    assert add(hub).exit_code == 0
    assert entry(entries)["weightsBytes"] == TOTAL


def test_the_token_goes_to_the_hub_alone(hub: Hub) -> None:
    hub.faults = Faults(small_files=True, gated_token=TOKEN)
    assert add(hub, "--token", TOKEN).exit_code == 0
    of_hub = {request.authorization for request in hub.requests if not request.path.startswith("/cdn/")}
    elsewhere = {request.authorization for request in hub.requests if request.path.startswith("/cdn/")}
    assert (of_hub, elsewhere) == ({f"Bearer {TOKEN}"}, {None})


def test_endpoint_and_token_may_be_in_the_environment(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.faults.gated_token = TOKEN
    monkeypatch.setenv("HF_ENDPOINT", f"{hub.endpoint}/")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert run(MODEL).exit_code == 0


def test_a_revision_can_be_chosen(entries: Path) -> None:
    with Hub(FILES, source=MODEL, revision="v2") as hub:
        assert add(hub, "--revision", "v2").exit_code == 0


@pytest.mark.parametrize("public", [False, True], ids=["gated wholly", "gated files"])
def test_a_gated_model_needs_licence_and_token(hub: Hub, entries: Path, public: bool) -> None:
    hub.faults = Faults(gated_token=TOKEN, gated_files_only=public)
    result = add(hub)
    assert result.exit_code == 1
    assert f"is gated: accept its licence at {hub.endpoint}/{MODEL} and give a token with --token" in result.stderr
    assert written(entries) == []


def test_a_token_without_access_to_a_gated_model_is_told_so(hub: Hub) -> None:
    hub.faults.gated_token = TOKEN
    result = add(hub, "--token", "hf_other")
    assert result.exit_code == 1
    assert "accept its licence" in result.stderr
    assert "hf_other" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "does not exist or is private (HTTP 401): check the spelling, or give a token"),
        (("--token", TOKEN), "has no model acme/Qwen4 (HTTP 404): check the spelling of ORG/NAME"),
    ],
    ids=["401", "404"],
)
def test_a_misspelt_model_is_refused(hub: Hub, arguments: tuple[str, ...], message: str) -> None:
    result = add(hub, *arguments, source="acme/Qwen4")
    assert result.exit_code == 1
    assert message in result.stderr
    assert TOKEN not in result.output


def test_an_unknown_revision_is_refused(hub: Hub) -> None:
    result = add(hub, "--revision", "v9")
    assert result.exit_code == 1
    assert "has no revision 'v9'" in result.stderr


def test_a_busy_hub_is_asked_again(hub: Hub) -> None:
    hub.faults.unavailable = 2
    result = add(hub)
    assert result.exit_code == 0
    assert "failed: HTTP 503; trying again" in result.stderr


def test_a_hub_that_stays_busy_is_given_up(hub: Hub, entries: Path) -> None:
    hub.faults.unavailable = 100
    result = add(hub)
    assert result.exit_code == 1
    assert "4 times in a row: HTTP 503; check the network, or choose a mirror" in result.stderr
    assert written(entries) == []


def test_a_cut_off_answer_is_asked_for_again(hub: Hub, entries: Path) -> None:
    hub.faults = Faults(small_files=True, cut_after=100, cuts=2)
    assert add(hub).exit_code == 0
    assert entry(entries)["weightsBytes"] == TOTAL


def test_answers_that_are_always_cut_off_are_given_up(hub: Hub, entries: Path) -> None:
    hub.faults = Faults(small_files=True, cut_after=100, cuts=100)
    result = add(hub)
    assert result.exit_code == 1
    assert "breaks off, 4 times in a row" in result.stderr
    assert written(entries) == []


def test_a_hub_that_does_not_answer_is_given_up(hub: Hub) -> None:
    hub.faults = Faults(small_files=True, seconds_per_chunk=2)
    result = add(hub)
    assert result.exit_code == 1
    assert "no answer within 0.5 s" in result.stderr


def test_a_slow_answer_shows_progress(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PROGRESS_SECONDS", 0.05)
    hub.faults = Faults(small_files=True, seconds_per_chunk=0.3)
    result = add(hub)
    assert result.exit_code == 0
    assert "config.json: 0 bytes after" in result.stderr


def test_a_hub_that_is_not_there_is_named() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        result = run(MODEL, "--endpoint", endpoint)
    assert result.exit_code == 1
    assert f"{endpoint} cannot be reached" in result.stderr


@pytest.mark.parametrize("endpoint", ["huggingface.co", "ftp://hub.example", "https://", "http://["])
def test_an_endpoint_that_is_no_url_is_wrong_usage(endpoint: str) -> None:
    result = run(MODEL, "--endpoint", endpoint)
    assert result.exit_code == 2
    assert "--endpoint" in result.stderr


@pytest.mark.parametrize("token", ["hf_a\nhf_b", "hf_\u00e4", "Bearer hf_a"])
def test_a_token_that_is_none_is_wrong_usage(hub: Hub, token: str) -> None:
    result = add(hub, "--token", token)
    assert result.exit_code == 2
    assert "hf_" not in result.stderr


# Contents that cannot be used


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


# Folders


def test_a_folder_is_read_without_network(tmp_path: Path, entries: Path) -> None:
    path = folder(tmp_path / "support", FILES)
    assert run(str(path), "--endpoint", "http://127.0.0.1:1").exit_code == 0
    assert entry(entries, "local/support")["weightsBytes"] == TOTAL
    assert "revision" not in entry(entries, "local/support")


def test_a_folders_model_can_be_named(tmp_path: Path, entries: Path) -> None:
    assert run(str(folder(tmp_path / "support", FILES)), "--name", "acme/support-8B").exit_code == 0
    assert written(entries) == ["acme/support-8B.yaml"]


def test_a_folder_with_only_a_config_is_counted(tmp_path: Path, entries: Path) -> None:
    path = folder(tmp_path / "support", {"config.json": FILES["config.json"]})
    assert run(str(path)).exit_code == 0
    content = entry(entries, "local/support")
    assert content["weightsSource"] == "shape"
    assert content["weightsBytes"] == pytest.approx(TOTAL, rel=0.01)


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    result = run(str(folder(tmp_path / "support", {"model.safetensors": b"x"})))
    assert result.exit_code == 1
    assert f"{tmp_path / 'support'} has no config.json" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("Qwen3-8B",),
        ("Qwen/Qwen3/8B",),
        ("../../etc/model",),
        ("https://huggingface.co/Qwen/Qwen3-8B",),
        ("acme/model", "--name", "acme/other"),
    ],
)
def test_a_source_of_another_form_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("name", ["support", "../support", "acme/../../support"])
def test_a_name_of_another_form_is_wrong_usage(tmp_path: Path, entries: Path, name: str) -> None:
    assert run(str(folder(tmp_path / "support", FILES)), "--name", name).exit_code == 2
    assert not entries.exists()
