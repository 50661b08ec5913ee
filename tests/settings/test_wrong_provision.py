"""Wrong settings of what the web UI holds from the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import yaml

from hearth.problems import render
from hearth.settings.loading import LoadedStack
from tests.settings.stack_files import Wrong

Load = Callable[..., LoadedStack]
ROOT = "hearth:webUi.provision"
RIGHT = """
functions:
  - {id: reasoning, source: reasoning, global: true, valves: {summary: "Thought {time}", priority: 1}}
  - {id: usage, source: usage, valves: {decimals: 2, tokens: false}}
groups:
  - {name: legal, description: Lawyers, members: [anna@example.org], permissions: {chat: {delete: false}}}
  - {name: staff}
models:
  - {id: counsel, base: qwq-32b, name: Counsel, description: Knows the law, functions: [usage],
     parameters: {temperature: 0.2, system: Be brief.}, access: {groups: [legal]}}
  - {id: deepseek-r1, name: DeepSeek, access: {everyone: true}}
  - {id: light, base: gemma3:4b, access: {groups: [legal, staff]}}
"""
CASES: Mapping[str, Wrong] = {
    # shape
    "unknown key": Wrong("functions[0].valve: {}", "functions[0].valve", "there is no key valve", "remove it"),
    "no source": Wrong("functions: [{id: x}]", "functions[0].source", "is required", "add source: reasoning"),
    "id with a capital": Wrong("functions[1].id: Usage", "functions[1].id", "is not lower-case letters", "id: "),
    "list for a valve": Wrong(
        "functions[0].valves.summary: [a]", "functions[0].valves.summary", "is a list, where text, a number", "write"
    ),
    "word for global": Wrong('functions[0].global: "yes"', "functions[0].global", "is text", "global: true"),
    "id with a space": Wrong("models[0].id: the counsel", "models[0].id", "is not at most 256 characters", "id: "),
    "member without an address": Wrong(
        "groups[0].members: [anna]", "groups[0].members[0]", "is not an e-mail address", "anna@example.org"
    ),
    "permission in words": Wrong(
        "groups[0].permissions: {chat: {delete: no one}}",
        "groups[0].permissions.chat.delete",
        "is text, where true or false",
        "delete: true",
    ),
    # names
    "function twice": Wrong(
        "functions[1].id: reasoning\nmodels[0].functions: []",
        "functions[1].id",
        "has this name already",
        "another name",
    ),
    "group twice": Wrong(
        "groups[1].name: legal\nmodels[2].access: {}", "groups[1].name", "has this name already", "another name"
    ),
    "entry twice": Wrong("models[2].id: counsel", "models[2].id", "has this name already", "another name"),
    "tag twice under two spellings": Wrong(
        "models: [{id: gemma3:4b}, {id: gemma3:4b}]", "models[1].id", "has this name already", "another name"
    ),
    "base that is not served": Wrong(
        "models[0].base: qwq", "models[0].base", "is not a model that people chat with", "write qwq-32b; there are"
    ),
    "base that only embeds": Wrong(
        "models[0].base: nomic-embed-text", "models[0].base", "is not a model that people chat with", "there are"
    ),
    "entry without a base": Wrong(
        "models[1].id: deepseek", "models[1].id", "no base says which model answers", "add base: deepseek-r1"
    ),
    "entry named as a served model": Wrong(
        "models[0].id: qwq-32b", "models[0].id", "is the name of a served model", "remove base"
    ),
    "unknown function": Wrong(
        "models[0].functions: [usages]", "models[0].functions[0]", "is no function of webUi.provision", "write usage"
    ),
    "unknown group": Wrong(
        "models[0].access: {groups: [lawyers]}",
        "models[0].access.groups[0]",
        "is no group of webUi.provision",
        "add it to webUi.provision.groups; there are legal, staff",
    ),
    # who
    "groups beside everyone": Wrong(
        "models[0].access.everyone: true", "models[0].access.groups", "has no effect", "remove it"
    ),
    "base closed to a group": Wrong(
        "models[0].base: deepseek-r1\nmodels[1].access: {groups: [staff]}",
        "models[1].access",
        "leaves out legal, who may use counsel",
        "give legal access to deepseek-r1 too",
    ),
    "base closed to everyone": Wrong(
        "models[0]: {id: counsel, base: deepseek-r1, access: {everyone: true}}\nmodels[1].access: {}",
        "models[1].access",
        "leaves out everyone",
        "give everyone access",
    ),
    "misspelt permission": Wrong(
        "groups[0].permissions: {chat: {delet: false}}",
        "groups[0].permissions.chat.delet",
        "is no permission of the section chat",
        "write delete",
    ),
    "misspelt section of permissions": Wrong(
        "groups[0].permissions: {chats: {delete: false}}",
        "groups[0].permissions.chats",
        "is no section of Open WebUI's permissions",
        "write chat; there are access_grants, chat",
    ),
    "secret in a valve": Wrong(
        "functions[0].valves: {api_key: planted-secret}",
        "functions[0].valves.api_key",
        "looks like a secret",
        "pulumi config set --secret --path 'hearth:webUi.provision.functions[0].secretValves.api_key'",
    ),
    "secret valve in plain text": Wrong(
        "functions[0].secretValves: {summary: planted-secret}",
        "functions[0].secretValves.summary",
        "is a secret in plain text",
        "pulumi config set --stack test --secret --path 'hearth:webUi.provision.functions[0].secretValves.summary'",
    ),
    "secret valve that no environment takes": Wrong(
        "functions[0].secretValves: {api-key: {secure: v1:abc}}",
        "functions[0].secretValves.api-key",
        "api-key is not letters, digits and underscores",
        "write api_key",
    ),
    "valve twice": Wrong(
        "functions[0].secretValves: {summary: {secure: v1:abc}}",
        "functions[0].valves.summary",
        "is one of secretValves already",
        "remove it here",
    ),
    "encrypted valve in the open": Wrong(
        "functions[0].valves: {summary: {secure: v1:abc}}",
        "functions[0].valves.summary",
        "is encrypted, so a plan cannot read it",
        "hearth:webUi.provision.functions[0].secretValves.api_key",
    ),
}
ARENA = "hearth:webUi.evaluation.arenaModels"
ARENAS: Mapping[str, Wrong] = {
    "arena of a model for a group": Wrong(
        "{arenaModels: [{name: Arena, models: [deepseek-r1, gemma3:4b]}]}",
        f"{ARENA}[0].models[1]",
        "is not for everyone",
        "give gemma3:4b access: {everyone: true}",
    ),
    "arena of hidden models": Wrong(
        "{arenaModels: [{name: Arena}]}", f"{ARENA}[0].models", "chooses hidden ones", "name models with access"
    ),
    "arena for administrators": Wrong("{}", ARENA, "administrators alone", "add arenaModels"),
}


def provision(changes: Mapping[str, object]) -> dict[str, object]:
    """Changes to the base stack: the whole section, then keys of it."""
    section = {"webUi.embeddingModel": "nomic-embed-text", "webUi.provision": yaml.safe_load(RIGHT)}
    return section | {f"webUi.provision.{key}": value for key, value in changes.items()}


def test_the_section_is_right(load_changed: Load) -> None:
    loaded = load_changed(provision({}))
    assert not loaded.problems, render(loaded.problems, loaded.source)


def test_an_empty_section_is_right(load_changed: Load) -> None:
    assert not load_changed({"webUi.provision": {}}).problems


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_wrong_setting_is_one_problem(case: Wrong, load_changed: Load) -> None:
    changes = dict(pair for line in case.changes.splitlines() for pair in yaml.safe_load(line).items())
    loaded = load_changed(provision(changes))
    text = render(loaded.problems, loaded.source)
    assert [problem.key for problem in loaded.problems] == [f"{ROOT}.{case.key}"], text
    (problem,) = loaded.problems
    assert case.why in problem.why, text
    assert case.remedy in problem.remedy, text
    assert problem.line, text
    assert "planted-secret" not in text


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in ARENAS.items()])
def test_an_arena_that_fails_some_people_is_one_problem(case: Wrong, load_changed: Load) -> None:
    loaded = load_changed(provision({}) | {"webUi.evaluation": yaml.safe_load(case.changes)})
    text = render(loaded.problems, loaded.source)
    assert [problem.key for problem in loaded.problems] == [case.key], text
    assert case.why in loaded.problems[0].why
    assert case.remedy in loaded.problems[0].remedy


def test_an_arena_of_models_for_everyone_is_right(load_changed: Load) -> None:
    entries = [{"id": name, "access": {"everyone": True}} for name in ("deepseek-r1", "qwq-32b")]
    arena = {"arenaModels": [{"name": "Arena", "models": ["deepseek-r1", "qwq-32b"]}]}
    loaded = load_changed({"webUi.provision": {"models": entries}, "webUi.evaluation": arena})
    assert not loaded.problems, render(loaded.problems, loaded.source)


def test_a_secret_valve_is_right(load_changed: Load) -> None:
    assert not load_changed(provision({"functions[0].secretValves": {"tags": {"secure": "v1:abc"}}})).problems


def test_members_are_not_given_where_the_provider_manages_groups(load_changed: Load) -> None:
    url = "https://id.example.org/.well-known/openid-configuration"
    provider = {"providerUrl": url, "clientId": "chat", "groupsClaim": "groups"}
    changes = {"webUi.openIdConnect": provider, "webUi.exposure.address": "192.168.33.250"}
    loaded = load_changed(provision({}) | changes)
    found = {problem.key: problem.why for problem in loaded.problems}
    assert "lost at their next sign-in" in found[f"{ROOT}.groups[0].members"], render(loaded.problems, loaded.source)


@pytest.mark.parametrize("name", ["monkey", "tokens_label", "summary"])
def test_ordinary_valves_are_no_secrets(name: str, load_changed: Load) -> None:
    assert not load_changed(provision({"functions[0].valves": {name: "text"}})).problems
