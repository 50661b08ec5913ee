"""Reads a model's repository from the Hugging Face hub or a mirror of it."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote, urlsplit

import httpx

from hearth.catalog.repository import RepositoryError

DEFAULT_ENDPOINT = "https://huggingface.co"
TIMEOUT_SECONDS = 30.0
"""Without a byte from the server."""
PAUSE_SECONDS = 1.0
"""Before the second try; it doubles."""
PROGRESS_SECONDS = 5.0
_ATTEMPTS = 4


class _TryAgainError(Exception):
    """What another try may mend."""


class _RefusedError(Exception):
    """An answer that another try does not change."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.code = code
        """The hub's X-Error-Code, where it gives one."""


@dataclass(frozen=True)
class Hub:
    """A server with the hub's API. The token is sent to it alone, not to where it redirects."""

    endpoint: str = DEFAULT_ENDPOINT
    token: str | None = field(default=None, repr=False)
    say: Callable[[str], None] = lambda _: None
    """Told of what takes time."""

    def __post_init__(self) -> None:
        """Raises ValueError for an endpoint that is no URL, or a token that no header can carry."""
        url = urlsplit(self.endpoint)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"{self.endpoint!r} is no URL such as {DEFAULT_ENDPOINT}")
        if self.token and not re.fullmatch(r"[!-~]+", self.token):
            raise ValueError("the token has spaces or letters that no token has: was it copied whole?")

    @cached_property
    def _client(self) -> httpx.Client:
        """It leaves Authorization out where it follows a redirect to another host."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True, headers=headers)

    def url(self, path: str) -> str:
        return self.endpoint.rstrip("/") + path

    def fetch(self, path: str) -> bytes:
        """The answer's body. Raises RepositoryError when the server cannot be reached, after several tries."""
        failures = 0
        while True:
            try:
                return self._fetch_once(path)
            except _TryAgainError as error:
                failures += 1
                if failures == _ATTEMPTS:
                    raise RepositoryError(
                        f"{self.endpoint} cannot be reached or breaks off, {failures} times in a row: {error}; check "
                        "the network, or choose a mirror with --endpoint or HF_ENDPOINT"
                    ) from None
                pause = PAUSE_SECONDS * 2 ** (failures - 1)
                self.say(f"failed: {error}; trying again in {pause:.0f} s")
                time.sleep(pause)

    def _fetch_once(self, path: str) -> bytes:
        body = bytearray()
        try:
            with _patience(self.say, path, body), self._client.stream("GET", self.url(path)) as answer:
                if answer.is_server_error or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                    raise _TryAgainError(f"HTTP {answer.status_code}")
                if not answer.is_success:
                    raise _RefusedError(answer.status_code, answer.headers.get("X-Error-Code", ""))
                for chunk in answer.iter_bytes():
                    body += chunk
        except httpx.TimeoutException:
            raise _TryAgainError(f"no answer within {TIMEOUT_SECONDS:g} s") from None
        except httpx.TransportError as error:
            raise _TryAgainError(str(error) or type(error).__name__) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RepositoryError(f"{self.url(path)} cannot be read: {error}") from None
        return bytes(body)


@dataclass(frozen=True)
class HubRepository:
    """One commit of a repository on the hub."""

    hub: Hub
    source: str
    revision: str
    files: Mapping[str, int | None]

    @property
    def origin(self) -> str:
        return self.hub.url(f"/{self.source}")

    def sizes(self) -> Mapping[str, int | None]:
        return self.files

    def read(self, file: str) -> bytes:
        path = f"/{self.source}/resolve/{quote(self.revision, safe='')}/{quote(file)}"
        try:
            return self.hub.fetch(path)
        except _RefusedError as refusal:
            if refusal.status == HTTPStatus.NOT_FOUND:
                raise RepositoryError(f"{self.hub.url(path)} is not there: is it a complete mirror?") from None
            raise _explained(refusal, self.hub, self.source, self.revision) from None


def open_repository(hub: Hub, source: str, revision: str) -> HubRepository:
    """The repository at a branch, tag or commit. Raises RepositoryError."""
    hub.say(f"asking {hub.endpoint} for {source}")
    try:
        # With blobs the hub tells each file's size.
        content = hub.fetch(f"/api/models/{source}/revision/{quote(revision, safe='')}?blobs=true")
        answer = cast("dict[str, Any]", json.loads(content))
        files = {str(file["rfilename"]): _size(file.get("size")) for file in answer["siblings"]}
        return HubRepository(hub, source, str(answer.get("sha") or revision), files)
    except _RefusedError as refusal:
        raise _explained(refusal, hub, source, revision) from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise RepositoryError(
            f"{hub.endpoint} does not answer as the hub does: is it the hub or a mirror of its API, and no proxy or "
            "sign-in page in the way?"
        ) from None


def _size(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _explained(refusal: _RefusedError, hub: Hub, source: str, revision: str) -> RepositoryError:
    """Error codes as huggingface_hub 2.4.0 tells them apart (utils/_http.py)."""
    page = hub.url(f"/{source}")
    how = "give a token with --token or HF_TOKEN"
    if refusal.code == "GatedRepo":
        who = "with the token's account" if hub.token else f"and {how}"
        return RepositoryError(f"{source} is gated: accept its licence at {page} {who}")
    if refusal.code == "RevisionNotFound":
        return RepositoryError(f"{source} has no revision {revision!r}: see {page}/commits")
    match refusal.status:
        case HTTPStatus.UNAUTHORIZED if hub.token:
            why = f"the hub refuses the token for {source}: it is wrong, expired or may not read it"
        case HTTPStatus.UNAUTHORIZED:
            why = f"{source} does not exist or is private (HTTP 401): check the spelling, or {how}"
        case HTTPStatus.FORBIDDEN:
            why = f"{page} is forbidden (HTTP 403): the token may not read it, or a proxy is in the way"
        case HTTPStatus.NOT_FOUND:
            why = f"{hub.endpoint} has no model {source} (HTTP 404): check the spelling of ORG/NAME"
        case _:
            why = f"{page} is answered with HTTP {refusal.status}: is {hub.endpoint} the hub or a mirror of it?"
    return RepositoryError(why)


@contextmanager
def _patience(say: Callable[[str], None], path: str, body: bytearray) -> Generator[None]:
    """Says every few seconds that an answer is still on its way."""
    done = threading.Event()

    def report() -> None:
        started = time.monotonic()
        while not done.wait(PROGRESS_SECONDS):
            say(f"waiting for {urlsplit(path).path}: {len(body)} bytes after {time.monotonic() - started:.0f} s")

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
