from __future__ import annotations

from pathlib import Path

import pytest

from hearth.rehearsal.crds import UNCHECKED, fetch, load, pins
from hearth.rehearsal.errors import ToolchainError


def test_every_pin_has_a_hash() -> None:
    assert all(pin.module.sum.startswith("h1:") for pin in pins())


def test_addons_are_pinned_once() -> None:
    names = [pin.addon for pin in pins()]
    assert len(names) == len(set(names))


def test_what_is_unchecked_has_a_reason() -> None:
    assert all(UNCHECKED.values())


def test_an_unknown_addon_is_refused_with_those_there_are() -> None:
    with pytest.raises(ToolchainError, match="nosuch; there are those of MetalLB"):
        fetch(["nosuch"], lambda line: None)


def test_definitions_come_before_what_uses_them(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: Other\n---\nkind: CustomResourceDefinition\n")
    assert [obj["kind"] for obj in load((tmp_path,))] == ["CustomResourceDefinition", "Other"]


def test_what_is_no_object_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("---\n# only a comment\n---\nresources: []\n")
    (tmp_path / "README.md").write_text("kind: Text")
    assert load((tmp_path,)) == []
