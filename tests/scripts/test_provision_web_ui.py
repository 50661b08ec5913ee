"""What provisioning does, against a server in memory and the real Open WebUI."""

from __future__ import annotations

import base64
from typing import Any

from tests.scripts.clock import next_second
from tests.scripts.provisioning import (
    ASSISTANT,
    FILTER,
    FUNCTIONS,
    GREETING,
    PIXEL,
    SECRETS,
    STAFF,
    WHOLE,
    Site,
    add_user,
    the_line,
)


def test_creates_everything(site: Site) -> None:
    code, output = site.run(WHOLE)
    assert code == 0, output
    assert output.splitlines()[-1] == "5 created, 0 updated, 0 unchanged, 0 left alone, 0 failed"
    assert (site.function()["is_active"], site.function()["is_global"]) == (True, True)
    assert site.function()["valves"] == {"words": 5}
    assert site.members() == {"anna@example.com"}
    assert site.group()["permissions"] == {"chat": {"delete": False}}
    model = site.model()
    assert (model["base_model_id"], model["name"], model["is_active"]) == ("deepseek", "Assistant", True)
    assert (model["meta"]["description"], model["meta"]["filterIds"]) == ("Answers questions", ["greeting"])
    assert model["meta"]["profile_image_url"] == f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
    assert model["params"] == {"temperature": 0.2}
    assert site.grants() == {("group", site.group()["id"], "read")}


def test_second_run_changes_nothing(site: Site) -> None:
    site.run(WHOLE)
    before = (site.function(), site.group(), site.model())
    code, output = site.run(WHOLE)
    assert code == 0
    assert output.splitlines()[-1] == "0 created, 0 updated, 4 unchanged, 1 left alone, 0 failed"
    assert (site.function(), site.group(), site.model()) == before


def test_the_shipped_functions_are_accepted(site: Site) -> None:
    for source in FUNCTIONS.glob("*.py"):
        (site.folder / source.name).write_text(source.read_text())
    state = {
        "functions": [
            {"id": "reasoning", "source": "reasoning.py", "valves": {"summary": "Thought {time}"}},
            {"id": "usage", "source": "usage.py", "valves": {"place": "below", "decimals": 2}, "global": True},
        ]
    }
    assert site.run(state)[0] == 0
    assert site.run(state)[1].splitlines()[-1] == "0 created, 0 updated, 2 unchanged, 0 left alone, 0 failed"


def test_updates_what_differs_and_says_which(site: Site) -> None:
    site.run(WHOLE)
    (site.folder / "greeting.py").write_text(FILTER.replace("Hello", "Welcome"))
    changed = {
        "functions": [{**GREETING, "valves": {"words": 7}, "description": "Greets"}],
        "groups": [{**STAFF, "description": "All staff"}],
        "models": [{**ASSISTANT, "name": "Helper", "params": {"temperature": 0.5, "top_p": 0.9}, "active": False}],
    }
    code, output = site.run(changed)
    assert code == 0, output
    assert the_line(output, "function") == "function greeting: updated: description, source, valve words"
    assert the_line(output, "group") == "group staff: updated: description"
    assert set(the_line(output, "model").removeprefix("model assistant: updated: ").split(", ")) == {
        "name",
        "params.temperature",
        "params.top_p",
        "is_active",
    }
    assert "Welcome" in site.function()["content"]
    assert site.function()["valves"] == {"words": 7}
    assert site.model()["is_active"] is False


def test_what_a_person_made_stays(site: Site) -> None:
    site.run(WHOLE)
    ben = add_user(site, "ben@example.com")
    site.call("POST", "/api/v1/functions/id/greeting/valves/update", {"words": 5, "greeting": "Ahoy"})
    site.call("POST", f"/api/v1/groups/id/{site.group()['id']}/users/add", {"user_ids": [ben]})
    form = {"name": "staff", "description": "Everyone", "permissions": {"chat": {"delete": False, "edit": False}}}
    site.call("POST", f"/api/v1/groups/id/{site.group()['id']}/update", form)
    model = site.model()
    edited = {**model, "params": {**model["params"], "seed": 7}, "meta": {**model["meta"], "tags": [{"name": "x"}]}}
    site.call("POST", "/api/v1/models/model/update", edited)
    site.call("POST", "/api/v1/functions/create", {"id": "theirs", "name": "T", "content": FILTER, "meta": {}})
    code, output = site.run({**WHOLE, "functions": [{**GREETING, "valves": {"words": 6}}]})
    assert (code, site.function()["valves"]) == (0, {"words": 6, "greeting": "Ahoy"}), output
    assert site.members() == {"anna@example.com", "ben@example.com"}
    assert site.group()["permissions"]["chat"] == {"delete": False, "edit": False}
    assert site.model()["params"]["seed"] == 7
    assert site.model()["meta"]["tags"] == [{"name": "x"}]
    assert site.function("theirs")["is_active"] is False


def test_switches_are_set_and_not_flipped(site: Site) -> None:
    on = {"functions": [{**GREETING, "active": True, "global": True}]}
    off = {"functions": [{**GREETING, "active": False, "global": False}]}
    for state, expected in ((on, True), (on, True), (off, False), (off, False), (on, True)):
        site.run(state)
        assert (site.function()["is_active"], site.function()["is_global"]) == (expected, expected)


def test_a_function_that_an_ended_run_left_is_turned_on(site: Site) -> None:
    form = {"id": "greeting", "name": "Greeting", "content": FILTER, "meta": {"description": ""}}
    site.call("POST", "/api/v1/functions/create", form)
    site.run({"functions": [GREETING]})
    assert (site.function()["is_active"], site.function()["is_global"]) == (True, True)


def test_a_function_that_a_person_turned_off_stays_off(site: Site) -> None:
    site.run(WHOLE)
    next_second()  # a function whose update has the second of its creation counts as one that nobody touched
    site.call("POST", "/api/v1/functions/id/greeting/toggle")
    site.run(WHOLE)
    assert site.function()["is_active"] is False


def test_source_that_open_webui_rewrites_is_unchanged_the_second_time(site: Site) -> None:
    (site.folder / "greeting.py").write_text(FILTER + "\n# from main memory, from utils of ours\n")
    site.run({"functions": [GREETING]})
    assert "function greeting: unchanged" in site.run({"functions": [GREETING]})[1]


def test_valve_of_another_type_is_unchanged_the_second_time(site: Site) -> None:
    state = {"functions": [{**GREETING, "valves": {"words": "5"}}]}
    site.run(state)
    assert "function greeting: unchanged" in site.run(state)[1]


def test_access_is_exactly_what_is_named(site: Site) -> None:
    ben = add_user(site, "ben@example.com")
    everybody, group = {("user", "*", "read")}, ("group", "", "read")

    def after(access: Any) -> set[tuple[str, str, str]]:
        code, output = site.run({"groups": [STAFF], "models": [{"id": "qwen", "access": access}]})
        assert code == 0, output
        return site.grants("qwen")

    assert after("public") == everybody
    group = ("group", site.group()["id"], "read")
    assert after([{"group": "staff"}, {"user": "Ben@example.com", "permission": "write"}]) == {
        group,
        ("user", ben, "write"),
    }
    assert after([{"group": "staff"}]) == {group}
    assert after("private") == set()


def test_access_that_is_not_named_is_left_alone(site: Site) -> None:
    site.run({"models": [{"id": "qwen", "access": "public"}]})
    site.run({"models": [{"id": "qwen", "description": "Small"}]})
    assert site.grants("qwen") == {("user", "*", "read")}


def test_people_without_an_account_are_reported_and_no_failure(site: Site) -> None:
    state = {
        "groups": [{**STAFF, "members": ["carl@example.com"]}],
        "models": [{"id": "qwen", "access": [{"user": "dora@example.com"}]}],
    }
    code, output = site.run(state)
    assert code == 0
    assert "carl@example.com has no account yet" in the_line(output, "group staff: created")
    assert "dora@example.com has no account yet" in the_line(output, "model qwen: created")


def test_an_account_that_exists_is_left_alone(site: Site) -> None:
    add_user(site, "anna@example.com")
    code, output = site.run({"users": [{**WHOLE["users"][0], "role": "admin"}]})
    assert code == 0
    assert the_line(output, "user") == "user anna@example.com: left alone: the account exists, and has the role user"


def test_tells_that_a_base_model_is_closed_to_people_of_the_entry(site: Site) -> None:
    output = site.run({"groups": [STAFF], "functions": [GREETING], "models": [ASSISTANT]})[1]
    assert "not everyone who may use assistant may use its base model deepseek" in the_line(output, "note:")
    assert "note:" not in site.run(WHOLE)[1]


def test_connections_are_added_and_others_stay(site: Site) -> None:
    before = site.call("GET", "/openai/config")
    url = "http://sglang:30000/v1"
    state = {
        "connections": {
            "openai": {"connections": [{"url": f"{url}/", "keyVariable": "ENGINE_KEY", "config": {"enable": False}}]},
            "ollama": {"enabled": False, "urls": ["http://ollama:11434"]},
        }
    }
    code, output = site.run(state)
    config = site.call("GET", "/openai/config")
    again = site.run(state)[1]
    site.call("POST", "/openai/config/update", before)
    assert code == 0, output
    assert config["OPENAI_API_BASE_URLS"] == [*before["OPENAI_API_BASE_URLS"], url]
    assert config["OPENAI_API_KEYS"] == ["old", SECRETS["ENGINE_KEY"]]
    assert config["OPENAI_API_CONFIGS"]["1"] == {"enable": False}
    assert config["ENABLE_OPENAI_API"] is True
    assert "http://ollama:11434" in site.call("GET", "/ollama/config")["OLLAMA_BASE_URLS"]
    assert again.splitlines()[-1] == "0 created, 0 updated, 2 unchanged, 0 left alone, 0 failed"


def test_two_runs_at_once_come_to_the_same(site: Site) -> None:
    processes = [site.start(WHOLE) for _ in range(3)]
    for process in processes:
        code, output = site.finish(process)
        assert code == 0, output
    assert (site.function()["is_active"], site.function()["is_global"]) == (True, True)
    assert site.members() == {"anna@example.com"}
    assert site.grants() == {("group", site.group()["id"], "read")}
    assert site.run(WHOLE)[1].splitlines()[-1] == "0 created, 0 updated, 4 unchanged, 1 left alone, 0 failed"
