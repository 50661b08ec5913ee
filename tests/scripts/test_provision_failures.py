"""Provisioning that cannot be done, servers that are not well, and wrong input."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.live.processes import free_port
from tests.scripts.provisioning import FILTER, GREETING, SECRETS, STAFF, WHOLE, Site, add_user, the_line
from tests.scripts.web_ui_server import WebUiServer

# What cannot be done


BROKEN = {
    "def broken(:\n": "invalid syntax (broken, line 1)",
    "import no_such_package\n": "No module named 'no_such_package'",
    "value = 1\n": "No Function class found in the module",
}
"""Sources and what Open WebUI says of them."""


@pytest.mark.parametrize("source", BROKEN)
def test_new_function_that_does_not_load(site: Site, source: str) -> None:
    """Open WebUI keeps its reason to itself there."""
    message = BROKEN[source] if source.startswith("def") else "the log of Open WebUI says why it does not load"
    (site.folder / "broken.py").write_text(source)
    code, output = site.run({"functions": [{"id": "broken", "source": "broken.py"}, GREETING]})
    assert code == 1
    assert message in the_line(output, "function broken: failed")
    assert "function greeting: created" in output


@pytest.mark.parametrize("source", BROKEN)
def test_function_stays_as_it_was_when_the_new_source_does_not_load(site: Site, source: str) -> None:
    site.run(WHOLE)
    (site.folder / "greeting.py").write_text(source)
    code, output = site.run(WHOLE)
    assert code == 1
    assert BROKEN[source].partition(" (")[0] in the_line(output, "function greeting: failed")
    assert site.function()["content"] == FILTER


def test_valve_that_the_function_has_not(site: Site) -> None:
    code, output = site.run({"functions": [{**GREETING, "valves": {"wrods": 3}}]})
    assert code == 1
    assert "it has no valve named wrods" in the_line(output, "function greeting: failed")


def test_secret_valve_is_set_and_never_shown(site: Site) -> None:
    assert site.run({"functions": [{**GREETING, "secretValves": {"key": "VALVE_KEY"}}]})[0] == 0
    assert site.function()["valves"]["key"] == SECRETS["VALVE_KEY"]
    code, output = site.run(
        {"functions": [{**GREETING, "valves": {"words": "many"}, "secretValves": {"key": "VALVE_KEY"}}]}
    )
    assert code == 1
    assert "a value of words, key does not suit its valve" in the_line(output, "function greeting: failed")


def test_base_model_that_nobody_serves(site: Site) -> None:
    code, output = site.run({"models": [{"id": "helper", "baseModel": "deepsek"}, {"id": "qwen", "name": "Qwen"}]})
    assert code == 1
    assert "no connection serves the base model deepsek; served are: deepseek, qwen" in the_line(output, "model helper")
    assert "model qwen: created" in output


def test_filter_that_is_not_there(site: Site) -> None:
    code, output = site.run({"functions": [GREETING], "models": [{"id": "qwen", "filters": ["greting"]}]})
    assert code == 1
    assert "there is no function greting; there are: greeting" in the_line(output, "model qwen: failed")


def test_access_for_a_group_that_is_not_there(site: Site) -> None:
    code, output = site.run({"models": [{"id": "qwen", "access": [{"group": "stuff"}]}]})
    assert code == 1
    assert "access names the group stuff, and there is none" in the_line(output, "model qwen: failed")


def test_two_groups_of_one_name(site: Site) -> None:
    for _ in range(2):
        site.call("POST", "/api/v1/groups/create", {"name": "staff", "description": ""})
    code, output = site.run({"groups": [STAFF]})
    assert code == 1
    assert "there are 2 groups of this name" in the_line(output, "group staff: failed")


def test_wrong_password(site: Site) -> None:
    code, output = site.run(WHOLE, ADMIN_PASSWORD="not-the-password")
    assert code == 1
    assert f"wrong password for {site.email}" in the_line(output, "error:")
    assert "not-the-password" not in output


def test_account_that_is_no_admin(site: Site) -> None:
    add_user(site, "ben@example.com")
    code, output = site.run(WHOLE, ADMIN_EMAIL="ben@example.com", ADMIN_PASSWORD="something-long")
    assert code == 1
    assert "has the role user, and provisioning needs an admin" in the_line(output, "error:")


# A server that is not well


def test_waits_for_a_server_that_starts(faulty: Site, memory: WebUiServer) -> None:
    memory.faults.unavailable = 3
    assert faulty.run(WHOLE)[0] == 0


def test_waits_for_a_server_that_does_not_listen_yet(folder: Path) -> None:
    port = free_port()
    site = Site(f"http://127.0.0.1:{port}", folder, "")
    process = site.start({}, WAIT_SECONDS="1")
    code, output = site.finish(process)
    assert code == 1
    assert f"http://127.0.0.1:{port} does not answer" in the_line(output, "error:")


def test_goes_on_after_a_restart_in_the_middle(faulty: Site, memory: WebUiServer) -> None:
    process = faulty.start(WHOLE)
    assert process.stdout
    for line in process.stdout:
        if line.startswith("function greeting"):
            memory.faults.unavailable = 2
            break
    code, output = faulty.finish(process)
    assert code == 0, output


def test_signs_in_again_when_the_token_is_refused(faulty: Site, memory: WebUiServer) -> None:
    memory.faults.expired = 1
    code, output = faulty.run(WHOLE)
    assert code == 0, output
    assert memory.requests.count("POST /api/v1/auths/signin") == 2


def test_waits_when_there_were_too_many_sign_ins(faulty: Site, memory: WebUiServer) -> None:
    memory.faults.limited = 1
    assert faulty.run(WHOLE, WAIT_SECONDS="4")[0] == 0


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda faults: setattr(faults, "password_sign_in", False), "ENABLE_PASSWORD_AUTH"),
        (lambda faults: setattr(faults, "second_factor", True), "without a second factor"),
        (lambda faults: setattr(faults, "pages_only", True), "does not answer with JSON"),
    ],
)
def test_server_where_one_cannot_sign_in(
    faulty: Site, memory: WebUiServer, break_it: Callable[[object], None], message: str
) -> None:
    break_it(memory.faults)
    code, output = faulty.run(WHOLE, WAIT_SECONDS="0.5")
    assert code == 1
    assert message in the_line(output, "error:")


def test_waits_for_a_model_that_is_not_served_yet(faulty: Site, memory: WebUiServer) -> None:
    memory.served = ["qwen"]
    process = faulty.start(WHOLE, BASE_MODEL_SECONDS="10")
    assert process.stdout
    for line in process.stdout:
        if line == "waiting for the models deepseek\n":
            memory.served = ["qwen", "deepseek"]
            break
    assert faulty.finish(process)[0] == 0


def test_runs_that_create_and_switch_at_the_very_same_moment(faulty: Site, memory: WebUiServer) -> None:
    memory.faults.slow = threading.Barrier(2)
    state = {"functions": [GREETING], "groups": [STAFF]}
    processes = [faulty.start(state) for _ in range(2)]

    def let_through() -> None:
        # Whoever is alone at a gate after the races is let through.
        if memory.faults.slow and memory.faults.slow.n_waiting:
            memory.faults.slow.abort()
            memory.faults.slow = None

    timer = threading.Timer(4, let_through)
    timer.start()
    results = [faulty.finish(process) for process in processes]
    timer.cancel()
    memory.faults.slow = None
    assert all(code == 0 for code, _ in results), results
    assert (faulty.function()["is_active"], faulty.group()["description"]) == (True, "Everyone")


# Wrong input: nothing is done


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([], "the file is [], and has to be an object"),
        ({"model": []}, "model is not a key of the state; there are: connections, functions, groups, models, users"),
        ({"models": {}}, "models is {}, and has to be a list"),
        ({"models": ["qwen"]}, 'models[0] is "qwen", and has to be an object'),
        ({"models": [{"name": "Qwen"}]}, "models[0].id is missing"),
        ({"models": [{"id": "a b"}]}, "at most 256 characters without spaces"),
        ({"models": [{"id": "qwen"}, {"id": "qwen"}]}, "models[1].id is qwen, as is an entry before it"),
        ({"models": [{"id": "qwen", "baseModel": "qwen"}]}, "another model; leave it out"),
        ({"models": [{"id": "qwen", "icon": "no.png"}]}, "models[0].icon is no.png, and no such file"),
        ({"models": [{"id": "qwen", "icon": "greeting.py"}]}, "a file that ends in .png"),
        ({"models": [{"id": "qwen", "access": "everybody"}]}, "one of public, private"),
        ({"models": [{"id": "qwen", "access": [{"group": "a", "user": "b"}]}]}, "a group or a user"),
        ({"models": [{"id": "qwen", "access": [{"group": "a", "permission": "own"}]}]}, "one of read, write"),
        ({"models": [{"id": "qwen", "active": "yes"}]}, 'models[0].active is "yes", and has to be true or false'),
        ({"models": [{"id": "qwen", "filters": [1]}]}, "a list of strings"),
        ({"functions": [{"id": "Two Words", "source": "greeting.py"}]}, "lower-case letters"),
        ({"functions": [{"id": "greeting"}]}, "functions[0].source is missing"),
        ({"functions": [{"id": "greeting", "source": "../greeting.py"}]}, "no such file"),
        ({"functions": [{**GREETING, "secretValves": {"key": "NO_SUCH"}}]}, "names the variable NO_SUCH"),
        ({"users": [{"email": "a@b.c", "passwordVariable": "NO_SUCH"}]}, "names the variable NO_SUCH"),
        ({"users": [{"email": "a@b.c", "role": "boss", "passwordVariable": "ANNA_PASSWORD"}]}, "one of admin, user"),
        ({"connections": {"vllm": {}}}, "connections.vllm is not a key of the state; there are: ollama, openai"),
        ({"connections": {"openai": {"connections": [{"key": "x"}]}}}, "connections.openai.connections[0].url is"),
    ],
)
def test_wrong_state(faulty: Site, memory: WebUiServer, state: Any, message: str) -> None:
    code, output = faulty.run(state)
    assert code == 2
    assert any(line.startswith("error:") and message in line for line in output.splitlines()), output
    assert memory.requests == []


def test_every_mistake_is_told_at_once(faulty: Site) -> None:
    code, output = faulty.run({"models": [{"id": "", "nam": "x"}], "groups": [{}]})
    assert (code, len(output.splitlines())) == (2, 3)


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"ADMIN_PASSWORD": ""}, "ADMIN_PASSWORD is not set"),
        ({"WEBUI_URL": "web-ui:8080"}, "has to begin with http:// or https://"),
        ({"PROVISION_FILE": "/nowhere/state.json"}, "/nowhere/state.json cannot be read"),
        ({"WAIT_SECONDS": "long"}, "which is not a number of seconds"),
    ],
)
def test_wrong_environment(faulty: Site, env: Mapping[str, str], message: str) -> None:
    code, output = faulty.run(WHOLE, **env)
    assert code == 2
    assert message in the_line(output, "error:")


def test_state_that_is_not_json(faulty: Site) -> None:
    (faulty.folder / "other.json").write_text("{")
    code, output = faulty.run({}, PROVISION_FILE=str(faulty.folder / "other.json"))
    assert code == 2
    assert "is not JSON" in the_line(output, "error:")
