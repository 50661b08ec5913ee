from __future__ import annotations

import base64
import string
import uuid
from typing import Any

import pytest

from hearth.rehearsal.provider.contract import ProviderError, ResourceRef, State
from hearth.rehearsal.provider.properties import secret
from hearth.rehearsal.provider.random import RandomProvider

PROVIDER = RandomProvider()


def ref(kind: str) -> ResourceRef:
    return ResourceRef(f"urn:pulumi:test::hearth::random:index/{kind[0].lower()}{kind[1:]}:{kind}::value")


def made(kind: str, **inputs: Any) -> dict[str, Any]:
    """Outputs of a new value."""
    checked = PROVIDER.check(ref(kind), {}, inputs, b"")
    assert checked.failures == ()
    return PROVIDER.create(ref(kind), checked.inputs, timeout=0, preview=False).outputs


def text(**inputs: Any) -> str:
    return made("RandomString", **inputs)["result"]


def test_text_has_its_length() -> None:
    assert len(text(length=40)) == 40


def test_text_of_the_allowed_characters_only() -> None:
    assert set(text(length=200, special=False, upper=False)) <= set(string.ascii_lowercase + string.digits)


def test_own_special_characters() -> None:
    assert set(text(length=50, overrideSpecial="_-", lower=False, upper=False, numeric=False)) <= set("_-")


@pytest.mark.parametrize(
    ("minimum", "alphabet"),
    [("minLower", string.ascii_lowercase), ("minUpper", string.ascii_uppercase), ("minNumeric", string.digits)],
)
def test_minimum_of_a_kind(minimum: str, alphabet: str) -> None:
    assert set(text(length=5, **{minimum: 5})) <= set(alphabet)


def test_values_differ() -> None:
    assert text(length=30) != text(length=30)


def test_password_is_secret() -> None:
    result = made("RandomPassword", length=20)["result"]
    assert result == secret(result["value"])


def test_bytes_are_secret_in_both_forms() -> None:
    outputs = made("RandomBytes", length=8)
    assert base64.b64decode(outputs["base64"]["value"]).hex() == outputs["hex"]["value"]


def test_forms_of_an_id() -> None:
    outputs = made("RandomId", byteLength=8, prefix="p-")
    assert int(outputs["hex"].removeprefix("p-"), 16) == int(outputs["dec"].removeprefix("p-"))


def test_uuid() -> None:
    assert uuid.UUID(made("RandomUuid")["result"]).version == 4


def test_integer_lies_in_its_range() -> None:
    assert made("RandomInteger", min=3, max=3)["result"] == 3


def test_seeded_integer_is_reproducible() -> None:
    first, second = (made("RandomInteger", min=0, max=10**9, seed="a")["result"] for _ in range(2))
    assert first == second


def test_shuffle_repeats_members_only_when_it_must() -> None:
    results = made("RandomShuffle", inputs=["a", "b", "c"], resultCount=6)["results"]
    assert sorted(results[:3]) == sorted(results[3:]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("kind", "inputs", "key"),
    [
        ("RandomPassword", {"length": 0}, "length"),
        ("RandomPassword", {"length": 3, "minUpper": 4}, "length"),
        ("RandomPassword", {"length": 8, "lower": False, "upper": False, "numeric": False, "special": False}, "lower"),
        ("RandomString", {"length": 8, "upper": False, "minUpper": 1}, "minUpper"),
        ("RandomInteger", {"min": 2, "max": 1}, "min"),
    ],
)
def test_impossible_inputs(kind: str, inputs: dict[str, Any], key: str) -> None:
    [(path, _)] = PROVIDER.check(ref(kind), {}, inputs, b"").failures
    assert path == key


def test_changed_input_makes_a_new_value() -> None:
    old = State("none", {}, {"length": 8, "keepers": {"a": "1"}})
    difference = PROVIDER.diff(ref("RandomPassword"), old, {"length": 8, "keepers": {"a": "2"}})
    assert [change.replaces for change in difference.changes] == [True]


def test_preview_makes_no_value() -> None:
    assert "result" not in PROVIDER.create(ref("RandomUuid"), {}, timeout=0, preview=True).outputs


def test_unsupported_resource_is_named() -> None:
    with pytest.raises(ProviderError, match="RandomPet"):
        PROVIDER.check(ref("RandomPet"), {}, {}, b"")
