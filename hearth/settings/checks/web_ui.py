"""The web UI itself: who gets in, from where, and what people see."""

from __future__ import annotations

from collections.abc import Iterator

from hearth.problems import Path, Problem
from hearth.settings.checks.names import full_tag
from hearth.settings.stack import Settings
from hearth.settings.structure import nearest

_OPEN_ID: Path = ("webUi", "openIdConnect")

LOCALES = frozenset(
    """
    ar ar-BH az-AZ bg-BG bn-BD bo-TB bs-BA ca-ES ceb-PH cs-CZ da-DK de-DE dg-DG el-GR en-GB en-US es-ES et-EE eu-ES
    fa-IR fi-FI fil-PH fo-FO fr-CA fr-FR gl-ES he-IL hi-IN hr-HR hu-HU id-ID ie-GA it-IT ja-JP ka-GE kab-DZ ko-KR lt-LT
    lv-LV ms-MY nb-NO nl-NL pa-IN pl-PL pt-BR pt-PT ro-RO ru-RU sk-SK sl-SI sr-RS sv-SE ta-IN th-TH tk-TM tr-TR ug-CN
    uk-UA ur-PK vi-VN zh-CN zh-TW
    """.split()  # noqa: SIM905 - as a list it would be ten times as long
)
"""Languages of the pages of Open WebUI 0.12.4 (languages.json of its frontend)."""


def locale_known(settings: Settings) -> Iterator[Problem]:
    """With any other the pages are in English."""
    locale = settings.web_ui.locale
    if locale is not None and locale not in LOCALES:
        same = sorted(known for known in LOCALES if known.partition("-")[0] == locale.partition("-")[0].lower())
        remedy = f"write {' or '.join(same)}" if same else f"choose one of {', '.join(sorted(LOCALES))}"
        yield Problem(("webUi", "locale"), locale, "is no language of Open WebUI's pages", remedy)


def registered_people_are_no_admins(settings: Settings) -> Iterator[Problem]:
    """Whoever can reach the page, or whomever the provider knows, would run it."""
    chat = settings.web_ui
    if chat.default_user_role != "admin":
        return
    path: Path = ("webUi", "defaultUserRole")
    remedy = "write pending or user"
    if chat.sign_up:
        why = "signUp is true, so everybody who can reach the page would become an administrator"
        yield Problem(path, "admin", why, remedy, depends_on=(("webUi", "signUp"),))
    elif chat.open_id_connect and chat.open_id_connect.sign_up and not chat.open_id_connect.roles_claim:
        why = "openIdConnect.signUp is true, so everybody whom the provider knows would become an administrator"
        yield Problem(path, "admin", why, f"{remedy}, or add rolesClaim there", depends_on=(_OPEN_ID,))


def somebody_can_sign_in(settings: Settings) -> Iterator[Problem]:
    """Without the password form, accounts come from the provider alone."""
    provider = settings.web_ui.open_id_connect
    if provider is None or provider.password_sign_in:
        return
    path: Path = (*_OPEN_ID, "passwordSignIn")
    if settings.web_ui.sign_up:
        why = "removes the form by which people would register, while webUi.signUp is true"
        yield Problem(path, False, why, "remove it, or write signUp: false", depends_on=(("webUi", "signUp"),))
    elif not provider.sign_up and not provider.merge_accounts_by_email:
        why = "leaves nobody who can sign in: openIdConnect.signUp is false, so the provider's people get no account"
        keys: tuple[Path, ...] = ((*_OPEN_ID, "signUp"), (*_OPEN_ID, "mergeAccountsByEmail"))
        remedy = "write signUp: true in openIdConnect, or remove passwordSignIn"
        yield Problem(path, False, why, remedy, depends_on=keys)


def provider_can_return(settings: Settings) -> Iterator[Problem]:
    """The provider sends people back to an address that it knows beforehand."""
    chat = settings.web_ui
    if chat.open_id_connect and chat.hostname is None and not chat.exposure.address:
        why = "is required with openIdConnect: the provider sends people back to https://<hostname>/oauth/oidc/callback"
        remedy = "add hostname: chat.example.org, and register that address with the provider"
        depends: tuple[Path, ...] = (_OPEN_ID, ("webUi", "exposure"))
        yield Problem(("webUi", "hostname"), None, why, remedy, depends_on=depends)


def roles_and_groups_have_claims(settings: Settings) -> Iterator[Problem]:
    """What follows from a claim needs the claim; names of roles are joined by commas."""
    provider = settings.web_ui.open_id_connect
    if provider is None:
        return
    roles = {"userRoles": provider.user_roles, "adminRoles": provider.admin_roles}
    given = {"userRoles": "user_roles", "adminRoles": "admin_roles"}
    for key, names in roles.items():
        if given[key] in provider.model_fields_set and provider.roles_claim is None:
            why = "has no effect without rolesClaim, the claim in which the provider tells a person's roles"
            depends: tuple[Path, ...] = ((*_OPEN_ID, "rolesClaim"),)
            yield Problem((*_OPEN_ID, key), None, why, "add rolesClaim: roles, or remove it", depends_on=depends)
        for index, name in enumerate(names):
            if "," in name:
                why = "has a comma, by which Open WebUI separates roles"
                yield Problem((*_OPEN_ID, key, index), name, why, "write one entry for each role")
    if provider.create_groups and provider.groups_claim is None:
        why = "has no effect without groupsClaim, the claim in which the provider tells a person's groups"
        depends = ((*_OPEN_ID, "groupsClaim"),)
        remedy = "add groupsClaim: groups, or remove it"
        yield Problem((*_OPEN_ID, "createGroups"), True, why, remedy, depends_on=depends)


def origins_fit_cookies(settings: Settings) -> Iterator[Problem]:
    """With a certificate, session cookies are sent over https only."""
    chat = settings.web_ui
    if chat.exposure.tls is None:
        return
    for index, origin in enumerate(chat.other_origins):
        if origin.startswith("http://"):
            why = "is plain HTTP, over which nobody stays signed in: with exposure.tls, cookies are for https only"
            depends: tuple[Path, ...] = (("webUi", "exposure"),)
            remedy = f"write https://{origin.removeprefix('http://')}, or remove it"
            yield Problem(("webUi", "otherOrigins", index), origin, why, remedy, depends_on=depends)


def arena_models_known(settings: Settings) -> Iterator[Problem]:
    """An arena chooses among models that are there, and has a choice."""
    arenas = settings.web_ui.evaluation.arena_models if settings.web_ui.evaluation else []
    chat = chat_model_names(settings)
    depends: tuple[Path, ...] = (("models",), ("ollama",))
    for index, arena in enumerate(arenas):
        path: Path = ("webUi", "evaluation", "arenaModels", index)
        if arena.name in chat or arena.name in {other.name for other in arenas[:index]}:
            why = "is the name of a model or of another arena already, so people could not tell them apart"
            yield Problem((*path, "name"), arena.name, why, "choose another name", depends_on=depends)
        for position, model in enumerate(arena.models):
            if model not in chat:
                meant = nearest(model, chat)
                remedy = f"write {meant}; " if meant else ""
                why = "is not a model that people chat with"
                remedy += f"the models are {', '.join(sorted(chat))}"
                yield Problem((*path, "models", position), model, why, remedy, depends_on=depends)
        if len(set(arena.models)) == 1:
            why = "names one model, so there is nothing to compare"
            yield Problem((*path, "models"), None, why, "name at least two, or none for all", depends_on=depends)


def chat_model_names(settings: Settings) -> set[str]:
    """Every name by which people choose a model, those left out that only embed or transcribe."""
    speech = settings.web_ui.speech_to_text
    helpers = {full_tag(name) for name in (settings.web_ui.embedding_model, speech.model if speech else None) if name}
    served = {model.served_name or model.name for model in settings.models}
    adapters = {adapter.name for model in settings.models for adapter in model.adapters}
    tags = settings.ollama.models if settings.ollama else []
    return {name for name in {*served, *adapters, *tags} if full_tag(name) not in helpers}
