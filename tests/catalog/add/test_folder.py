"""`catalog add` on folders of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalog.add.adding import FILES, TOTAL, entry, folder, run, written


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
