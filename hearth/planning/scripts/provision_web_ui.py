"""Brings a running Open WebUI to a desired state through its REST API; runs in a Job, in Open WebUI's image (0.12.4).

Environment:
  WEBUI_URL             where Open WebUI is, within the cluster
  ADMIN_EMAIL           an account with the role admin
  ADMIN_PASSWORD        its password
  PROVISION_FILE        the state: see provision_state.py; functions' sources and icons are beside it
  WAIT_SECONDS          how long a server that starts or restarts is waited for (600)
  BASE_MODEL_SECONDS    how long models that are not served yet are waited for (0)

It creates what is missing and updates what differs. What the state does not name is left alone, and nothing but a
model's access is ever taken away. Running it again, or twice at once, comes to the same.
Exit codes: 0 done, 1 something failed and the rest is done, 2 the state or the environment is wrong: nothing was done.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from urllib.parse import urlsplit

from provision_api import Api, ApiError, SignInError, UnavailableError
from provision_connections import apply_ollama, apply_openai
from provision_entry import StateError
from provision_functions import apply_function
from provision_models import apply_model, served_models, unreachable
from provision_people import apply_group, apply_user
from provision_state import State, read_state
from provision_step import CREATED, OUTCOMES, Step, StepError

BASE_MODEL_POLL_SECONDS = 5.0


class Exit(IntEnum):
    """Exit codes."""

    DONE = 0
    FAILED = 1
    INPUT = 2


class Report:
    """Lines of output without secrets, and what the steps came to."""

    def __init__(self) -> None:
        self.secrets: list[str] = []
        self.outcomes: Counter[str] = Counter()

    def say(self, text: str) -> None:
        """One line, at once."""
        # Longest first: a secret may be part of another.
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def step(self, step: Step, failure: str | None) -> None:
        """The line of one step."""
        outcome = "failed" if failure else step.outcome
        details = [change for change in step.changes if change != CREATED]
        parts = [failure] if failure else []
        parts += [", ".join(details)] if details else []
        parts += step.notes
        self.outcomes[outcome] += 1
        self.say(f"{step.subject}: {outcome}{': ' if parts else ''}{'; '.join(parts)}")

    def summary(self) -> None:
        """The last line."""
        self.say(", ".join(f"{self.outcomes[outcome]} {outcome}" for outcome in OUTCOMES))


def main() -> int:
    """Exit code of the run."""
    report = Report()
    try:
        api, state, base_model_seconds = read_input(os.environ)
    except StateError as error:
        for line in str(error).splitlines():
            report.say(f"error: {line}")
        return Exit.INPUT
    report.secrets = [api.password, *state.secrets]
    try:
        report.say(f"waiting for {api.url}")
        api.wait_until_ready()
        api.persist(api.sign_in)
        unserved = wait_for_models(api, state, base_model_seconds, report)
        for step in steps(state, api):
            report.step(step, attempt(api, step, unserved))
        for line in api.persist(lambda: unreachable(api, state.models)):
            report.say(f"note: {line}")
    except (SignInError, UnavailableError, ApiError) as error:
        report.say(f"error: {error}")
        return Exit.FAILED
    report.summary()
    return Exit.FAILED if report.outcomes["failed"] else Exit.DONE


def read_input(env: Mapping[str, str]) -> tuple[Api, State, float]:
    """Server, state, and seconds to wait for models. Raises StateError that names what is wrong."""
    names = ("WEBUI_URL", "ADMIN_EMAIL", "ADMIN_PASSWORD", "PROVISION_FILE")
    if missing := [name for name in names if not env.get(name)]:
        raise StateError("\n".join(f"{name} is not set" for name in missing))
    url = env["WEBUI_URL"].rstrip("/")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise StateError(f"WEBUI_URL is {url}, and has to begin with http:// or https:// and a host")
    api = Api(url, env["ADMIN_EMAIL"], env["ADMIN_PASSWORD"], seconds(env, "WAIT_SECONDS", 600))
    wait = seconds(env, "BASE_MODEL_SECONDS", 0)
    return api, read_state(Path(env["PROVISION_FILE"]), env), wait


def seconds(env: Mapping[str, str], name: str, default: float) -> float:
    """The variable as a number of seconds. Raises StateError if it is none."""
    text = env.get(name) or str(default)
    try:
        return float(text)
    except ValueError:
        raise StateError(f"{name} is {text!r}, which is not a number of seconds") from None


def steps(state: State, api: Api) -> Iterator[Step]:
    """The steps in the order in which they build on each other."""
    if state.openai:
        yield Step("OpenAI connections", lambda step, wanted=state.openai: apply_openai(api, wanted, step))
    if state.ollama:
        yield Step("Ollama connections", lambda step, wanted=state.ollama: apply_ollama(api, wanted, step))
    for user in state.users:
        yield Step(f"user {user.email}", lambda step, wanted=user: apply_user(api, wanted, step))
    for function in state.functions:
        yield Step(f"function {function.id}", lambda step, wanted=function: apply_function(api, wanted, step))
    for group in state.groups:
        yield Step(f"group {group.name}", lambda step, wanted=group: apply_group(api, wanted, step))
    for model in state.models:
        yield Step(f"model {model.id}", lambda step, wanted=model: apply_model(api, wanted, step))


def attempt(api: Api, step: Step, unserved: Mapping[str, str]) -> str | None:
    """Runs one step; why it failed, or None. Raises UnavailableError when the server is gone."""
    if step.subject in unserved:
        return unserved[step.subject]
    try:
        api.persist(lambda: step.apply(step))
    except (StepError, ApiError) as error:
        return str(error)
    return None


def wait_for_models(api: Api, state: State, patience: float, report: Report) -> dict[str, str]:
    """Why entries cannot be made, by the step's subject: their models are not served, now and after the wait."""
    wanted = {model.base_model or model.id for model in state.models}
    if not wanted:
        return {}
    deadline = time.monotonic() + patience
    told: set[str] = set()
    while True:
        served = api.persist(lambda: served_models(api))
        missing = wanted - served
        if not missing or time.monotonic() >= deadline:
            break
        if missing != told:
            report.say(f"waiting for the models {', '.join(sorted(missing))}")
            told = missing
        time.sleep(min(BASE_MODEL_POLL_SECONDS, patience))
    entries = {f"model {model.id}": model.base_model or model.id for model in state.models}
    known = ", ".join(sorted(served)) or "none"
    return {
        subject: f"no connection serves the base model {model}; served are: {known}"
        for subject, model in entries.items()
        if model in missing
    }


if __name__ == "__main__":
    sys.exit(main())
