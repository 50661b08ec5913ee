"""The random provider: pulumi-random's resources, made from the operating system's randomness.

A changed input makes a new value, as there. Resources that take a `seed` are reproducible here, but do not give
pulumi-random's values, whose generator is Go's.
"""

from __future__ import annotations

import base64
import random
import secrets
import string
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any

from hearth.rehearsal.provider.contract import Checked, Difference, ProviderError, ResourceRef, State
from hearth.rehearsal.provider.diffing import changes
from hearth.rehearsal.provider.properties import JsonObject, has_unknowns, secret

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"  # the default set of terraform-provider-random
_ALPHABETS: Mapping[str, str] = {
    "Lower": string.ascii_lowercase,
    "Upper": string.ascii_uppercase,
    "Numeric": string.digits,
    "Special": _SPECIAL,
}
_CHARACTER_DEFAULTS: JsonObject = {
    "lower": True,
    "upper": True,
    "numeric": True,
    "special": True,
    "minLower": 0,
    "minUpper": 0,
    "minNumeric": 0,
    "minSpecial": 0,
}


@dataclass(frozen=True)
class _Value:
    """A new value: its id, and what it adds to the inputs."""

    id: str
    outputs: JsonObject


@dataclass(frozen=True)
class _Resource:
    generate: Callable[[JsonObject], _Value]
    defaults: JsonObject = field(default_factory=JsonObject)
    problems: Callable[[JsonObject], tuple[tuple[str, str], ...]] = lambda inputs: ()


def _alphabets(inputs: JsonObject) -> Mapping[str, str]:
    """The character sets that are switched on, by the ending of their `min...` input."""
    special = inputs.get("overrideSpecial") or _SPECIAL
    sets = {**_ALPHABETS, "Special": special}
    return {name: characters for name, characters in sets.items() if inputs[name.lower()]}


def _text_problems(inputs: JsonObject) -> tuple[tuple[str, str], ...]:
    length = inputs.get("length", 0)
    required = sum(inputs[f"min{name}"] for name in _ALPHABETS)
    if length < 1 or length < required:
        least = max(1, required)
        return (
            ("length", f"must be at least {least} (the sum of minLower, minUpper, minNumeric, minSpecial): {length}"),
        )
    enabled = _alphabets(inputs)
    if not enabled:
        return (("lower", "at least one of lower, upper, numeric and special must be true"),)
    return tuple(
        (f"min{name}", f"{name.lower()} is false, so that there are no such characters")
        for name in _ALPHABETS
        if inputs[f"min{name}"] and name not in enabled
    )


def _text(inputs: JsonObject) -> str:
    enabled = _alphabets(inputs)
    chosen = [secrets.choice(enabled[name]) for name in enabled for _ in range(inputs[f"min{name}"])]
    everything = "".join(enabled.values())
    chosen += [secrets.choice(everything) for _ in range(inputs["length"] - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


def _password(inputs: JsonObject) -> _Value:
    return _Value("none", {"result": secret(_text(inputs))})


def _string(inputs: JsonObject) -> _Value:
    result = _text(inputs)
    return _Value(result, {"result": result})


def _bytes(inputs: JsonObject) -> _Value:
    value = secrets.token_bytes(inputs["length"])
    return _Value("none", {"base64": secret(base64.b64encode(value).decode()), "hex": secret(value.hex())})


def _id(inputs: JsonObject) -> _Value:
    value, prefix = secrets.token_bytes(inputs["byteLength"]), inputs.get("prefix", "")
    url = base64.urlsafe_b64encode(value).decode().rstrip("=")
    forms = {
        "b64Std": base64.b64encode(value).decode(),
        "b64Url": url,
        "dec": str(int.from_bytes(value)),
        "hex": value.hex(),
    }
    return _Value(url, {name: prefix + form for name, form in forms.items()})


def _uuid(inputs: JsonObject) -> _Value:
    result = str(uuid.uuid4())
    return _Value(result, {"result": result})


def _integer(inputs: JsonObject) -> _Value:
    result = _generator(inputs).randint(inputs["min"], inputs["max"])
    return _Value(str(result), {"result": result})


def _integer_problems(inputs: JsonObject) -> tuple[tuple[str, str], ...]:
    return (
        () if inputs["min"] <= inputs["max"] else (("min", f"must not exceed max: {inputs['min']} > {inputs['max']}"),)
    )


def _shuffle(inputs: JsonObject) -> _Value:
    """The members in a new order; more results than members repeat them, each round in an order of its own."""
    members: list[Any] = inputs["inputs"]
    count = inputs.get("resultCount", len(members)) if members else 0
    generator, results = _generator(inputs), list[Any]()
    while len(results) < count:
        results += generator.sample(members, len(members))
    return _Value("-", {"results": results[:count]})


def _generator(inputs: JsonObject) -> random.Random:
    # A seed is asked for where the same value is wanted again; what has to be secret takes none.
    return random.Random(inputs["seed"]) if "seed" in inputs else secrets.SystemRandom()  # noqa: S311


def _token(name: str) -> str:
    return f"random:index/{name[0].lower()}{name[1:]}:{name}"


_RESOURCES: Mapping[str, _Resource] = {
    _token("RandomBytes"): _Resource(_bytes),
    _token("RandomId"): _Resource(_id),
    _token("RandomInteger"): _Resource(_integer, problems=_integer_problems),
    _token("RandomPassword"): _Resource(_password, _CHARACTER_DEFAULTS, _text_problems),
    _token("RandomShuffle"): _Resource(_shuffle),
    _token("RandomString"): _Resource(_string, _CHARACTER_DEFAULTS, _text_problems),
    _token("RandomUuid"): _Resource(_uuid),
}


class RandomProvider:
    """Serves `random:*` resources; see `contract.Provider` for the methods."""

    package = "random"

    @property
    def version(self) -> str:
        """The SDK's own version, which the engine compares with the provider's."""
        return metadata.version("pulumi_random")

    def configure(self, settings: JsonObject) -> None:
        """The package has no settings."""

    def diff_config(self, old: JsonObject, new: JsonObject) -> Difference:
        return Difference(tuple(changes(old, new)))

    def cancel(self) -> None:
        """Nothing takes long."""

    def close(self) -> None:
        """Nothing is held."""

    def check(self, ref: ResourceRef, old_inputs: JsonObject, inputs: JsonObject, seed: bytes) -> Checked:
        resource = _resource(ref)
        complete = {**resource.defaults, **inputs}
        return Checked(complete, () if has_unknowns(complete) else resource.problems(complete))

    def diff(self, ref: ResourceRef, old: State, inputs: JsonObject) -> Difference:
        return Difference(tuple(replace(change, replaces=True) for change in changes(old.inputs, inputs)))

    def create(self, ref: ResourceRef, inputs: JsonObject, timeout: float, preview: bool) -> State:
        if preview:
            return State("", inputs)
        value = _resource(ref).generate(inputs)
        return State(value.id, {**inputs, **value.outputs})

    def update(self, ref: ResourceRef, old: State, inputs: JsonObject, timeout: float, preview: bool) -> State:
        raise ProviderError(f"{ref.type} {ref.name}: a random value is replaced, never changed")

    def read(self, ref: ResourceRef, old: State) -> State | None:
        if not old.outputs:
            raise ProviderError(f"{ref.type} {ref.name}: a random value cannot be imported in a rehearsal")
        return old

    def delete(self, ref: ResourceRef, old: State, timeout: float) -> None:
        """A value only exists in the state."""


def _resource(ref: ResourceRef) -> _Resource:
    if ref.type not in _RESOURCES:
        raise ProviderError(
            f"the rehearsal's random provider has no {ref.type}; it has {', '.join(sorted(_RESOURCES))}"
        )
    return _RESOURCES[ref.type]
