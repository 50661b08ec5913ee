"""What people make with Open WebUI, and what they see of it when something has happened in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.live.client import Client
from tests.live.stack import ANSWER, LiveStack

EMAIL, PASSWORD = "kim@example.org", "the password of Kim"
"""Of a member of a group."""
OFFICE = "The cafeteria opens at seven.\n\n" + "Filler without meaning. " * 60
VAULT = "The vault combination is blue.\n\n" + "Filler without meaning. " * 60
_GREETER = """
from pydantic import BaseModel

class Pipe:
    class Valves(BaseModel):
        greeting: str = "Hello"

    def __init__(self):
        self.valves = self.Valves()

    def pipe(self, body: dict) -> str:
        return f"{self.valves.greeting}, {body['messages'][-1]['content']}!"
"""


@dataclass(frozen=True)
class Belongings:
    """Two people signed in at one replica, and ids of what they made."""

    admin: Client
    member: Client
    chat: str
    file: str
    group: str

    def at(self, url: str) -> Belongings:
        """The same people at another replica, with the sessions that they have."""
        return replace(self, admin=self.admin.at(url), member=self.member.at(url))


def make(stack: LiveStack, admin: Client) -> Belongings:
    """A group with a member, a model entry for it, a function with a valve; the member's chat and file."""
    account = admin.add_user(EMAIL, PASSWORD)["id"]
    group = admin.post("/api/v1/groups/create", {"name": "lawyers", "description": "Those who know the law"})["id"]
    admin.post(f"/api/v1/groups/id/{group}/users/add", {"user_ids": [account]})
    grant = {"principal_type": "group", "principal_id": group, "permission": "read"}
    for entry, base, name in (("plain", None, "Plain"), ("counsel", "plain", "Counsel")):
        form = {
            "id": entry,
            "base_model_id": base,
            "name": name,
            "meta": {"description": f"About {name}"},
            "params": {"temperature": 0.25},
            "access_grants": [grant],
        }
        admin.post("/api/v1/models/create", form)
    form = {"id": "greeter", "name": "Greeter", "content": _GREETER, "meta": {"description": "Greets"}}
    admin.post("/api/v1/functions/create", form)
    admin.post("/api/v1/functions/id/greeter/valves/update", {"greeting": "Good day"})
    admin.post("/api/v1/functions/id/greeter/toggle", {})
    member = Client(stack.urls[0]).sign_in(EMAIL, PASSWORD)
    member.models()  # as the page does, by which Open WebUI learns of new entries
    chat = member.chat("counsel", "Hello")
    return Belongings(admin, member, chat, member.upload("office.txt", OFFICE + VAULT), group)


def _account(seen: Belongings) -> Any:
    account = seen.member.get("/api/v1/auths/")
    return account["email"], account["role"]


def _messages(seen: Belongings) -> Any:
    messages = seen.member.get(f"/api/v1/chats/{seen.chat}")["chat"]["history"]["messages"].values()
    return sorted((message["role"], message["content"]) for message in messages)


def _passages(seen: Belongings) -> Any:
    questions = {"cafeteria": "When is it that the cafeteria opens?", "vault": "vault combination"}
    return [word in seen.member.retrieve(seen.file, question)[0] for word, question in questions.items()]


def _greeting(seen: Belongings) -> Any:
    return "".join(delta.get("content") or "" for delta in seen.admin.stream("greeter", "Kim"))


def _entry(seen: Belongings) -> Any:
    (entry,) = (entry for entry in seen.admin.get("/api/v1/models/all") if entry["id"] == "counsel")
    grants = [grant["principal_id"] == seen.group for grant in entry["access_grants"]]
    return entry["name"], entry["base_model_id"], entry["meta"]["description"], entry["params"], grants


def _group(seen: Belongings) -> Any:
    (group,) = (group for group in seen.admin.get("/api/v1/groups/") if group["id"] == seen.group)
    members = seen.admin.post(f"/api/v1/groups/id/{seen.group}/users", {})
    return group["name"], group["description"], [member["email"] for member in members]


VIEWS: Mapping[str, tuple[Callable[[Belongings], Any], Any]] = {
    "account": (_account, (EMAIL, "user")),
    "chat": (_messages, [("assistant", ANSWER), ("user", "Hello")]),
    "chats": (lambda seen: [chat["id"] == seen.chat for chat in seen.member.get("/api/v1/chats/")], [True]),
    "file": (lambda seen: seen.member.content(seen.file), OFFICE + VAULT),
    "passages": (_passages, [True, True]),
    "function": (_greeting, "Good day, Kim!"),
    "model entry": (_entry, ("Counsel", "plain", "About Counsel", {"temperature": 0.25}, [True])),
    "models of the member": (lambda seen: seen.member.models(), ["counsel", "plain"]),
    "group": (_group, ("lawyers", "Those who know the law", [EMAIL])),
}
"""How people look at what they made, and what they see while nothing is lost."""
