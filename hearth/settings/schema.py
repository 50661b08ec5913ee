"""The JSON Schema of a stack file, for editors: `python -m hearth.settings.schema > hearth/settings/schema.json`.

Draft 7, which the YAML language server takes. It covers what a single key allows; what keys allow together is checked
when a stack is loaded.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, cast

from pydantic.json_schema import GenerateJsonSchema

from hearth.settings.shape import settings_shape
from hearth.settings.stack import Settings
from hearth.settings.stack_file import BESIDE_CONFIG, PREFIX


class _WithoutTitles(GenerateJsonSchema):
    """Titles would only repeat the keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


def stack_file_schema() -> dict[str, Any]:
    """The schema of a whole Pulumi.<stack>.yaml."""
    settings = Settings.model_json_schema(ref_template="#/definitions/{model}", schema_generator=_WithoutTitles)
    for key, shape in settings_shape().keys.items():
        # Pydantic leaves out the descriptions of some keys whose value is a section.
        settings["properties"][key].setdefault("description", shape.summary)
    settings = cast(dict[str, Any], _draft_7(settings))
    config: dict[str, Any] = {
        "description": settings["description"],
        "type": "object",
        "properties": {f"{PREFIX}{key}": schema for key, schema in settings["properties"].items()},
        "patternProperties": {f"^(?!{PREFIX})[^:]+:.+$": {}},
        "required": [f"{PREFIX}{key}" for key in settings["required"]],
        "additionalProperties": False,
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Stack of Hearth",
        "type": "object",
        "properties": {**{key: {} for key in BESIDE_CONFIG}, "config": config},
        "required": ["config"],
        "additionalProperties": False,
        "definitions": settings["$defs"],
    }


def schema_text() -> str:
    """What hearth/settings/schema.json holds."""
    return json.dumps(stack_file_schema(), indent=2) + "\n"


def _draft_7(schema: Any) -> Any:
    """Draft 7 ignores what stands beside $ref, so a description there needs allOf."""
    if isinstance(schema, list):
        return [_draft_7(item) for item in cast(list[Any], schema)]
    if not isinstance(schema, Mapping):
        return schema
    content = {key: _draft_7(value) for key, value in cast(Mapping[str, Any], schema).items()}
    if "$ref" in content and len(content) > 1:
        return {"allOf": [{"$ref": content.pop("$ref")}], **content}
    return content


if __name__ == "__main__":
    sys.stdout.write(schema_text())
