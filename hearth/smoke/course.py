"""Every check of every model, one after another. Importing this module loads the OpenAI library."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import httpx2
from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    NotFoundError,
    OpenAI,
    OpenAIError,
    PermissionDeniedError,
)

from hearth.smoke.checks import Measured, WrongAnswerError, checks, model_ids
from hearth.smoke.targets import Subject, Target

_MISSHAPEN = (AttributeError, KeyError, TypeError, ValueError)
_NO_KEY = "none"
"""The library insists on a key; servers without one ignore it."""


@dataclass(frozen=True)
class Access:
    """What a client has in hand."""

    api_key: str | None
    admin_email: str
    admin_password: str | None
    """Of the web UI's first account, which gives a key of its own."""
    timeout_seconds: float
    """For each piece of an answer."""


@dataclass(frozen=True)
class Result:
    """One check of one model."""

    base_url: str
    model: str
    check: str
    outcome: Literal["passed", "failed"]
    seconds: float
    detail: str
    first_token_seconds: float | None = None
    tokens_per_second: float | None = None

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"


def run(target: Target, access: Access, on_step: Callable[[str], None]) -> Iterator[Result]:
    """Results of one server as they come. After a failed list of models there is nothing more to ask."""
    asking = _Asking(target, access.timeout_seconds)
    on_step(f"listing the models of {target.base_url}")
    found: list[str] = []

    def look() -> Measured:
        found.extend(model_ids(asking.client))
        return Measured(", ".join(found) or "none")

    listed = asking.result("", "models", lambda: asking.sign_in(access) or look())
    yield listed
    if not listed.passed:
        return
    for subject in target.subjects:
        present = asking.result(subject.name, "listed", lambda subject=subject: _listed(subject, target, found))
        yield present
        for name, check in checks(subject) if present.passed else ():
            on_step(f"{subject.name}: {name}")
            yield asking.result(subject.name, name, lambda check=check, subject=subject: check(asking.client, subject))


def _listed(subject: Subject, target: Target, found: list[str]) -> Measured:
    if subject.name in found:
        return Measured("")
    hint = "" if target.is_web_ui or len(target.subjects) == 1 else "; for a server of one model, name it with --model"
    raise WrongAnswerError(f"{target.base_url} does not list it, only {', '.join(found) or 'nothing'}{hint}")


class _Asking:
    """Asks one server, and puts what goes wrong into words."""

    def __init__(self, target: Target, timeout_seconds: float) -> None:
        self._target = target
        self._timeout = timeout_seconds
        self.client = OpenAI(base_url=target.base_url, api_key=_NO_KEY, timeout=timeout_seconds, max_retries=0)

    def sign_in(self, access: Access) -> None:
        """Take the key that was given; at the web UI, without one, that of the first account's session."""
        key = access.api_key
        if key is None and self._target.is_web_ui and access.admin_password:
            url = f"{self._target.base_url}/v1/auths/signin"
            account = {"email": access.admin_email, "password": access.admin_password}
            answer = httpx2.post(url, json=account, timeout=self._timeout)
            if answer.status_code in (400, 401, 403):
                raise WrongAnswerError(f"the web UI refuses the password of {access.admin_email}: {answer.text[:200]}")
            key = answer.raise_for_status().json()["token"]
        self.client.api_key = key or _NO_KEY

    def result(self, model: str, check: str, ask: Callable[[], Measured]) -> Result:
        started = time.monotonic()
        try:
            measured, trouble = ask(), None
        # The library does not hold answers against their types: a wrong one is met where it is read.
        except (OpenAIError, httpx2.HTTPError, WrongAnswerError, *_MISSHAPEN) as error:
            measured, trouble = None, self._words(error)
        seconds = time.monotonic() - started
        if measured is None:
            return Result(self._target.base_url, model, check, "failed", seconds, trouble or "")
        return Result(
            self._target.base_url,
            model,
            check,
            "passed",
            seconds,
            measured.detail,
            measured.first_token_seconds,
            measured.tokens_per_second,
        )

    def _words(self, error: Exception) -> str:
        url = self._target.base_url
        match error:
            case WrongAnswerError():
                return str(error)
            case APITimeoutError() | httpx2.TimeoutException():
                return f"{url} sent nothing for {self._timeout:g} s; is the model still loading? --timeout waits longer"
            case APIConnectionError() if not isinstance(error.__cause__, httpx2.ConnectError):
                return f"{url} broke the connection off: {error.__cause__}; look at the server's log"
            case APIConnectionError() | httpx2.ConnectError():
                cause = error.__cause__ or error
                return f"nothing answers at {url}: {cause}; is the stack up, and is this its address?"
            case AuthenticationError() | PermissionDeniedError():
                how = f"; its key: {self._target.key}" if self._target.key else ""
                return f"{url} refuses the API key ({error.status_code}); give it with --api-key or HEARTH_API_KEY{how}"
            case NotFoundError():
                hint = "a model server's address ends with /v1, the web UI's with /api"
                return f"{url} answers 404: {_shown(error)}; {hint}"
            case APIStatusError():
                return f"{url} answers {error.status_code}: {_shown(error)}; look at the server's log"
            case OpenAIError():
                return f"{url} gave an error: {error}"
            case _:
                return f"{url} answers with something else than OpenAI's API: {error}"


def _shown(error: APIStatusError) -> str:
    return " ".join(error.response.text.split())[:200] or "(empty)"
