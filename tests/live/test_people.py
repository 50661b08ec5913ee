"""People in front of the chat as a stack provisions it: who sees what, and what an answer looks like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.live.browsing import Visit, visit
from tests.live.client import Client
from tests.live.stack import COUNT, GRANTED, LIGHT_MODEL, MEMBER, REASONING_ANSWER, SPEECHES, THOUGHT, LiveStack

STRANGER = "carl@example.org"
PASSWORD = "a long password"
QUESTION = "How many days off do I have?"
FOLDED = r"^Thought for \d+\.\d s$"
"""As the shipped function says it; Open WebUI itself rounds to seconds."""
USAGE = r"\d\.\d\d s · first token after \d+\.\d\d s · \d+ tokens · \d+\.\d\d tokens/s"
_MAX_PICTURE_BYTES = 150_000


@dataclass(frozen=True)
class People:
    """Accounts beside the administrator's, at the first replica, and what the Job reported."""

    member: Client
    stranger: Client
    report: list[str]


@pytest.fixture(scope="module")
def people(stack: LiveStack, admin: Client) -> People:
    for email in (MEMBER, STRANGER):
        admin.add_user(email, PASSWORD)
    report = stack.provision("first")
    member, stranger = (Client(stack.urls[0]).sign_in(email, PASSWORD) for email in (MEMBER, STRANGER))
    return People(member, stranger, report)


def offered(person: Client) -> set[str]:
    """Models that the page shows a person: those that are not hidden."""
    models = person.get("/api/models")["data"]
    return {entry["id"] for entry in models if not ((entry.get("info") or {}).get("meta") or {}).get("hidden")}


# Over HTTP


def test_the_job_brings_everything_about(people: People) -> None:
    assert people.report[-1] == "5 created, 0 updated, 0 unchanged, 0 left alone, 0 failed"


def test_an_administrator_sees_every_model(stack: LiveStack, people: People, admin: Client) -> None:
    served = {*SPEECHES, LIGHT_MODEL, GRANTED}
    assert [set(admin.at(url).models()) for url in stack.urls] == [served, served]


def test_a_member_sees_what_the_group_may_use(stack: LiveStack, people: People) -> None:
    assert [offered(people.member.at(url)) for url in stack.urls] == [{GRANTED}, {GRANTED}]


def test_one_without_rights_sees_no_model(stack: LiveStack, people: People) -> None:
    assert [people.stranger.at(url).models() for url in stack.urls] == [[], []]


@pytest.mark.parametrize("model", [GRANTED, "thinker", "plain", LIGHT_MODEL])
def test_one_without_rights_chats_with_no_model(stack: LiveStack, people: People, model: str) -> None:
    for url in stack.urls:
        with pytest.raises(requests.HTTPError, match="Model not found"):
            list(people.stranger.at(url).stream(model, QUESTION))


def test_a_member_chats_with_no_other_model(stack: LiveStack, people: People) -> None:
    for url in stack.urls:
        with pytest.raises(requests.HTTPError, match="Model not found"):
            list(people.member.at(url).stream("plain", QUESTION))


def test_provisioning_again_changes_nothing_while_an_answer_comes(
    stack: LiveStack, people: People, admin: Client
) -> None:
    with admin.listen() as socket:
        chat = admin.at(stack.urls[1]).ask("counter", "Count", socket.id)
        socket.wait_for_word(chat)
        report = stack.provision("again")
        socket.wait_for_answer(chat)
    assert report[-1] == "0 created, 0 updated, 5 unchanged, 0 left alone, 0 failed"
    assert admin.answer(chat) == COUNT


# In a browser


@pytest.fixture(scope="module")
def journey(stack: LiveStack, people: People, artifacts: Path) -> Visit:
    """A member asks, comes back to the answer, and goes on at the other replica."""
    shown = [re.escape(REASONING_ANSWER), USAGE, f"(?m){FOLDED}"]
    steps = {
        "in": ["sign_in", MEMBER, PASSWORD],
        "chosen": ["new_chat", GRANTED],
        "asked": ["ask", QUESTION, shown],
        "pictured": ["picture", artifacts / "chat.png"],
        "left": ["reload"],
        "back": ["read", 0, shown],
        "opened": ["unfold", 0],
        "elsewhere": ["move", stack.urls[1]],
        "moved": ["read", 0, shown],
        "again": ["ask", QUESTION, shown],
    }
    return visit(stack.urls[0], steps, artifacts / "failed-member.png")


def test_a_member_is_offered_one_model(stack: LiveStack, people: People, artifacts: Path) -> None:
    steps = {"in": ["sign_in", MEMBER, PASSWORD], "models": ["models", artifacts / "models.png"]}
    assert visit(stack.urls[0], steps, artifacts / "failed-models.png").seen["models"] == [GRANTED]


def test_an_administrator_is_offered_every_model_but_the_hidden_base(
    stack: LiveStack, people: People, artifacts: Path
) -> None:
    steps = {
        "in": ["sign_in", *stack.admin],
        "closed": ["close_notes"],
        "models": ["models", artifacts / "models-administrator.png"],
    }
    seen = visit(stack.urls[1], steps, artifacts / "failed-administrator.png").seen
    assert set(seen["models"]) == {*SPEECHES, LIGHT_MODEL, GRANTED} - {"thinker"}


def test_one_without_rights_is_offered_none(stack: LiveStack, people: People, artifacts: Path) -> None:
    steps = {"in": ["sign_in", STRANGER, PASSWORD], "models": ["models", artifacts / "models-stranger.png"]}
    assert visit(stack.urls[1], steps, artifacts / "failed-stranger.png").seen["models"] == []


def test_the_answer_grows_while_it_is_read(journey: Visit) -> None:
    assert len(journey.seen["asked"]["lengths"]) > 5


def test_reasoning_is_folded_away_with_its_time(journey: Visit) -> None:
    [(title, is_open)] = journey.seen["asked"]["folds"]
    assert re.match(FOLDED, title) and not is_open
    assert THOUGHT not in journey.seen["asked"]["text"]


def test_reasoning_is_there_for_who_opens_it(journey: Visit) -> None:
    assert THOUGHT in journey.seen["opened"]


def test_time_and_tokens_stand_above_the_answer(journey: Visit) -> None:
    assert re.match(USAGE, journey.seen["asked"]["text"])


def test_the_answer_is_still_there_after_a_reload(journey: Visit) -> None:
    assert journey.seen["back"]["text"] == journey.seen["asked"]["text"]


def test_the_other_replica_shows_the_chat_in_the_same_session(journey: Visit) -> None:
    assert journey.seen["moved"]["text"] == journey.seen["asked"]["text"]


def test_the_chat_goes_on_at_the_other_replica(journey: Visit) -> None:
    assert REASONING_ANSWER in journey.seen["again"]["text"]


def test_the_page_reports_no_errors(journey: Visit) -> None:
    assert not journey.errors


def test_pictures_are_small_enough_for_the_docs(journey: Visit, artifacts: Path) -> None:
    assert 10_000 < (artifacts / "chat.png").stat().st_size < _MAX_PICTURE_BYTES
