from __future__ import annotations

from hearth.rehearsal.provider.naming import is_autonamed, with_name


def test_given_name_is_kept() -> None:
    named = with_name({"metadata": {"name": "mine"}}, {}, "resource", b"seed")
    assert named["metadata"]["name"] == "mine"
    assert not is_autonamed(named)


def test_generated_name_begins_with_the_resources() -> None:
    named = with_name({}, {}, "resource", b"seed")
    assert named["metadata"]["name"].startswith("resource-")
    assert is_autonamed(named)


def test_seed_decides_the_name() -> None:
    assert with_name({}, {}, "resource", b"one") != with_name({}, {}, "resource", b"two")


def test_name_generated_before_is_kept() -> None:
    before = with_name({}, {}, "resource", b"one")
    assert with_name({}, before, "resource", b"two") == before


def test_name_given_before_does_not_stick() -> None:
    named = with_name({}, {"metadata": {"name": "mine"}}, "resource", b"seed")
    assert named["metadata"]["name"] != "mine"
