"""URLs of stores that are there already, as far as they can be read: in a stack file they are encrypted.

Messages never show them. Source: open-webui 0.12.4, env.py, utils/redis.py and internal/db.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from hearth.problems import Path, Problem, render_path
from hearth.settings.stack import Settings
from hearth.settings.stores import ExternalPostgres, ExternalRedis
from hearth.settings.structure import ENCRYPTED, HIDDEN

_REDIS: Path = ("webUi", "redis", "external")
_DATABASE: Path = ("webUi", "database", "external")
_REDIS_FORM = "redis://:PASSWORD@HOST:6379/0, or rediss:// with TLS"
_SENTINEL_FORM = "redis://:PASSWORD@mymaster:6379/0"
_POSTGRES_FORM = "postgresql://USER:PASSWORD@HOST:5432/DATABASE"
_RAW = re.compile(r"[A-Za-z0-9]*")
"""What Open WebUI passes on to Sentinels unchanged."""


def external_stores_given(settings: Settings) -> Iterator[Problem]:
    """The engine external needs to be told where its server is."""
    for section, path, form in (
        (settings.web_ui.redis, _REDIS, _REDIS_FORM),
        (settings.web_ui.database, _DATABASE, _POSTGRES_FORM),
    ):
        if section and section.engine == "external" and section.external is None:
            why = f"is required with engine external: its url is of the form {form}"
            remedy = f"run: pulumi config set --secret --path '{render_path(path)}.url'"
            yield Problem(path, None, why, remedy, depends_on=((*path[:-1], "engine"),))


def external_urls_understood(settings: Settings) -> Iterator[Problem]:
    """What Open WebUI would misread or refuse at its start, or a NetworkPolicy would block."""
    for path, server in _servers(settings):
        text = server.url.get_secret_value()
        if text == ENCRYPTED:
            continue
        port: Path = (*path, "port")
        for why, remedy in _mistakes(server, text):
            yield Problem((*path, "url"), HIDDEN, why, remedy, depends_on=(port, (*path, "sentinels")))


def _servers(settings: Settings) -> Iterator[tuple[Path, ExternalRedis | ExternalPostgres]]:
    redis, database = settings.web_ui.redis, settings.web_ui.database
    if redis and redis.external:
        yield _REDIS, redis.external
    if database.external:
        yield _DATABASE, database.external


def _mistakes(server: ExternalRedis | ExternalPostgres, text: str) -> Iterator[tuple[str, str]]:
    """Why, and what to do; one at a time, as later ones may follow from the first."""
    redis = isinstance(server, ExternalRedis)
    sentinels = redis and bool(server.sentinels)
    form = _SENTINEL_FORM if sentinels else _REDIS_FORM if redis else _POSTGRES_FORM
    write = f"write {form}"
    address = re.match(r"[^/?#]*//[^/?#]*(.*)", text, re.DOTALL)
    if address and "@" in address[1]:
        yield "its password has one of / ? # as it is, which ends the address", "write them as %2F, %3F and %23"
        return
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        yield "is not a URL: its host or port cannot be read", write
        return
    if url.scheme not in (("redis", "rediss") if redis else ("postgresql", "postgres", "postgresql+psycopg2")):
        yield _wrong_scheme(url.scheme, redis), write
    elif sentinels:
        yield from _sentinel_mistakes(url)
    elif not url.hostname:
        yield "has no host", write
    elif (port or _default_port(server)) != server.port:
        why = f"has port {port or _default_port(server)}, and {server.port} is the port that the web UI may connect to"
        yield why, f"write port: {port or _default_port(server)} beside it"
    elif redis and not re.fullmatch(r"/?\d*", url.path):
        yield "ends with something other than the number of a database", write
    elif not redis and not (url.username and url.path.strip("/")):
        yield "names no user or no database", write


def _wrong_scheme(scheme: str, redis: bool) -> str:
    if scheme == "valkey":
        return "begins with valkey://, which Open WebUI does not know; Valkey speaks the protocol of redis://"
    if scheme.startswith(("postgresql+", "postgres+")) and not redis:
        return f"begins with {scheme}://, a driver that Open WebUI does not have; it chooses its own for postgresql://"
    return f"begins with {scheme}://" if scheme else "has no scheme"


def _sentinel_mistakes(url: SplitResult) -> Iterator[tuple[str, str]]:
    if url.scheme == "rediss":
        why = "asks for TLS, which Open WebUI does not pass on to Sentinels, nor to the master they name"
        yield why, "write redis:// and a server without TLS, or remove sentinels and name the master's own address"
    elif not all(_RAW.fullmatch(part or "") for part in (url.username, url.password)):
        why = (
            "its user or password has other characters than letters and digits, which Sentinels do not get as they are"
        )
        yield why, "give Redis and its Sentinels a password of letters and digits"
    elif not url.hostname:
        yield "does not name the service that the Sentinels watch", f"write {_SENTINEL_FORM}"


def _default_port(server: ExternalRedis | ExternalPostgres) -> int:
    return type(server).model_fields["port"].default
