"""The desired state of Open WebUI: a JSON file, checked, with secrets read from the environment.

Nothing is required but names: what an entry leaves out is left as it is in Open WebUI.

  connections: {openai: {enabled, connections: [{url, keyVariable, config}]}, ollama: {enabled, urls}}
  users:       [{email, name, role, passwordVariable}]
  functions:   [{id, source, name, description, valves, secretValves: {valve: VARIABLE}, active, global}]
  groups:      [{name, description, permissions, members: [email]}]
  models:      [{id, baseModel, name, description, icon, params, meta, filters: [function id], active,
                 access: public | private | [{group | user, permission: read | write}]}]

`source` and `icon` are files beside the state. `keyVariable`, `passwordVariable` and `secretValves` name variables.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from provision_entry import Entry, Json, Source, StateError

IMAGE_TYPES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif", ".webp": "webp"}
"""What Open WebUI 0.12.4 takes as an icon (utils/validate.py); SVG is refused, as it may carry scripts."""
ROLES = ("admin", "user", "pending")
PERMISSIONS = ("read", "write")


@dataclass(frozen=True)
class Connection:
    """An OpenAI-compatible endpoint."""

    url: str
    key: str | None = field(repr=False)
    config: Json


@dataclass(frozen=True)
class OpenAi:
    """Connections by URL; others that Open WebUI has stay."""

    enabled: bool | None
    connections: tuple[Connection, ...]


@dataclass(frozen=True)
class Ollama:
    """Servers by URL; others that Open WebUI has stay."""

    enabled: bool | None
    urls: tuple[str, ...]


@dataclass(frozen=True)
class User:
    """An account that is made if there is none of this e-mail address."""

    email: str
    name: str
    role: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Function:
    """A filter, pipe or action, with its source."""

    id: str
    source: str = field(repr=False)
    name: str | None
    description: str | None
    valves: Json = field(repr=False)
    active: bool | None
    is_global: bool | None


@dataclass(frozen=True)
class Group:
    """A group; members are added, never removed."""

    name: str
    description: str | None
    permissions: Json
    members: tuple[str, ...]


@dataclass(frozen=True)
class Access:
    """Who may use a model: a group by name, or a person by e-mail address."""

    principal: str
    name: str
    permission: str


@dataclass(frozen=True)
class Model:
    """A model entry; one without `base_model` says how the served model of that id is shown."""

    id: str
    base_model: str | None
    name: str | None
    params: Json
    meta: Json = field(repr=False)
    filters: tuple[str, ...] | None
    active: bool | None
    access: tuple[Access, ...] | str | None
    """None: left as it is."""


@dataclass(frozen=True)
class State:
    """Everything that is wanted."""

    openai: OpenAi | None
    ollama: Ollama | None
    users: tuple[User, ...]
    functions: tuple[Function, ...]
    groups: tuple[Group, ...]
    models: tuple[Model, ...]
    secrets: tuple[str, ...] = field(repr=False)
    """Values that never reach the output."""


def read_state(path: Path, env: Mapping[str, str]) -> State:
    """The file as State. Raises StateError that names every mistake at once."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise StateError(f"{path} is not JSON: {error}") from None
    source = Source(path.parent, env)
    entry = Entry(content, "", source)
    connections = entry.child("connections")
    openai, ollama = (connections.child(name) if connections else None for name in ("openai", "ollama"))
    state = State(
        openai=_openai(openai) if openai else None,
        ollama=_ollama(ollama) if ollama else None,
        users=entry.each("users", _user, "email"),
        functions=entry.each("functions", _function, "id"),
        groups=entry.each("groups", _group, "name"),
        models=entry.each("models", _model, "id"),
        secrets=tuple(source.secrets),
    )
    if connections:
        connections.finish()
    entry.finish()
    if source.mistakes:
        raise StateError("\n".join(source.mistakes))
    return state


def _openai(entry: Entry) -> OpenAi:
    openai = OpenAi(entry.flag("enabled"), entry.each("connections", _connection, "url"))
    entry.finish()
    return openai


def _connection(entry: Entry) -> Connection:
    return Connection(entry.required("url").rstrip("/"), entry.variable("keyVariable"), entry.mapping("config"))


def _ollama(entry: Entry) -> Ollama:
    ollama = Ollama(entry.flag("enabled"), tuple(url.rstrip("/") for url in entry.texts("urls") or ()))
    entry.finish()
    return ollama


def _user(entry: Entry) -> User:
    email = entry.required("email").lower()
    return User(
        email=email,
        name=entry.text("name") or email.partition("@")[0],
        role=entry.choice("role", ROLES, "user"),
        password=entry.secret(f"{entry.path}.passwordVariable", entry.required("passwordVariable")),
    )


def _function(entry: Entry) -> Function:
    identity = entry.required("id")
    if identity and not (identity.isidentifier() and identity == identity.lower()):
        entry.wrong(f"{entry.path}.id", identity, "lower-case letters, digits and underscores")
    entry.required("source")
    source = entry.file("source")
    secret_valves = {
        valve: entry.secret(f"{entry.path}.secretValves.{valve}", name)
        for valve, name in entry.mapping("secretValves").items()
    }
    return Function(
        id=identity,
        source=source.read_text(encoding="utf-8") if source else "",
        name=entry.text("name"),
        description=entry.text("description"),
        valves={**entry.mapping("valves"), **secret_valves},
        active=entry.flag("active"),
        is_global=entry.flag("global"),
    )


def _group(entry: Entry) -> Group:
    return Group(
        name=entry.required("name"),
        description=entry.text("description"),
        permissions=entry.mapping("permissions"),
        members=tuple(email.lower() for email in entry.texts("members") or ()),
    )


def _model(entry: Entry) -> Model:
    identity = entry.required("id")
    base_model = entry.text("baseModel")
    if any(character.isspace() for character in identity) or len(identity) > 256:
        entry.wrong(f"{entry.path}.id", identity, "at most 256 characters without spaces")
    if base_model == identity and identity:
        entry.wrong(f"{entry.path}.baseModel", base_model, "another model; leave it out to describe the model itself")
    meta = dict(entry.mapping("meta"))
    if (description := entry.text("description")) is not None:
        meta["description"] = description
    if icon := _icon(entry):
        meta["profile_image_url"] = icon
    return Model(
        id=identity,
        base_model=base_model,
        name=entry.text("name"),
        params=entry.mapping("params"),
        meta=meta,
        filters=entry.texts("filters"),
        active=entry.flag("active"),
        access=_access(entry),
    )


def _icon(entry: Entry) -> str | None:
    """The icon as a data URL."""
    path = entry.file("icon")
    if path is None:
        return None
    kind = IMAGE_TYPES.get(path.suffix.lower())
    if kind is None:
        entry.wrong(f"{entry.path}.icon", path.name, f"a file that ends in {', '.join(IMAGE_TYPES)}")
        return None
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _access(entry: Entry) -> tuple[Access, ...] | str | None:
    value = entry.value.get("access")
    if value is None or isinstance(value, str):
        return entry.choice("access", ("public", "private"), "private") if value else entry.text("access")
    return entry.each("access", _grant, "")


def _grant(entry: Entry) -> Access:
    permission = entry.choice("permission", PERMISSIONS, "read")
    group, user = entry.text("group"), entry.text("user")
    if bool(group) == bool(user):
        entry.wrong(entry.path, entry.value, "a group or a user")
    return Access("group", group, permission) if group else Access("user", (user or "").lower(), permission)
