"""People at one replica of Open WebUI, all at the same time: `python -m bench.people '{...}'`.

It runs on the packages of Open WebUI's own environment, among which are aiohttp and python-socketio.
"""
# pyright: reportMissingImports=false

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

import aiohttp
import socketio

_PAGE = ("/api/config", "/api/models", "/api/v1/chats/?page=1", "/api/v1/chats/{chat}", "/api/v1/users/user/settings")
"""What the page asks when a person opens a chat."""

_TIMEOUT_SECONDS = 30


class Person:
    """One account, with connections that are kept as a browser keeps them."""

    def __init__(self, http: aiohttp.ClientSession, options: Mapping[str, Any], token: str, chat: str) -> None:
        self._http, self._url, self._model, self._auth = http, options["url"], options["model"], {"token": token}
        self._paths = itertools.cycle(path.format(chat=chat) for path in _PAGE)
        self.act = {"read": self._read, "chat": self._chat}[options["activity"]]
        self._socket = socketio.AsyncClient(reconnection=False)
        self._socket.on("events", self._on_event)
        self._answered = asyncio.Event()

    async def connect(self) -> None:
        """The socket that answers come over."""
        await self._socket.connect(self._url, auth=self._auth, transports=["websocket"], socketio_path="/ws/socket.io")
        await self._socket.call("user-join", {"auth": self._auth})

    async def disconnect(self) -> None:
        await self._socket.disconnect()

    async def _read(self) -> None:
        """One of the requests of a page, in turn."""
        await self._request("GET", next(self._paths))

    async def _chat(self) -> None:
        """Begin a chat, and wait for its whole answer."""
        message = {"role": "user", "content": "Hello"}
        body = {
            "model": self._model,
            "stream": True,
            "messages": [message],
            "session_id": self._socket.get_sid(),
            "parent_id": None,
            "user_message": {**message, "id": str(uuid.uuid4()), "parentId": None, "models": [self._model]},
            "id": str(uuid.uuid4()),
        }
        self._answered.clear()
        await self._request("POST", "/api/chat/completions", json=body)
        await asyncio.wait_for(self._answered.wait(), _TIMEOUT_SECONDS)

    async def _request(self, method: str, path: str, **body: Any) -> None:
        headers = {"Authorization": f"Bearer {self._auth['token']}"}
        async with self._http.request(method, self._url + path, headers=headers, **body) as response:
            content = await response.text()
            if not response.ok:
                raise aiohttp.ClientError(f"{method} {path}: {response.status} {content[:200]}")

    def _on_event(self, event: Mapping[str, Any]) -> None:
        if (event["data"].get("data") or {}).get("done"):
            self._answered.set()


async def main(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Latencies in ms of what finished between `begin` and `end` on the monotonic clock, and errors by their text.

    Other keys: url; people, a chat of each by their token; model; activity (read or chat); arrive, until when they come
    one after another.
    """
    latencies: list[float] = []
    errors: Counter[str] = Counter()

    async def live(arrival: float, token: str, chat: str) -> None:
        await asyncio.sleep(arrival - time.monotonic())
        timeout = aiohttp.ClientTimeout(_TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            person = Person(http, options, token, chat)
            await person.connect()
            while (started := time.monotonic()) < options["end"]:
                problem = await _problem(person)
                if options["begin"] <= time.monotonic() < options["end"]:
                    if problem:
                        errors[problem] += 1
                    else:
                        latencies.append(round((time.monotonic() - started) * 1000, 2))
            await person.disconnect()

    people, now = options["people"], time.monotonic()
    pause = (options["arrive"] - now) / len(people)
    await asyncio.gather(*(live(now + pause * index, *person) for index, person in enumerate(people.items())))
    return {"latencies_ms": latencies, "errors": errors}


async def _problem(person: Person) -> str | None:
    """What goes wrong with the next thing that this person does."""
    try:
        await person.act()
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"{type(error).__name__} {error}"
    return None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))) + "\n")
