"""Open WebUI's REST API as an administrator uses it: readiness, sign-in, requests that survive a restart of the server.

Routes and answers: open_webui/routers of Open WebUI 0.12.4. The standard library's client is enough: requests are few,
one after the other, and within the cluster, where no proxy may come between.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

T = TypeVar("T")

REQUEST_SECONDS = 120.0
"""A function is executed when it is saved, and a list of models waits for every engine."""
FAILING_STATUS = (502, 503, 504)
LIMIT_PAUSE_SECONDS = 15.0
"""Open WebUI lets an account sign in 15 times in 3 minutes."""
RACES = 10
"""Attempts at a step that another run changes under our hands."""


class ApiError(Exception):
    """The server refused a request; `detail` is its own message."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class UnavailableError(Exception):
    """The server could not be reached, or cannot answer now."""


class ChangedError(Exception):
    """Somebody else changed the same thing meanwhile; to be read and compared again."""


class SignInError(Exception):
    """The account cannot be used; the message says why and what to do."""


@dataclass
class Api:
    """One server and one account."""

    url: str
    email: str
    password: str = field(repr=False)
    patience_seconds: float
    """How long a server that does not answer is waited for."""
    _token: str | None = field(default=None, repr=False)

    def wait_until_ready(self) -> None:
        """Returns when the server is ready. Raises UnavailableError when that takes too long."""

        def ready() -> None:
            try:
                answer = self._request("GET", "/ready", None)
            except ApiError as error:
                raise UnavailableError(f"/ready answers {error.status}: {error.detail}") from None
            if answer != {"status": True}:
                raise UnavailableError("/ready does not answer as Open WebUI does")

        self.persist(ready)

    def sign_in(self) -> None:
        """Signs in. Raises SignInError when the account cannot be used."""
        try:
            answer = self._request(
                "POST", "/api/v1/auths/signin", {"email": self.email, "password": self.password}, signed=False
            )
        except ApiError as error:
            if error.status == 429:
                time.sleep(min(LIMIT_PAUSE_SECONDS, self.patience_seconds / 4))
                raise UnavailableError("too many sign-ins of this account in the last 3 minutes") from None
            raise SignInError(_sign_in_problem(self.email, error)) from None
        if "token" not in answer:
            raise SignInError(
                f"{self.email} has to take a further step to sign in ({answer.get('next_step', 'unknown')}): "
                "provisioning needs an account without a second factor"
            )
        if answer.get("role") != "admin":
            raise SignInError(f"{self.email} has the role {answer.get('role')}, and provisioning needs an admin")
        self._token = answer["token"]

    def get(self, path: str) -> Any:
        """What the server answers. Raises ApiError or UnavailableError."""
        return self._signed("GET", path, None)

    def post(self, path: str, body: Any = None) -> Any:
        """What the server answers. Raises ApiError or UnavailableError."""
        return self._signed("POST", path, body)

    def delete(self, path: str) -> Any:
        """What the server answers. Raises ApiError or UnavailableError."""
        return self._signed("DELETE", path, None)

    def persist(self, action: Callable[[], T]) -> T:
        """Runs an action that reads before it writes, again while the server is away or others change the same.

        Raises UnavailableError when the server stays away, ApiError as the action does.
        """
        deadline = time.monotonic() + self.patience_seconds
        races = 0
        while True:
            try:
                return action()
            except ChangedError as error:
                races += 1
                if races == RACES:
                    raise ApiError(409, str(error)) from None
                # Chance parts two runs that keep getting in each other's way.
                time.sleep(random.uniform(0.05, 0.2) * races)  # noqa: S311
            except UnavailableError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(min(2.0, self.patience_seconds / 10))

    def _signed(self, method: str, path: str, body: Any) -> Any:
        if self._token is None:
            self.sign_in()
        try:
            return self._request(method, path, body)
        except ApiError as error:
            if error.status != 401:
                raise
        # Open WebUI says 401 for much else too; with a fresh token its second answer is what it means.
        self.sign_in()
        return self._request(method, path, body)

    def _request(self, method: str, path: str, body: Any, *, signed: bool = True) -> Any:
        parts = urlsplit(self.url)
        connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = connect(parts.netloc, timeout=REQUEST_SECONDS)
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if signed and self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, parts.path.rstrip("/") + path, content, headers)
            response = connection.getresponse()
            status, text = response.status, response.read().decode("utf-8", "replace")
        except (OSError, HTTPException) as error:
            raise UnavailableError(f"{self.url} does not answer: {str(error) or type(error).__name__}") from None
        finally:
            connection.close()
        if status in FAILING_STATUS:
            raise UnavailableError(f"{path} answers {status}: {_detail(text)}")
        if status == 409:
            raise ChangedError(_detail(text))
        if status >= 300:
            raise ApiError(status, _detail(text))
        try:
            return json.loads(text)
        except ValueError:
            raise ApiError(status, f"{path} does not answer with JSON: is {self.url} Open WebUI?") from None


def query(path: str, **values: str) -> str:
    """A path with a query."""
    return f"{path}?{urlencode(values)}"


def _sign_in_problem(email: str, error: ApiError) -> str:
    if error.status == 403:
        return "Open WebUI has signing in with a password turned off (ENABLE_PASSWORD_AUTH)"
    if error.status == 400:
        return f"wrong password for {email}, or no such account: ADMIN_PASSWORD has to be the one it has now"
    return f"signing in as {email} is refused with {error.status}: {error.detail}"


def _detail(text: str) -> str:
    """FastAPI's `detail`, or the beginning of what came."""
    try:
        detail = json.loads(text)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = text
    shown = detail if isinstance(detail, str) else json.dumps(detail)
    return " ".join(shown.split())[:600] or "no message"
