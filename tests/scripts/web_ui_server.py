"""A server with the routes of Open WebUI 0.12.4 that provisioning uses, and with the faults that a test asks for.

The tests that use it run against the real Open WebUI as well, which shows that it behaves like that one.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.functions.loading import load_function
from tests.http_server import Handler, HttpServer

Json = dict[str, Any]


class Refused(Exception):  # noqa: N818
    """An answer with a status and a detail."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


@dataclass
class Faults:
    """What goes wrong; a test may change it while the server runs."""

    unavailable: int = 0
    """Requests that are answered with 503, from now on."""
    expired: int = 0
    """Requests whose token is refused, from now on."""
    limited: int = 0
    """Sign-ins that are refused because there were too many."""
    password_sign_in: bool = True
    second_factor: bool = False
    pages_only: bool = False
    """Every path answers with a web page, as a server that is not Open WebUI may do."""
    slow: threading.Barrier | None = None
    """Where requests that create something meet, so that two runs are at the same point."""


@dataclass
class WebUiServer(HttpServer):
    """Accounts, functions, groups, models and connections in memory."""

    email: str = "admin@example.com"
    password: str = "s3cret-of-the-admin"
    served: list[str] = field(default_factory=lambda: ["deepseek", "qwen"])
    faults: Faults = field(default_factory=Faults)
    users: list[Json] = field(default_factory=list[Json])
    functions: dict[str, Json] = field(default_factory=dict[str, Json])
    groups: dict[str, Json] = field(default_factory=dict[str, Json])
    models: dict[str, Json] = field(default_factory=dict[str, Json])
    openai: Json = field(default_factory=dict[str, Any])
    ollama: Json = field(default_factory=dict[str, Any])
    requests: list[str] = field(default_factory=list[str])
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self.users.append({"id": "admin", "email": self.email, "role": "admin", "name": "A", "password": self.password})
        self.openai = {"ENABLE_OPENAI_API": True, "OPENAI_API_BASE_URLS": ["http://vllm:8000/v1"]}
        self.openai |= {"OPENAI_API_KEYS": ["old"], "OPENAI_API_CONFIGS": {}}
        self.ollama = {"ENABLE_OLLAMA_API": False, "OLLAMA_BASE_URLS": [], "OLLAMA_API_CONFIGS": {}}

    # Routes: method and pattern, and what answers

    def answer(self, method: str, path: str, body: Any, token: str | None) -> Any:
        if method == "POST" and self.faults.slow and path.endswith(("/create", "/toggle")):
            self.faults.slow.wait(timeout=10)
        with self.lock:
            self.requests.append(f"{method} {path}")
            if self.faults.unavailable:
                self.faults.unavailable -= 1
                raise Refused(503, "Startup not complete")
            if path in ("/ready", "/api/v1/auths/signin"):
                return {"status": True} if path == "/ready" else self._sign_in(body)
            if self.faults.expired or token != "Bearer token-of-admin":
                self.faults.expired = max(0, self.faults.expired - 1)
                raise Refused(401, "Your session has expired or the token is invalid. Please sign in again.")
            for route, handler in self._routes().items():
                if match := re.fullmatch(route, f"{method} {path}"):
                    return handler(body, *match.groups())
        raise Refused(405, "Method Not Allowed")

    def _routes(self) -> Mapping[str, Callable[..., Any]]:
        one = "/id/([^/]+)"
        return {
            "GET /openai/config": lambda _: self.openai,
            "POST /openai/config/update": lambda body: self.openai.update(body) or self.openai,
            "GET /ollama/config": lambda _: self.ollama,
            "POST /ollama/config/update": lambda body: self.ollama.update(body) or self.ollama,
            "GET /api/models/base": lambda _: {"data": [{"id": name} for name in self.served]},
            "GET /api/v1/users/all": lambda _: {"users": self.users, "total": len(self.users)},
            "POST /api/v1/auths/add": self._add_user,
            "GET /api/v1/functions/": lambda _: list(self.functions.values()),
            "GET /api/v1/functions/export": lambda _: list(self.functions.values()),
            "POST /api/v1/functions/create": self._create_function,
            f"POST /api/v1/functions{one}/update": self._update_function,
            f"POST /api/v1/functions{one}/valves/update": self._update_valves,
            f"POST /api/v1/functions{one}/toggle": lambda _, name: self._flip(name, "is_active"),
            f"POST /api/v1/functions{one}/toggle/global": lambda _, name: self._flip(name, "is_global"),
            f"DELETE /api/v1/functions{one}/delete": lambda _, name: bool(self.functions.pop(name)),
            "GET /api/v1/groups/": lambda _: list(self.groups.values()),
            "POST /api/v1/groups/create": self._create_group,
            f"POST /api/v1/groups{one}/update": lambda body, name: self._update_group(body, name),
            f"DELETE /api/v1/groups{one}/delete": lambda _, name: bool(self.groups.pop(name)),
            f"POST /api/v1/groups{one}/users": lambda _, name: [{"id": id_} for id_ in self.groups[name]["members"]],
            f"POST /api/v1/groups{one}/users/add": self._add_members,
            "GET /api/v1/models/all": lambda _: list(self.models.values()),
            "POST /api/v1/models/create": self._create_model,
            "POST /api/v1/models/model/update": self._update_model,
            "POST /api/v1/models/model/access/update": self._update_access,
        }

    def _sign_in(self, body: Json) -> Json:
        if not self.faults.password_sign_in:
            raise Refused(403, "You do not have permission to perform this action.")
        if self.faults.limited:
            self.faults.limited -= 1
            raise Refused(429, "API rate limit exceeded")
        user = next((user for user in self.users if user["email"] == body["email"].lower()), None)
        if user is None or user["password"] != body["password"]:
            raise Refused(400, "The email or password provided is incorrect.")
        if self.faults.second_factor:
            return {"next_step": "verify", "challenge_token": "c", "expires_in": 300}
        return {"token": f"token-of-{user['id']}", "role": user["role"]}

    def _add_user(self, body: Json) -> Json:
        if any(user["email"] == body["email"] for user in self.users):
            raise Refused(400, "Uh-oh! This email is already registered.")
        user = {**body, "id": str(uuid.uuid4())}
        self.users.append(user)
        return user

    # Functions

    def _create_function(self, body: Json) -> Json:
        if body["id"] in self.functions:
            raise Refused(400, "Uh-oh! This id is already registered. Please choose another id string.")
        try:
            load(body["content"])
        except Refused:
            raise Refused(400, "[ERROR: Error creating function]") from None
        state = {"valves": None, "is_active": False, "is_global": False, "type": "filter"}
        state |= {"created_at": 1, "updated_at": 1}
        self.functions[body["id"]] = {**body, **state, "content": rewritten(body["content"])}
        return self.functions[body["id"]]

    def _update_function(self, body: Json, name: str) -> Json:
        load(body["content"])
        self.functions[name] |= {**body, "content": rewritten(body["content"])}
        return self.functions[name]

    def _update_valves(self, body: Json, name: str) -> Json:
        valves = load(self.functions[name]["content"]).Valves
        try:
            self.functions[name]["valves"] = valves(**body).model_dump(exclude_unset=True)
        except ValueError:
            raise Refused(400, "[ERROR: Error updating function valves]") from None
        return self.functions[name]["valves"]

    def _flip(self, name: str, switch: str) -> Json:
        self.functions[name] |= {switch: not self.functions[name][switch], "updated_at": 2}
        return self.functions[name]

    # Groups

    def _create_group(self, body: Json) -> Json:
        group = {"permissions": None, **body, "id": str(uuid.uuid4()), "members": []}
        self.groups[group["id"]] = group
        return group

    def _update_group(self, body: Json, name: str) -> Json:
        self.groups[name] |= body
        return self.groups[name]

    def _add_members(self, body: Json, name: str) -> Json:
        self.groups[name]["members"] += [id_ for id_ in body["user_ids"] if id_ not in self.groups[name]["members"]]
        return self.groups[name]

    # Models

    def _create_model(self, body: Json) -> Json:
        if body["id"] in self.models:
            raise Refused(401, "Uh-oh! This model id is already registered. Please choose another model id string.")
        self.models[body["id"]] = {**body, "meta": checked(body["meta"])}
        return self.models[body["id"]]

    def _update_model(self, body: Json) -> Json:
        grants = self.models[body["id"]]["access_grants"]
        self.models[body["id"]] |= {**body, "meta": checked(body["meta"]), "access_grants": grants}
        return self.models[body["id"]]

    def _update_access(self, body: Json) -> Json:
        self.models[body["id"]]["access_grants"] = body["access_grants"]
        return self.models[body["id"]]

    def handler(self) -> type[Handler]:
        site = self

        class Routes(Handler):
            def _any(self) -> None:
                body = self.body()
                if site.faults.pages_only:
                    self.send(200, "<!doctype html><title>Something else</title>", "text/html")
                    return
                try:
                    token = self.headers.get("Authorization")
                    status, answer = 200, site.answer(self.command, urlsplit(self.path).path, body, token)
                except Refused as error:
                    status, answer = error.status, {"detail": error.detail}
                self.send(status, json.dumps(answer))

            do_GET = do_POST = do_DELETE = _any  # noqa: N815

        return Routes


def load(source: str) -> Any:
    """The Filter of a function's source; its own message when it cannot be executed."""
    try:
        return load_function(source).Filter
    except AttributeError:
        raise Refused(400, "No Function class found in the module") from None
    except Exception as error:
        raise Refused(400, str(error)) from None


def rewritten(source: str) -> str:
    for name in ("utils", "apps", "main", "config"):
        source = source.replace(f"from {name}", f"from open_webui.{name}")
    return source


def checked(meta: Json) -> Json:
    icon = meta.get("profile_image_url")
    taken = icon is None or re.match(r"data:image/(gif|jpeg|png|webp);base64,|https?://.", icon)
    return meta if taken else {**meta, "profile_image_url": None}
