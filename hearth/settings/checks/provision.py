"""What the web UI holds from the start: names that refer to each other, and people who can use what they see."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from hearth.problems import Path, Problem, render_path
from hearth.settings.checks.names import full_tag, repeated
from hearth.settings.checks.web_ui import chat_model_names
from hearth.settings.provision import Access, ModelEntry, Provision
from hearth.settings.stack import Settings
from hearth.settings.structure import HIDDEN, nearest

PERMISSIONS: Mapping[str, frozenset[str]] = {
    section: frozenset(names.split())
    for section, names in {
        "workspace": "models knowledge prompts tools skills models_import models_export models_hidden prompts_import "
        "prompts_export tools_import tools_export skills_import skills_export",
        "sharing": "models public_models knowledge public_knowledge prompts public_prompts tools public_tools skills "
        "public_skills notes public_notes folders public_chats open_chats public_calendars",
        "access_grants": "allow_users allow_groups",
        "chat": "controls valves system_prompt params file_upload web_upload delete delete_message continue_response "
        "regenerate_response rate_response edit share export import stt tts call multiple_models temporary "
        "temporary_enforced",
        "features": "api_keys notes folders channels encrypted_channels direct_tool_servers web_search "
        "image_generation code_interpreter memories automations calendar webhooks",
        "settings": "interface",
    }.items()
}
"""Permissions of Open WebUI 0.12.4 (DEFAULT_USER_PERMISSIONS in its config.py); it takes others without a word."""
_SECRET = re.compile(r"(passwor[dt]|passphrase|token|secret|credential|(^|_|api)key)s?$", re.IGNORECASE)
_ROOT: Path = ("webUi", "provision")
_SERVED: tuple[Path, ...] = (("models",), ("ollama",))


def served_id(settings: Settings, name: str) -> str | None:
    """The id that a model people chat with has in Open WebUI, which knows Ollama's by full tags; None if none has."""
    known = chat_model_names(settings)
    light = {full_tag(tag) for tag in (settings.ollama.models if settings.ollama else []) if tag in known}
    if full_tag(name) in light:
        return full_tag(name)
    return name if name in known else None


def provisioned_names_differ(settings: Settings) -> Iterator[Problem]:
    """Each is found again by its name."""
    provision = _provision(settings)
    yield from repeated(((*_ROOT, "functions", i, "id"), entry.id) for i, entry in enumerate(provision.functions))
    yield from repeated(((*_ROOT, "groups", i, "name"), entry.name) for i, entry in enumerate(provision.groups))
    yield from repeated(
        ((*_ROOT, "models", i, "id"), entry.id if entry.base else served_id(settings, entry.id) or entry.id)
        for i, entry in enumerate(provision.models)
    )


def entries_rest_on_served_models(settings: Settings) -> Iterator[Problem]:
    """An entry is a served model, or rests on one."""
    for path, entry in _entries(settings):
        served = chat_model_names(settings)
        if entry.base is None and served_id(settings, entry.id) is None:
            why = "is not the name of a model that people chat with, and no base says which model answers"
            remedy = _choose(entry.id, served, "add base: ")
            yield Problem((*path, "id"), entry.id, why, remedy, depends_on=((*path, "base"), *_SERVED))
        elif entry.base is not None and served_id(settings, entry.base) is None:
            why = "is not a model that people chat with"
            yield Problem((*path, "base"), entry.base, why, _choose(entry.base, served, "write "), depends_on=_SERVED)
        elif entry.base is not None and served_id(settings, entry.id) is not None:
            why = "is the name of a served model, so an entry on top of another model cannot have it"
            remedy = "choose another id, or remove base to say how the served model itself is shown"
            yield Problem((*path, "id"), entry.id, why, remedy, depends_on=((*path, "base"), *_SERVED))


def functions_and_groups_known(settings: Settings) -> Iterator[Problem]:
    """Entries name functions and groups of the same section."""
    provision = _provision(settings)
    functions = [function.id for function in provision.functions]
    groups = [group.name for group in provision.groups]
    for path, entry in _entries(settings):
        found = [((*path, "functions", i), name, "function", functions) for i, name in enumerate(entry.functions)]
        found += [((*path, "access", "groups", i), name, "group", groups) for i, name in enumerate(entry.access.groups)]
        for place, name, kind, known in found:
            if name not in known:
                section: Path = (*_ROOT, f"{kind}s")
                why = f"is no {kind} of webUi.provision"
                remedy = _choose(name, known, "write ", otherwise=f"add it to webUi.provision.{kind}s")
                yield Problem(place, name, why, remedy, depends_on=(section,))


def access_said_once(settings: Settings) -> Iterator[Problem]:
    """Groups say nothing where everyone may."""
    for path, entry in _entries(settings):
        if entry.access.everyone and entry.access.groups:
            why = "has no effect, as access.everyone is true"
            remedy = "remove it, or remove everyone to give access to these groups alone"
            depends: tuple[Path, ...] = ((*path, "access", "everyone"),)
            yield Problem((*path, "access", "groups"), None, why, remedy, depends_on=depends)


def base_models_open(settings: Settings) -> Iterator[Problem]:
    """Open WebUI asks for access to the base model as well; where the stack describes it, it has to be given there."""
    described = {served_id(settings, entry.id): (path, entry) for path, entry in _entries(settings) if not entry.base}
    for path, entry in _entries(settings):
        base = served_id(settings, entry.base) if entry.base else None
        if base not in described or base is None:
            continue
        base_path, own = described[base]
        if missing := _not_covered(entry.access, own.access):
            why = f"leaves out {missing}, who may use {entry.id}, and Open WebUI asks for access to its base as well"
            remedy = f"give {missing} access to {own.id} too, or take it from {entry.id}"
            depends: tuple[Path, ...] = (path, (*base_path, "id"))
            yield Problem((*base_path, "access"), None, why, remedy, depends_on=depends)


def arenas_open(settings: Settings) -> Iterator[Problem]:
    """An arena is for everyone, and fails whoever may not use the model that it happens to choose."""
    evaluation, entries = settings.web_ui.evaluation, list(_entries(settings))
    if evaluation is None or not entries:
        return
    open_to_all = {served_id(settings, entry.id) for _, entry in entries if not entry.base and entry.access.everyone}
    section: Path = ("webUi", "evaluation", "arenaModels")
    depends: tuple[Path, ...] = ((*_ROOT, "models"), *_SERVED)
    if not evaluation.arena_models:
        why = "is required beside webUi.provision.models: of an arena over all models, administrators alone know"
        yield Problem(section, None, why, "add arenaModels: [{name: Arena, models: [...]}]", depends_on=depends)
    for index, arena in enumerate(evaluation.arena_models):
        path: Path = (*section, index, "models")
        if not arena.models:
            why = "is required beside webUi.provision.models: an arena over all models chooses hidden ones as well"
            yield Problem(path, None, why, "name models with access: {everyone: true}", depends_on=depends)
        for position, model in enumerate(arena.models):
            served = served_id(settings, model)
            if served is not None and served not in open_to_all:
                why = "is not for everyone by webUi.provision.models, and the arena is"
                remedy = f"remove it, or give {model} access: {{everyone: true}} there"
                yield Problem((*path, position), model, why, remedy, depends_on=depends)


def members_stay(settings: Settings) -> Iterator[Problem]:
    """A provider that manages groups takes people out of those that it does not name."""
    provider = settings.web_ui.open_id_connect
    if provider is None or provider.groups_claim is None:
        return
    claim: Path = ("webUi", "openIdConnect", "groupsClaim")
    for index, group in enumerate(_provision(settings).groups):
        if group.members:
            why = "are lost at their next sign-in: openIdConnect.groupsClaim lets the provider decide who is in a group"
            remedy = "remove members, and name the group as the provider does; or remove groupsClaim"
            yield Problem((*_ROOT, "groups", index, "members"), None, why, remedy, depends_on=(claim,))


def permissions_known(settings: Settings) -> Iterator[Problem]:
    """One that is misspelt would stay allowed or forbidden without a word."""
    for index, group in enumerate(_provision(settings).groups):
        for section, names in group.permissions.items():
            path: Path = (*_ROOT, "groups", index, "permissions", section)
            if section not in PERMISSIONS:
                why = "is no section of Open WebUI's permissions"
                yield Problem(path, None, why, _choose(section, PERMISSIONS, "write "))
                continue
            for name, allowed in names.items():
                if name not in PERMISSIONS[section]:
                    why = f"is no permission of the section {section}"
                    yield Problem((*path, name), allowed, why, _choose(name, PERMISSIONS[section], "write "))


def valves_hold_no_secrets(settings: Settings) -> Iterator[Problem]:
    """What is provisioned is readable in the stack file and in a ConfigMap, secret valves apart."""
    for index, function in enumerate(_provision(settings).functions):
        path: Path = (*_ROOT, "functions", index)
        for name, value in function.valves.items():
            secret: Path = (*path, "secretValves", name)
            if name in function.secret_valves:
                why = "is one of secretValves already"
                yield Problem((*path, "valves", name), HIDDEN, why, "remove it here", depends_on=(secret,))
            elif _SECRET.search(name) and isinstance(value, str) and value:
                why = "looks like a secret, and would be readable in the stack file and in the cluster"
                remedy = f"remove it, then run: pulumi config set --secret --path '{render_path(secret)}'"
                yield Problem((*path, "valves", name), HIDDEN, why, remedy)


def _provision(settings: Settings) -> Provision:
    return settings.web_ui.provision or Provision()


def _entries(settings: Settings) -> Iterable[tuple[Path, ModelEntry]]:
    return [((*_ROOT, "models", index), entry) for index, entry in enumerate(_provision(settings).models)]


def _not_covered(wanted: Access, given: Access) -> str:
    """Who has the first access and not the second, in words; empty if nobody."""
    if given.everyone:
        return ""
    if wanted.everyone:
        return "everyone"
    return ", ".join(group for group in wanted.groups if group not in given.groups)


def _choose(name: str, known: Collection[str], begin: str, otherwise: str = "") -> str:
    meant = nearest(name, known)
    there = f"there are {', '.join(sorted(known))}" if known else "there is none"
    advice = f"{begin}{meant}" if meant else otherwise
    return f"{advice}; {there}" if advice else f"choose another; {there}"
