"""Names of objects that the program leaves unnamed."""

from __future__ import annotations

import hashlib
from typing import Any

from hearth.rehearsal.provider.properties import JsonObject

AUTONAMED = "pulumi.com/autonamed"
"""Annotation by which a generated name is recognised later, as the official provider sets it."""

_SUFFIX_LENGTH = 8


def suffixed(prefix: str, seed: bytes) -> str:
    """`prefix`, a dash and eight hexadecimal digits that follow from `seed`, which the engine draws."""
    return f"{prefix}-{hashlib.sha256(seed).hexdigest()[:_SUFFIX_LENGTH]}"


def is_autonamed(inputs: JsonObject) -> bool:
    return _annotations(inputs).get(AUTONAMED) == "true"


def with_name(inputs: JsonObject, old_inputs: JsonObject, resource_name: str, seed: bytes) -> JsonObject:
    """A copy of `inputs` with a name: its own, else the one generated before, else a new one."""
    metadata: JsonObject = inputs.get("metadata", {})
    if metadata.get("name"):
        return {**inputs}
    if is_autonamed(old_inputs):
        name = old_inputs["metadata"]["name"]
    else:
        prefix = str(metadata.get("generateName", resource_name)).rstrip("-")
        name = suffixed(prefix, seed)
    annotations = {**_annotations(inputs), AUTONAMED: "true"}
    return {**inputs, "metadata": {**metadata, "name": name, "annotations": annotations}}


def _annotations(inputs: JsonObject) -> dict[str, Any]:
    return inputs.get("metadata", {}).get("annotations", {})
