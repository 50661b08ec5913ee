from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hearth.problems import ConfigurationError
from hearth.settings.loading import LoadedStack, load_config, load_stack
from tests.settings.stack_files import BASE

Load = Callable[..., LoadedStack]

ENCRYPTED = """
  hearth:huggingFace: {token: {secure: v1:abcdef}}
  aws:region: eu-central-1
  aws:defaultTags: {tags: {team: {secure: v1:abcdef}}}
"""


def test_an_unknown_stack_names_those_that_exist(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod.yaml").touch()

    with pytest.raises(ConfigurationError, match="did you mean prod"):
        load_stack(tmp_path, "prd")


def test_a_folder_without_stacks_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"has no Pulumi.<stack>.yaml"):
        load_stack(tmp_path, "prod")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigurationError, match="readable text file"):
        load_stack(tmp_path, "prod")


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        pytest.param("config:\n  hearth:models: [", 3, "is not valid YAML", id="open bracket"),
        pytest.param("config:\n\thearth:target: onprem\n", 2, "is not valid YAML", id="tab"),
        pytest.param("config: {a: *nowhere}", 1, "is not valid YAML", id="unknown alias"),
        pytest.param("config:\n  hearth:models: &a [*a]\n", 2, "refers to what it is part of", id="alias of itself"),
        pytest.param("- hearth:target\n", 1, "is not a mapping", id="list"),
        pytest.param("config: onprem\n", 1, "is not a mapping", id="config is text"),
        pytest.param("", None, "has no config section", id="empty"),
        pytest.param("encryptionsalt: v1\n", None, "has no config section", id="without config"),
        pytest.param("config: {'hearth:a': !!int b}", 1, "tagged as int", id="wrong tag"),
        pytest.param("config: \x00", None, "is not valid YAML", id="control character"),
    ],
)
def test_text_that_is_no_stack_file_is_one_problem(text: str, line: int | None, why: str, load_text: Load) -> None:
    loaded = load_text(text)

    assert [(problem.line, why in problem.why) for problem in loaded.problems] == [(line, True)]


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        pytest.param(
            BASE + "  hearth:target: kubernetes\n", "hearth:target", "written twice, first in line 3", id="key"
        ),
        pytest.param(BASE + "    replicas: 1\n", "hearth:webUi.replicas", "written twice", id="below"),
        pytest.param(
            BASE + "  heart:timeZone: UTC\n", "heart:timeZone", "namespace heart is not hearth", id="namespace"
        ),
        pytest.param(BASE + "hearth:timeZone: UTC\n", "hearth:timeZone", "beside config", id="beside config"),
        pytest.param(BASE + "konfig: {}\n", "config", "no section konfig", id="unknown section"),
        pytest.param(BASE + "config: {}\n", "config", "section config is written twice", id="section"),
        pytest.param(
            BASE.replace("hearth:webUi", "heart:webUi"),
            "heart:webUi",
            "is not hearth",
            id="namespace of a required key",
        ),
    ],
)
def test_misplaced_keys_are_one_problem(text: str, key: str, why: str, load_text: Load) -> None:
    problems = load_text(text).problems

    assert [(problem.key, why in problem.why) for problem in problems] == [(key, True)]


def test_a_problem_has_the_line_of_its_key(load_text: Load) -> None:
    (problem,) = load_text(BASE.replace("pool: ada, tensorParallel: 4", "pool: ada, tensorParallel: four")).problems

    assert problem.line == 1 + BASE[: BASE.index("name: qwq-32b")].count("\n")


def test_yaml_is_that_of_the_engine(load_text: Load) -> None:
    text = "  hearth:addOns: {gpuOperator: off}\n  hearth:cpuNodes: {count: 0x10, cpus: 4.0, memoryGib: 1e2}\n"
    settings = load_text(BASE + text).settings

    assert settings is not None
    assert settings.add_ons.gpu_operator == "off"
    assert settings.cpu_nodes.model_dump() == {"count": 16, "cpus": 4, "memory_gib": 100}


@pytest.mark.parametrize("key", ["namespace", "hearth:namespace", "hearth:config:namespace"])
def test_every_form_of_a_key_is_read(key: str, load_text: Load) -> None:
    settings = load_text(BASE + f"  {key}: chat\n").settings

    assert settings is not None
    assert settings.namespace == "chat"


def test_an_empty_optional_section_is_left_out(load_text: Load) -> None:
    assert not load_text(BASE + "  hearth:quota:\n").problems


def test_anchors_and_merge_keys_are_read(load_text: Load) -> None:
    text = BASE.replace("{name: ada, gpu: RTX4090-24GB", "{<<: *h200, name: ada, gpu: RTX4090-24GB")
    loaded = load_text(text.replace("- {name: h200", "- &h200 {name: h200"))

    assert not loaded.problems


def test_config_is_what_the_engine_hands_over(load_text: Load) -> None:
    config = load_text(BASE + "  aws:region: eu-central-1\n  aws:maxRetries: 3\n  aws:skip: true\n").config

    assert (config["hearth:target"], config["aws:region"], config["aws:maxRetries"], config["aws:skip"]) == (
        "onprem",
        "eu-central-1",
        "3",
        "true",
    )
    assert json.loads(config["hearth:ollama"]) == {"models": ["gemma3:4b", "nomic-embed-text"], "pool": "ada"}


def test_a_running_program_reads_the_same_settings(load_text: Load) -> None:
    loaded = load_text(BASE)

    assert load_config(loaded.config, "test").settings == loaded.settings


def test_encrypted_values_are_placeholders(load_text: Load) -> None:
    loaded = load_text(BASE + ENCRYPTED)

    assert not loaded.problems
    assert loaded.secret_keys == {"hearth:huggingFace", "aws:defaultTags"}
    assert not any("v1:" in text for text in loaded.config.values())


def test_decrypted_values_are_accepted_from_a_running_program(load_text: Load) -> None:
    config = {**load_text(BASE).config, "hearth:huggingFace": '{"token":"hf_planted"}'}
    settings = load_config(config, "test", {"hearth:huggingFace"}).settings

    assert settings is not None
    assert settings.hugging_face.token is not None
    assert settings.hugging_face.token.get_secret_value() == "hf_planted"


@pytest.mark.parametrize(
    "value",
    ['"hf_planted"', '{"tokn":"hf_planted"}', '{"token":["hf_planted"]}', '{"mirror":"hf_planted"}', "hf_planted"],
)
def test_a_secret_at_a_wrong_place_is_not_shown(value: str, load_text: Load) -> None:
    config = {**load_text(BASE).config, "hearth:huggingFace": value}
    problems = load_config(config, "test", {"hearth:huggingFace"}).problems

    assert len(problems) == 1
    assert "planted" not in repr(problems)


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        pytest.param("webUi.replicas=4", "hearth:webUi", 4, id="path"),
        pytest.param("hearth:webUi.replicas=4", "hearth:webUi", 4, id="path with namespace"),
    ],
)
def test_an_override_replaces_a_value(override: str, key: str, value: object, load_text: Load) -> None:
    assert json.loads(load_text(BASE, [override]).config[key])["replicas"] == value


def test_an_override_reaches_into_a_list(load_text: Load) -> None:
    settings = load_text(BASE, ["models[1].contextLength=4096"]).settings

    assert settings is not None
    assert [model.context_length for model in settings.models] == [65536, 4096]


def test_an_override_makes_the_sections_it_needs(load_text: Load) -> None:
    settings = load_text(BASE, ["addOns.gpuOperator=off"]).settings

    assert settings is not None
    assert settings.add_ons.gpu_operator == "off"


def test_a_later_override_wins(load_text: Load) -> None:
    assert load_text(BASE, ["timeZone=UTC", "timeZone=Asia/Seoul"]).config["hearth:timeZone"] == "Asia/Seoul"


def test_an_override_of_another_namespace_is_kept(load_text: Load) -> None:
    assert load_text(BASE, ["aws:region=eu-west-1"]).config["aws:region"] == "eu-west-1"


@pytest.mark.parametrize(
    ("override", "why"),
    [
        pytest.param("webUi.replicas", "is not an override", id="without value"),
        pytest.param("=4", "is not an override", id="without key"),
        pytest.param("models[x].pool=ada", "is not an override", id="index that is no number"),
        pytest.param("models[5].pool=ada", "the list has 2 entries", id="index out of range"),
        pytest.param("webUi[0]=ada", "there is no list", id="index of a section"),
        pytest.param("target.x=ada", "not a section", id="key of a text"),
        pytest.param("ollama.models=[a", "is not valid YAML", id="broken value"),
        pytest.param("webUi.replicas=four", "is text, where a whole number", id="wrong value"),
        pytest.param("webUi.replica=4", "there is no key replica here", id="unknown key"),
    ],
)
def test_a_wrong_override_is_one_problem(override: str, why: str, load_text: Load) -> None:
    problems = load_text(BASE, [override]).problems

    assert [why in problem.why for problem in problems] == [True]
