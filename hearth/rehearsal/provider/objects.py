"""Views of a Kubernetes object: its identity, and what of it goes into the engine's state."""

from __future__ import annotations

from typing import Any

from hearth.rehearsal.provider.properties import UNKNOWN, JsonObject, is_list, is_object, secret

_SERVER_METADATA = frozenset(
    {"creationTimestamp", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)
_CHOSEN_METADATA = ("creationTimestamp", "resourceVersion", "uid")
_SECRET_FIELDS = ("data", "stringData")


def identity(item: JsonObject) -> tuple[str, str | None, str]:
    """Kind, namespace and name."""
    metadata = item.get("metadata", {})
    return item["kind"], metadata.get("namespace"), metadata.get("name", "")


def annotation(item: JsonObject, key: str) -> str | None:
    value = item.get("metadata", {}).get("annotations", {}).get(key)
    return None if value is None else str(value).lower()


def outputs(live: JsonObject) -> JsonObject:
    """The live object without its field ownership."""
    metadata = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    return with_secret_data({**live, "metadata": metadata})


def with_secret_data(item: JsonObject) -> JsonObject:
    """The object; of a Secret, with its data marked secret, whatever it was made from."""
    if item["kind"] != "Secret":
        return item
    return {**item, **{key: secret(item[key]) for key in _SECRET_FIELDS if key in item}}


def preview_outputs(item: JsonObject, inputs: JsonObject) -> JsonObject:
    """`outputs` of an object that a dry run created, or of bare inputs; what the server will choose is unknown."""
    shown = outputs(item)
    shown.pop("status", None)
    shown["metadata"] = {**shown["metadata"], **dict.fromkeys(_CHOSEN_METADATA, UNKNOWN)}
    if item["kind"] == "Service":
        wanted = inputs.get("spec", {})
        chosen = {key: UNKNOWN for key in ("clusterIP", "clusterIPs") if key not in wanted}
        shown["spec"] = {**shown.get("spec", {}), **chosen}
    return shown


def live_inputs(live: JsonObject, inputs: JsonObject) -> JsonObject:
    """Inputs that describe the live object: the fields that were given, with their present values.

    Without earlier inputs (an import) every field that the server does not own counts as given.
    """
    if inputs:
        return dict(_projected(live, inputs))
    metadata = {key: value for key, value in live["metadata"].items() if key not in _SERVER_METADATA}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}


def _projected(live: Any, given: Any) -> Any:
    if is_object(live) and is_object(given):
        # `stringData` is written but never read back.
        return {
            key: _projected(live[key], value) if key in live else value
            for key, value in given.items()
            if key in live or key == "stringData"
        }
    if is_list(live) and is_list(given) and len(live) == len(given):
        return [_projected(*pair) for pair in zip(live, given, strict=True)]
    return live
