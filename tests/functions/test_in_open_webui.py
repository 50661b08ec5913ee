"""Both functions in the real Open WebUI, provisioned as Hearth does, on chats as its page begins them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.scripts.engine import Engine
from tests.scripts.open_webui import EMAIL, PASSWORD, open_webui, request, token

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
ANSWER_SECONDS = 30
MODELS = {
    "tagged": [{"content": text} for text in ("<th", "ink>", "Hm", ", so.", "</th", "ink>", "\n\n", "Good", " day")],
    "own_tags": [{"content": text} for text in ("<refl", "ect>", "Hm", ", so.", "</refl", "ect>", "Good", " day")],
    "parsed": [{"reasoning_content": "Hm"}, {"reasoning_content": ", so."}, {"content": "Good"}, {"content": " day"}],
    "end_only": [{"content": text} for text in ("Hm", ", so.\n", "</thi", "nk>", "\n\n", "Good", " day")],
    "plain": [{"content": "Good"}, {"content": " day"}],
}
STATE = {
    "functions": [
        {"id": "reasoning", "source": "reasoning.py", "valves": {"tags": "think, reflect"}, "global": True},
        {"id": "usage", "source": "usage.py"},
    ],
    "models": [{"id": "measured", "baseModel": "tagged", "filters": ["usage"], "access": "private"}],
}


@dataclass(frozen=True)
class Site:
    url: str
    bearer: str
    engine: Engine

    def ask(self, model: str, chat: str | None = None, parent: str | None = None) -> tuple[str, dict[str, Any]]:
        """Id of the chat, and the answer as it is stored once every filter is through."""
        question = {"id": str(uuid.uuid4()), "role": "user", "content": "Hello", "parentId": parent, "models": [model]}
        body = {
            "model": model,
            "stream": True,
            "messages": [{"role": "user", "content": "Hello"}],
            "session_id": "none",
            "parent_id": parent,
            "user_message": question,
            "id": str(uuid.uuid4()),
            **({"chat_id": chat} if chat else {}),
        }
        chat_id: str = request(self.url, "POST", "/api/chat/completions", body, self.bearer)["chat_id"]
        deadline = time.monotonic() + ANSWER_SECONDS
        before = None
        while time.monotonic() < deadline:
            history = request(self.url, "GET", f"/api/v1/chats/{chat_id}", bearer=self.bearer)["chat"]["history"]
            message = history["messages"][history["currentId"]]
            # Filters act after `done`: settled is what stays the same.
            if message["role"] == "assistant" and message.get("done") and message == before:
                return chat_id, message
            before = message
            time.sleep(0.4)
        raise AssertionError(f"no answer within {ANSWER_SECONDS} s: {before}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("functions")
    for source in (ROOT / "functions").glob("*.py"):
        (folder / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "state.json").write_text(json.dumps(STATE))
    with Engine(dict(MODELS)) as engine, open_webui(folder, engine.base_url) as url:
        env = {"WEBUI_URL": url, "ADMIN_EMAIL": EMAIL, "ADMIN_PASSWORD": PASSWORD, "PATH": os.environ["PATH"]}
        env["PROVISION_FILE"] = str(folder / "state.json")
        script = ROOT / "hearth/planning/scripts/provision_web_ui.py"
        done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        yield Site(url, token(url), engine)


@pytest.mark.parametrize("model", ["tagged", "own_tags", "parsed", "end_only"])
def test_reasoning_is_folded_away_with_its_time(site: Site, model: str) -> None:
    _, answer = site.ask(model)
    assert answer["content"].startswith('<details type="thought">\n<summary>Thought for 0.')
    assert answer["content"].endswith("> Hm, so.\n</details>\n\nGood day")
    shown = [item["content"][0]["text"] for item in answer["output"]]
    assert shown[-1] == "Good day"
    assert not any(item["type"] == "reasoning" for item in answer["output"])


def test_an_answer_without_reasoning_stays(site: Site) -> None:
    assert site.ask("plain")[1]["content"] == "Good day"


def test_the_model_does_not_read_its_reasoning_again(site: Site) -> None:
    chat, answer = site.ask("tagged")
    site.engine.requests.clear()
    site.ask("tagged", chat, answer["id"])
    (asked,) = [body for body in site.engine.requests if body.get("stream")]
    assert [message["content"] for message in asked["messages"]] == ["Hello", "Good day", "Hello"]


def test_time_and_tokens_are_shown_where_the_model_has_the_filter(site: Site) -> None:
    (status,) = site.ask("measured")[1]["statusHistory"]
    assert status["done"] is True
    assert " · first token after 0." in status["description"]
    assert f" · {len(MODELS['tagged'])} tokens · " in status["description"]
    assert "statusHistory" not in site.ask("tagged")[1]
