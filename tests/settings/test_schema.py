from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from hearth.settings.reference import reference_text
from hearth.settings.schema import schema_text, stack_file_schema
from tests.settings.stack_files import BASE

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    schema = stack_file_schema()
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def test_the_committed_schema_is_current() -> None:
    assert (REPOSITORY / "hearth/settings/schema.json").read_text(encoding="utf-8") == schema_text()


def test_the_committed_reference_is_current() -> None:
    assert (REPOSITORY / "docs/settings.md").read_text(encoding="utf-8") == reference_text()


@pytest.mark.parametrize("stack", ["dev", "prod", "small"])
def test_the_stacks_of_this_repository_match_it(stack: str, validator: Draft7Validator) -> None:
    text = (REPOSITORY / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")

    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        pytest.param("", True, id="base"),
        pytest.param("  hearth:huggingFace: {token: {secure: v1:abc}}\n", True, id="encrypted secret"),
        pytest.param("  aws:region: eu-central-1\n", True, id="another namespace"),
        pytest.param("encryptionsalt: v1:abc\n", True, id="what Pulumi adds"),
        pytest.param("  hearth:huggingFace: {token: hf_abc}\n", False, id="secret in plain text"),
        pytest.param("  hearth:modells: []\n", False, id="unknown key"),
        pytest.param("  hearth:cpuNodes: {counts: 2}\n", False, id="unknown key of a section"),
        pytest.param("  hearth:cpuNodes: {count: two}\n", False, id="wrong type"),
        pytest.param("konfig: {}\n", False, id="unknown section of the file"),
    ],
)
def test_an_editor_sees_what_is_wrong(text: str, matches: bool, validator: Draft7Validator) -> None:
    assert validator.is_valid(yaml.safe_load(BASE + text)) is matches


def test_every_setting_is_described(validator: Draft7Validator) -> None:
    schema: dict[str, Any] = stack_file_schema()
    sections = {"hearth": schema["properties"]["config"], **schema["definitions"]}

    undescribed = [
        f"{name}.{key}"
        for name, section in sections.items()
        for key, setting in section["properties"].items()
        if "description" not in setting
    ]
    assert undescribed == []
