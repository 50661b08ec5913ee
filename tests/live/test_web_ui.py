"""The web tier as a stack renders it: two replicas with two workers each, behind no load balancer but the test."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest
import requests

from tests.live import measure, packages
from tests.live.client import Client
from tests.live.processes import answers
from tests.live.stack import ANSWER, COUNT, EMBEDDING_MODEL, LIGHT_MODEL, REASONING_ANSWER, THOUGHT, LiveStack

_OFFICE = "The cafeteria opens at seven.\n\n" + "Filler without meaning. " * 60
_VAULT = "The vault combination is blue.\n\n" + "Filler without meaning. " * 60
_AGAIN_SECONDS = 60
"""How long a part may take to work again after another was restarted."""


def test_the_pinned_release_answers_on_every_replica(stack: LiveStack) -> None:
    assert {Client(url).get("/api/config")["version"] for url in stack.urls} == {packages.open_webui_version()}


def test_every_replica_has_its_workers(stack: LiveStack) -> None:
    assert [len(measure.workers(server.running.pid)) for server in stack.replicas] == [2, 2]


def test_a_wrong_password_is_refused(stack: LiveStack) -> None:
    with pytest.raises(requests.HTTPError, match="incorrect"):
        Client(stack.urls[0]).sign_in(stack.admin[0], "wrong")


def test_nobody_signs_up(stack: LiveStack) -> None:
    form = {"name": "Eve", "email": "eve@example.org", "password": "a long password"}
    with pytest.raises(requests.HTTPError, match="403"):
        Client(stack.urls[0]).post("/api/v1/auths/signup", form)


def test_a_session_holds_on_every_worker_of_every_replica(stack: LiveStack, admin: Client) -> None:
    people = [admin.at(url) for url in stack.urls for _ in range(8)]
    assert {person.get("/api/v1/auths/")["email"] for person in people} == {stack.admin[0]}


def test_signing_out_on_one_replica_ends_the_session_on_the_other(stack: LiveStack) -> None:
    person = Client(stack.urls[0]).sign_in(*stack.admin)
    person.post("/api/v1/auths/signout", {})
    with pytest.raises(requests.HTTPError, match="401"):
        person.at(stack.urls[1]).get("/api/v1/auths/")


def test_an_account_made_on_one_replica_signs_in_on_the_other(stack: LiveStack, admin: Client) -> None:
    admin.add_user("first@example.org", "first password")
    person = Client(stack.urls[1]).sign_in("first@example.org", "first password")
    assert person.get("/api/v1/auths/")["role"] == "user"


def test_models_that_people_chat_with_are_served(stack: LiveStack, admin: Client) -> None:
    served = {model["id"] for model in admin.get("/api/models/base")["data"]}
    assert served == {*stack.engines, LIGHT_MODEL} - {EMBEDDING_MODEL}


def test_a_completion_streams_word_by_word(admin: Client) -> None:
    words = [delta["content"] for delta in admin.stream("plain", "Hello") if delta.get("content")]
    assert words == [part if index == 0 else f" {part}" for index, part in enumerate(ANSWER.split())]


def test_reasoning_streams_apart_from_the_answer(admin: Client) -> None:
    deltas = list(admin.stream("thinker", "Hello"))
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == THOUGHT
    assert "".join(delta.get("content") or "" for delta in deltas) == REASONING_ANSWER


def test_work_of_one_replica_reaches_a_socket_on_the_other(stack: LiveStack, admin: Client) -> None:
    with admin.listen() as socket:
        chat = admin.at(stack.urls[1]).ask("plain", "Hello", socket.id)
        received = socket.wait_for_answer(chat)
    assert len(received) > len(ANSWER.split())
    assert len({when for when, _ in received}) > 3
    assert admin.answer(chat) == ANSWER


def test_a_file_uploaded_on_one_replica_is_retrieved_on_the_other(stack: LiveStack, admin: Client) -> None:
    file = admin.upload("office.txt", _OFFICE + _VAULT)
    (passage,) = admin.at(stack.urls[1]).retrieve(file, "When is it that the cafeteria opens?")
    assert "cafeteria" in passage
    (passage,) = admin.at(stack.urls[1]).retrieve(file, "vault combination")
    assert "vault" in passage


def test_the_content_of_an_upload_is_on_both_replicas(stack: LiveStack, admin: Client) -> None:
    file = admin.upload("office.txt", _OFFICE)
    content = requests.get(
        f"{stack.urls[1]}/api/v1/files/{file}/content", headers={"Authorization": f"Bearer {admin.token}"}, timeout=30
    )
    assert content.text == _OFFICE


def test_memory_stays_within_the_limit_under_load(stack: LiveStack, admin: Client, artifacts: Path) -> None:
    idle = _memory(stack)

    def person(number: int) -> None:
        client = admin.at(stack.urls[number % len(stack.urls)])
        for turn in range(10):
            assert "".join(delta.get("content") or "" for delta in client.stream("plain", f"{number} {turn}")) == ANSWER
        client.retrieve(client.upload(f"{number}.txt", _OFFICE), "cafeteria")

    started = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(person, range(32)))
    figures = {
        "start_seconds": [server.start_seconds[0] for server in stack.replicas],
        "load_seconds": round(time.monotonic() - started, 1),
        "limit_mib": stack.web_ui.memory_mib,
        "with_torch": False,
        "idle": idle,
        "after_load": _memory(stack),
    }
    (artifacts / "memory.json").write_text(json.dumps(figures, indent=2))
    for server in stack.replicas:
        used = sum(measure.memory(pid).pss_mib for pid in measure.tree(server.running.pid))
        assert used < stack.web_ui.memory_mib


def test_a_replica_that_is_lost_and_comes_back(stack: LiveStack, admin: Client) -> None:
    chat = _finished_chat(admin)
    lost = stack.replicas[1]
    lost.kill()
    assert admin.answer(chat) == ANSWER
    _finished_chat(admin)
    lost.start()
    assert admin.at(stack.urls[1]).answer(chat) == ANSWER


def test_an_answer_goes_on_while_another_replica_is_lost(stack: LiveStack, admin: Client) -> None:
    other = stack.replicas[1]
    with admin.listen() as socket:
        chat = admin.ask("counter", "Count", socket.id)
        socket.wait_for_word(chat)
        other.kill()
        socket.wait_for_answer(chat)
    other.start()
    assert [admin.at(url).answer(chat) for url in stack.urls] == [COUNT, COUNT]


def test_a_chat_whose_replica_is_lost_is_asked_again_elsewhere(stack: LiveStack, admin: Client) -> None:
    lost = stack.replicas[1]
    with admin.listen() as socket:
        chat = admin.at(stack.urls[1]).ask("counter", "Count", socket.id)
        socket.wait_for_word(chat)
        lost.kill()
        assert COUNT.startswith(admin.answer(chat))
        _finished_chat(admin)
    lost.start()
    assert chat in [entry["id"] for entry in admin.at(stack.urls[1]).get("/api/v1/chats/")]


def test_an_answer_is_whole_although_redis_restarts_meanwhile(stack: LiveStack, admin: Client) -> None:
    with admin.listen() as socket:
        chat = admin.ask("counter", "Count", socket.id)
        socket.wait_for_word(chat)
        stack.redis.restart()
    _eventually(lambda: admin.answer(chat) == COUNT)


def test_redis_restarts(stack: LiveStack, admin: Client) -> None:
    chat = _finished_chat(admin)
    stack.redis.stop()
    assert not answers(f"{stack.urls[0]}/ready")
    stack.redis.start()
    _eventually(lambda: all(answers(f"{url}/ready") for url in stack.urls))
    assert admin.answer(chat) == ANSWER

    def other_replica_is_heard() -> bool:
        with admin.listen() as socket:
            asked = admin.at(stack.urls[1]).ask("plain", "Hello", socket.id)
            return bool(socket.wait_for_answer(asked, 5))

    _eventually(other_replica_is_heard)


def test_postgres_restarts(stack: LiveStack, admin: Client) -> None:
    file = admin.upload("office.txt", _OFFICE)
    chat = _finished_chat(admin)
    stack.postgres.restart()
    _eventually(lambda: all(answers(f"{url}/ready") for url in stack.urls))
    for url in stack.urls * 4:
        _eventually(lambda url=url: admin.at(url).answer(chat) == ANSWER)
    assert "cafeteria" in admin.at(stack.urls[1]).retrieve(file, "cafeteria")[0]


def _finished_chat(client: Client) -> str:
    """The id of a chat with its answer stored."""
    with client.listen() as socket:
        chat = client.ask("plain", "Hello", socket.id)
        socket.wait_for_answer(chat)
    return chat


def _eventually(works: Callable[[], bool]) -> None:
    """Wait until `works`, which may fail in the meantime."""
    deadline = time.monotonic() + _AGAIN_SECONDS
    while True:
        try:
            if works():
                return
            problem = "it does not hold"
        except (requests.RequestException, TimeoutError, OSError) as error:
            problem = str(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"does not work again after {_AGAIN_SECONDS} s: {problem}")
        time.sleep(0.2)


def _memory(stack: LiveStack) -> list[list[dict[str, float]]]:
    """Of the workers of each replica."""
    return [[asdict(measure.memory(pid)) for pid in measure.workers(server.running.pid)] for server in stack.replicas]
