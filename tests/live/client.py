"""What a person's browser does with Open WebUI, over HTTP and its socket: Socket.IO 5 on Engine.IO 4."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import requests
import websocket

_TIMEOUT = 60
_OPEN, _PING, _PONG, _MESSAGE = "0", "2", "3", "4"
_CONNECT, _EVENT, _ACK = "0", "2", "3"


class Client:
    """A person at one replica. Methods raise requests.HTTPError with the server's words when it refuses."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url
        self.token = token
        # A connection for each request: kept ones would bind the client to one worker, and end with its restart.
        self._headers = {"Connection": "close"}

    def sign_in(self, email: str, password: str) -> Client:
        self.token = self.post("/api/v1/auths/signin", {"email": email, "password": password})["token"]
        return self

    def at(self, url: str) -> Client:
        """The same person at another replica, as behind a load balancer."""
        return Client(url, self.token)

    def get(self, path: str) -> Any:
        return self._request("GET", path).json()

    def post(self, path: str, body: object) -> Any:
        return self._request("POST", path, json=body).json()

    def add_user(self, email: str, password: str, role: str = "user") -> Any:
        """As an administrator."""
        return self.post("/api/v1/auths/add", {"name": email, "email": email, "password": password, "role": role})

    def models(self) -> list[str]:
        """Ids of the models that this person sees."""
        return sorted(model["id"] for model in self.get("/api/models")["data"])

    def stream(self, model: str, text: str, **more: Any) -> Iterator[Mapping[str, Any]]:
        """Deltas of a completion, as they arrive."""
        body = {"model": model, "stream": True, "messages": [{"role": "user", "content": text}], **more}
        for line in self._request("POST", "/api/chat/completions", json=body, stream=True).iter_lines():
            if line.startswith(b"data: {") and (choices := json.loads(line[6:]).get("choices")):
                yield choices[0]["delta"]

    def ask(self, model: str, text: str, session: str, **more: Any) -> str:
        """Begin a chat as the page does, whose answer comes over the socket `session`; the chat's id."""
        question = {"id": str(uuid.uuid4()), "role": "user", "content": text, "parentId": None, "models": [model]}
        body = {
            "model": model,
            "stream": True,
            "messages": [{"role": "user", "content": text}],
            "session_id": session,
            "parent_id": None,
            "user_message": question,
            "id": str(uuid.uuid4()),
            **more,
        }
        return self.post("/api/chat/completions", body)["chat_id"]

    def answer(self, chat: str) -> str:
        """The last message of a chat as it is stored."""
        history = self.get(f"/api/v1/chats/{chat}")["chat"]["history"]
        return history["messages"][history["currentId"]]["content"]

    def chat(self, model: str, text: str) -> str:
        """The id of a new chat, once its answer is stored."""
        with self.listen() as socket:
            chat = self.ask(model, text, socket.id)
            socket.wait_for_answer(chat)
        return chat

    def upload(self, name: str, content: str) -> str:
        """Store a text file and wait until its vectors are; the file's id."""
        files = {"file": (name, content.encode(), "text/plain")}
        query = {"process": "true", "process_in_background": "false"}
        return self._request("POST", "/api/v1/files/", files=files, params=query).json()["id"]

    def content(self, file: str) -> str:
        """Of an uploaded text file."""
        return self._request("GET", f"/api/v1/files/{file}/content").text

    def retrieve(self, file: str, query: str, k: int = 1) -> list[str]:
        """Passages of an uploaded file that are nearest to `query`."""
        body = {"collection_names": [f"file-{file}"], "query": query, "k": k}
        return self.post("/api/v1/retrieval/query/collection", body)["documents"][0]

    def listen(self) -> Socket:
        """A socket of this person."""
        return Socket(self.url, self.token or "")

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {**self._headers, **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        response = requests.request(method, self.url + path, headers=headers, timeout=_TIMEOUT, **options)
        if not response.ok:
            message = f"{method} {path}: {response.status_code} {response.text[:500]}"
            raise requests.HTTPError(message, response=response)
        return response


class Socket:
    """A connection that collects the events of one person."""

    def __init__(self, url: str, token: str) -> None:
        self.events: list[tuple[float, str, Any]] = []
        """Time of arrival on the monotonic clock, name, content."""
        self._socket = websocket.create_connection(
            f"{url.replace('http', 'ws', 1)}/ws/socket.io/?EIO=4&transport=websocket", timeout=_TIMEOUT
        )
        self._receive()
        self._send(_MESSAGE, _CONNECT, json.dumps({"token": token}))
        self.id = ""
        self._until(lambda: bool(self.id), _TIMEOUT, "connected")
        self.call("user-join", {"auth": {"token": token}})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def call(self, event: str, content: object) -> None:
        """Send an event and wait for its acknowledgement."""
        self._acknowledged = False
        self._send(_MESSAGE, _EVENT, "1", json.dumps([event, content]))
        self._until(lambda: self._acknowledged, _TIMEOUT, f"answered {event}")

    def wait_for(self, wanted: Callable[[Mapping[str, Any]], bool], seconds: float = _TIMEOUT) -> Mapping[str, Any]:
        """The first chat event, among those received and to come, that is `wanted`; TimeoutError when none comes."""
        seen = 0
        found: list[Mapping[str, Any]] = []

        def is_there() -> bool:
            nonlocal seen
            for _, name, content in self.events[seen:]:
                seen += 1
                if name == "events" and wanted(content):
                    found.append(content)
                    return True
            return False

        self._until(is_there, seconds, "sent the event")
        return found[0]

    def wait_for_word(self, chat: str) -> None:
        """Until a word of this chat's answer has come."""

        def is_word(content: Mapping[str, Any]) -> bool:
            kind = str(content["data"].get("data", {}).get("type"))
            return content["chat_id"] == chat and kind.endswith("text.delta")

        self.wait_for(is_word)

    def wait_for_answer(self, chat: str, seconds: float = _TIMEOUT) -> list[tuple[float, Mapping[str, Any]]]:
        """Completion events of a chat with their times, once it is done."""

        def is_done(content: Mapping[str, Any]) -> bool:
            return content["chat_id"] == chat and bool((content["data"].get("data") or {}).get("done"))

        self.wait_for(is_done, seconds)
        return [
            (when, content["data"])
            for when, name, content in self.events
            if name == "events" and content["chat_id"] == chat and "completion" in content["data"]["type"]
        ]

    def _until(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                last = [name for _, name, _ in self.events[-5:]]
                raise TimeoutError(f"the server has not {what} within {seconds:.0f} s; last events: {last}")
            self._socket.settimeout(left)
            try:
                self._receive()
            except websocket.WebSocketTimeoutException:
                continue

    def _receive(self) -> None:
        packet = self._socket.recv()
        if not isinstance(packet, str):
            return
        if packet.startswith(_PING):
            self._send(_PONG)
        elif packet.startswith(_MESSAGE + _CONNECT):
            self.id = json.loads(packet[2:])["sid"]
        elif packet.startswith(_MESSAGE + _ACK):
            self._acknowledged = True
        elif packet.startswith(_MESSAGE + _EVENT):
            name, *content = json.loads(packet[packet.index("[") :])
            self.events.append((time.monotonic(), name, content[0] if content else None))

    def _send(self, *parts: str) -> None:
        self._socket.send("".join(parts))
