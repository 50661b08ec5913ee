"""A state to provision, and runs of the provisioning script as a process of its own."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.scripts.open_webui import EMAIL, PASSWORD, request

SCRIPT = Path(__file__).parents[2] / "hearth/planning/scripts/provision_web_ui.py"
FUNCTIONS = Path(__file__).parents[2] / "functions"
FILTER = '''"""
title: Greeting
"""
from pydantic import BaseModel

class Filter:
    class Valves(BaseModel):
        words: int = 3
        greeting: str = "Hello"
        key: str = ""

    def __init__(self):
        self.valves = self.Valves()

    def inlet(self, body):
        return body
'''
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
STAFF = {"name": "staff", "description": "Everyone", "permissions": {"chat": {"delete": False}}}
GREETING = {"id": "greeting", "source": "greeting.py", "name": "Greeting", "valves": {"words": 5}, "global": True}
ASSISTANT = {
    "id": "assistant",
    "baseModel": "deepseek",
    "name": "Assistant",
    "description": "Answers questions",
    "icon": "icon.png",
    "params": {"temperature": 0.2},
    "filters": ["greeting"],
    "access": [{"group": "staff"}],
}
WHOLE = {
    "users": [{"email": "Anna@example.com", "name": "Anna", "passwordVariable": "ANNA_PASSWORD"}],
    "functions": [GREETING],
    "groups": [{**STAFF, "members": ["anna@example.com"]}],
    "models": [{"id": "deepseek", "access": [{"group": "staff"}], "meta": {"hidden": True}}, ASSISTANT],
}
SECRETS = {"ANNA_PASSWORD": "pass-of-anna-1", "VALVE_KEY": "k3y-of-the-valve", "ENGINE_KEY": "k3y-of-the-engine"}


@dataclass
class Site:
    """A server to provision, and the folder of the state."""

    url: str
    folder: Path
    bearer: str
    """Of an administrator who uses the panel."""
    email: str = EMAIL
    """Of the account that provisions."""

    def run(self, state: Mapping[str, Any], **env: str) -> tuple[int, str]:
        """Exit code and output of a run."""
        return self.finish(self.start(state, **env))

    def start(self, state: Mapping[str, Any], **env: str) -> subprocess.Popen[str]:
        file = self.folder / "state.json"
        file.write_text(json.dumps(state))
        settings = {
            "PATH": os.environ["PATH"],
            "WEBUI_URL": self.url,
            "ADMIN_EMAIL": self.email,
            "ADMIN_PASSWORD": PASSWORD,
            "PROVISION_FILE": str(file),
            "WAIT_SECONDS": "10",
            **SECRETS,
        }
        pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen([sys.executable, str(SCRIPT)], env={**settings, **env}, **pipe)

    def finish(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        output, _ = process.communicate(timeout=60)
        assert "Traceback" not in output, output
        for secret in (PASSWORD, *SECRETS.values()):
            assert secret not in output
        return process.returncode, output

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """What a person does in the admin panel, and sees there."""
        return request(self.url, method, path, body, self.bearer)

    def function(self, name: str = "greeting") -> Any:
        functions = self.call("GET", "/api/v1/functions/export?include_valves=true")
        return next(function for function in functions if function["id"] == name)

    def model(self, name: str = "assistant") -> Any:
        return next(model for model in self.call("GET", "/api/v1/models/all") if model["id"] == name)

    def group(self, name: str = "staff") -> Any:
        (group,) = [group for group in self.call("GET", "/api/v1/groups/") if group["name"] == name]
        return group

    def members(self, name: str = "staff") -> set[str]:
        ids = {user["id"] for user in self.call("POST", f"/api/v1/groups/id/{self.group(name)['id']}/users")}
        return {user["email"] for user in self.call("GET", "/api/v1/users/all")["users"] if user["id"] in ids}

    def grants(self, name: str = "assistant") -> set[tuple[str, str, str]]:
        return {
            (grant["principal_type"], grant["principal_id"], grant["permission"])
            for grant in self.model(name)["access_grants"]
        }


def the_line(output: str, start: str) -> str:
    (line,) = [line for line in output.splitlines() if line.startswith(start)]
    return line


def add_user(site: Site, email: str, password: str = "something-long", role: str = "user") -> str:
    form = {"email": email, "name": email, "password": password, "role": role}
    return site.call("POST", "/api/v1/auths/add", form)["id"]
