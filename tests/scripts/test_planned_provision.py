"""The Job that a plan renders, run against a server in memory and the real Open WebUI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from components.platform import ChatPlatform, ChatPlatformArgs
from hearth.evaluation import record
from hearth.planning.stack import make_plan
from hearth.settings.loading import load_stack
from tests.live.rendering import Local, rendered
from tests.planning.stacks import BASE, chat, model
from tests.scripts.open_webui import PASSWORD, request, token
from tests.scripts.provisioning import PIXEL, Site, add_user

PEOPLE = {"legal": "anna@example.com", "staff": "ben@example.com", "nobody": "carl@example.com"}
ENTRIES: list[dict[str, Any]] = [
    {
        "id": "counsel",
        "base": "deepseek",
        "name": "Counsel",
        "description": "Knows the law",
        "icon": "counsel.png",
        "parameters": {"temperature": 0.2, "system": "Be brief."},
        "functions": ["usage"],
        "access": {"groups": ["legal"]},
    },
    {"id": "qwen", "name": "Qwen", "access": {"everyone": True}},
]
PROVISION: dict[str, Any] = {
    "functions": [
        {"id": "reasoning", "source": "reasoning", "global": True, "valves": {"summary": "Nachgedacht: {time}"}},
        {"id": "usage", "source": "usage", "valves": {"place": "below", "decimals": 2}},
    ],
    "groups": [
        {"name": "legal", "description": "Lawyers", "members": [PEOPLE["legal"]]},
        {"name": "staff", "permissions": {"chat": {"delete": False}}, "members": [PEOPLE["staff"]]},
    ],
    "models": ENTRIES,
}


def run(
    site: Site, folder: Path, provision: Mapping[str, Any], given: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """The Job's command with its files, environment and secrets; only paths and the server's address differ."""
    (folder / "counsel.png").write_bytes(PIXEL)
    web_ui = chat(admin={"email": site.email}, provision=provision)
    settings = {**BASE, "models": [model(name="deepseek"), model(name="qwen")], "webUi": web_ui}
    config = {f"hearth:{key}": value for key, value in settings.items()}
    (folder / "Pulumi.lab.yaml").write_text(json.dumps({"config": config}))
    plan = make_plan(load_stack(folder, "lab"))
    args = ChatPlatformArgs(plan, admin_password=PASSWORD, given_secrets=given or {})
    job = rendered(record(lambda: ChatPlatform("chat", args)), "web-ui-provision")
    for path, content in job.files.items():
        file = folder / "pod" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    roots = {str(Path(path).parent): folder / "pod" / Path(path).parent.relative_to("/") for path in job.files}
    local = Local(paths=roots, hosts={"web-ui:8080": urlsplit(site.url).port or 80})
    argv = [sys.executable, *(local.argument(value) for value in job.argv[1:])]
    env = {name: local.text(value) for name, value in job.env.items()}
    # A model that the real stack would wait for is served at once here.
    env |= {"PATH": os.environ["PATH"], "WAIT_SECONDS": "10", "BASE_MODEL_SECONDS": "5"}
    done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert PASSWORD not in done.stdout
    return done.returncode, done.stdout


def test_the_second_run_of_the_job_changes_nothing(site: Site, tmp_path: Path) -> None:
    for person in PEOPLE.values():
        add_user(site, person)
    code, output = run(site, tmp_path, PROVISION)
    assert code == 0, output
    assert output.splitlines()[-1] == "7 created, 0 updated, 0 unchanged, 0 left alone, 0 failed"
    code, output = run(site, tmp_path, PROVISION)
    assert code == 0, output
    assert output.splitlines()[-1] == "0 created, 0 updated, 7 unchanged, 0 left alone, 0 failed"
    assert "note:" not in output


def test_everything_is_as_the_settings_say(site: Site, tmp_path: Path) -> None:
    add_user(site, PEOPLE["legal"])
    assert run(site, tmp_path, PROVISION)[0] == 0
    reasoning, usage = site.function("reasoning"), site.function("usage")
    assert (reasoning["is_active"], reasoning["is_global"]) == (True, True)
    assert (usage["is_active"], usage["is_global"]) == (True, False)
    assert reasoning["valves"] == {"summary": "Nachgedacht: {time}"}
    assert usage["valves"] == {"place": "below", "decimals": 2}
    counsel = site.model("counsel")
    assert (counsel["base_model_id"], counsel["name"]) == ("deepseek", "Counsel")
    assert (counsel["meta"]["description"], counsel["meta"]["filterIds"]) == ("Knows the law", ["usage"])
    assert counsel["meta"]["profile_image_url"].startswith("data:image/png;base64,iVBOR")
    assert counsel["params"] == {"temperature": 0.2, "system": "Be brief."}
    assert site.members("legal") == {PEOPLE["legal"]}
    assert site.group("staff")["permissions"]["chat"]["delete"] is False


def test_a_secret_valve_reaches_the_function_and_no_output(site: Site, tmp_path: Path) -> None:
    secure = {"summary": {"secure": "v1:abc"}}
    function = {"id": "reasoning", "source": "reasoning", "valves": {"priority": 3}, "secretValves": secure}
    code, output = run(site, tmp_path, {"functions": [function]}, {"VALVE_0_summary": "planted-valve"})
    assert code == 0, output
    assert site.function("reasoning")["valves"] == {"priority": 3, "summary": "planted-valve"}
    assert "planted-valve" not in output
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"planted-valve" in file.read_bytes()]


def test_what_is_taken_from_the_settings_goes(site: Site, tmp_path: Path) -> None:
    assert run(site, tmp_path, PROVISION)[0] == 0
    narrower = {**ENTRIES[0], "functions": [], "access": {"groups": ["staff"]}}
    code, output = run(
        site, tmp_path, {**PROVISION, "models": [narrower, {"id": "deepseek", "access": {"groups": ["staff"]}}]}
    )
    assert code == 0, output
    assert site.model("counsel")["meta"]["filterIds"] == []
    assert site.grants("counsel") == site.grants("deepseek") == {("group", site.group("staff")["id"], "read")}
    assert site.model("deepseek")["meta"]["hidden"] is False


@pytest.mark.live
@pytest.mark.parametrize("site", ["real"], indirect=True)
def test_people_see_what_their_groups_may_use(site: Site, tmp_path: Path) -> None:
    for person in PEOPLE.values():
        add_user(site, person)
    assert run(site, tmp_path, PROVISION)[0] == 0
    offered = {group: _offered(site, person) for group, person in PEOPLE.items()}
    assert offered == {"legal": {"counsel", "qwen"}, "staff": {"qwen"}, "nobody": {"qwen"}}
    bearer = token(site.url, PEOPLE["legal"], "something-long")
    question = {"model": "counsel", "stream": False, "messages": [{"role": "user", "content": "Hello"}]}
    answer = request(site.url, "POST", "/api/chat/completions", question, bearer)
    assert answer["choices"][0]["message"]["content"]


def _offered(site: Site, person: str) -> set[str]:
    """Models that the page offers a person: those that are not hidden."""
    models = request(site.url, "GET", "/api/models", bearer=token(site.url, person, "something-long"))["data"]
    return {entry["id"] for entry in models if not ((entry.get("info") or {}).get("meta") or {}).get("hidden")}
