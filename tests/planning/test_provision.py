"""The state and the Job that are planned for the web UI's functions, groups and model entries."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from components.platform import ChatPlatform, ChatPlatformArgs
from hearth.evaluation import Evaluation, evaluate, record
from hearth.planning.plan import Plan
from hearth.planning.stack import make_plan
from hearth.problems import ConfigurationError, Problem
from hearth.settings.loading import load_config, load_stack
from hearth.workload import FilesVolume, Peer
from tests.planning.stacks import BASE, chat, config, model, plan
from tests.scripts.provisioning import FILTER, PIXEL

PROVISION: dict[str, Any] = {
    "functions": [
        {"id": "folded", "source": "reasoning", "global": True, "valves": {"summary": "Nachgedacht: {time}"}},
        {"id": "usage", "source": "usage", "valves": {"place": "below", "decimals": 2}},
    ],
    "groups": [
        {"name": "legal", "description": "Lawyers", "members": ["anna@example.org"]},
        {"name": "staff", "permissions": {"chat": {"delete": False}}},
    ],
    "models": [
        {
            "id": "counsel",
            "base": "qwq",
            "name": "Counsel",
            "description": "Knows the law",
            "icon": "icons/counsel.png",
            "parameters": {"temperature": 0.2},
            "functions": ["usage"],
            "access": {"groups": ["legal"]},
        },
        {"id": "helper", "base": "qwq", "access": {"groups": ["staff", "legal"]}},
        {"id": "gemma3", "name": "Gemma", "access": {"everyone": True}},
    ],
}
ACTION = "class Action:\n    def action(self, body):\n        return None\n"


def settings(**changes: Any) -> dict[str, Any]:
    """A lab with one large and one light model, whose provisioning is changed."""
    return {"ollama": {"models": ["gemma3"]}, "webUi": chat(provision={**PROVISION, **changes})}


def planned(folder: Path, **changes: Any) -> Plan:
    """Its plan, with files beside the stack file."""
    (folder / "icons").mkdir(exist_ok=True)
    (folder / "icons/counsel.png").write_bytes(PIXEL)
    content = {f"hearth:{key}": value for key, value in {**BASE, **settings(**changes)}.items()}
    (folder / "Pulumi.lab.yaml").write_text(json.dumps({"config": content}))
    return make_plan(load_stack(folder, "lab"))


def problems(folder: Path, **changes: Any) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        planned(folder, **changes)
    return list(caught.value.problems)


def files(found: Plan) -> dict[str, str]:
    """Everything that is mounted, by name."""
    assert found.provision
    volumes = [mount.volume for mount in found.provision.container.mounts]
    return {name: text for volume in volumes if isinstance(volume, FilesVolume) for name, text in volume.files.items()}


def state(found: Plan) -> dict[str, Any]:
    return json.loads(files(found)["state.json"])


def entries(found: Plan) -> dict[str, Any]:
    return {entry["id"]: entry for entry in state(found)["models"]}


def test_functions_come_with_valves_and_switches(tmp_path: Path) -> None:
    found = planned(tmp_path)
    folded, usage = state(found)["functions"]
    assert (folded["global"], usage["global"]) == (True, False)
    assert (folded["active"], usage["active"]) == (True, True)
    assert usage["valves"] == {"place": "below", "decimals": 2}
    assert "class Filter" in files(found)[folded["source"]]
    assert files(found)[folded["source"]] != files(found)[usage["source"]]


def test_an_entry_has_its_look_and_its_functions(tmp_path: Path) -> None:
    counsel = entries(planned(tmp_path))["counsel"]
    assert counsel["baseModel"] == "qwq"
    assert (counsel["name"], counsel["description"], counsel["filters"]) == ("Counsel", "Knows the law", ["usage"])
    assert counsel["meta"]["profile_image_url"].startswith("data:image/png;base64,iVBOR")
    assert counsel["params"] == {"temperature": 0.2}


def test_groups_have_their_permissions_and_members(tmp_path: Path) -> None:
    legal, staff = state(planned(tmp_path))["groups"]
    assert (legal["name"], legal["members"]) == ("legal", ["anna@example.org"])
    assert staff["permissions"] == {"chat": {"delete": False}}


def test_who_may_use_an_entry_may_use_its_base_and_does_not_see_that(tmp_path: Path) -> None:
    found = entries(planned(tmp_path))
    assert list(found) == ["qwq", "counsel", "helper", "gemma3:latest"]
    assert found["counsel"]["access"] == [{"group": "legal"}]
    assert found["qwq"] == {
        "id": "qwq",
        "meta": {"hidden": True},
        "access": [{"group": "legal"}, {"group": "staff"}],
    }


def test_a_described_model_is_seen_and_has_its_own_access(tmp_path: Path) -> None:
    models = [*PROVISION["models"][:1], {"id": "qwq", "access": {"everyone": True}}]
    found = entries(planned(tmp_path, models=models))
    assert list(found) == ["counsel", "qwq"]
    assert (found["qwq"]["access"], found["qwq"]["meta"]["hidden"]) == ("public", False)
    assert "baseModel" not in found["qwq"]


def test_light_models_go_by_their_full_tags(tmp_path: Path) -> None:
    found = entries(planned(tmp_path, models=[{"id": "mine", "base": "gemma3"}]))
    assert found["mine"]["baseModel"] == "gemma3:latest"
    assert found["gemma3:latest"]["access"] == "private"


def test_actions_are_no_filters(tmp_path: Path) -> None:
    (tmp_path / "press.py").write_text(ACTION)
    entry = {"id": "qwq", "functions": ["press"]}
    found = entries(planned(tmp_path, functions=[{"id": "press", "source": "press.py"}], models=[entry]))
    assert (found["qwq"]["filters"], found["qwq"]["meta"]["actionIds"]) == ([], ["press"])


def test_connections_and_accounts_are_never_in_the_state(tmp_path: Path) -> None:
    assert set(state(planned(tmp_path))) == {"functions", "groups", "models"}


def test_models_that_load_are_waited_for(tmp_path: Path) -> None:
    found = planned(tmp_path)
    assert found.provision
    [large] = found.models
    seconds = large.downloads[0].job.ready_timeout_seconds + large.server.ready_timeout_seconds
    assert found.provision.container.env["BASE_MODEL_SECONDS"] == str(seconds)
    assert found.provision.ready_timeout_seconds > seconds + int(found.provision.container.env["WAIT_SECONDS"])


def test_nothing_is_waited_for_where_no_model_is_described(tmp_path: Path) -> None:
    found = planned(tmp_path, models=[])
    assert found.provision and found.provision.container.env["BASE_MODEL_SECONDS"] == "0"


def test_only_the_web_ui_is_called(tmp_path: Path) -> None:
    found = planned(tmp_path)
    assert found.provision
    assert found.provision.calls == (Peer("web-ui", 8080),)
    assert not found.provision.internet and not found.provision.calls_outside
    assert found.web_ui.server.callers == (found.provision.name,)


def test_without_the_section_nothing_runs() -> None:
    assert plan(models=[model()]).provision is None
    assert plan(models=[model()]).web_ui.server.callers == ()


# the Job as it is rendered


def manifests(found: Plan) -> dict[tuple[str, str], Any]:
    evaluation = record(lambda: ChatPlatform("chat", ChatPlatformArgs(found, admin_password="planted-password")))
    return {(r.inputs["kind"], r.inputs["metadata"]["name"]): r for r in evaluation.kubernetes_objects()}


def the_job(found: Plan) -> Any:
    [job] = [r for (kind, name), r in manifests(found).items() if kind == "Job" and "provision" in name]
    return job


def test_the_job_signs_in_with_a_secret_and_is_not_root(tmp_path: Path) -> None:
    found = manifests(planned(tmp_path))
    [(_, name)] = [key for key in found if key[0] == "Job" and "provision" in key[1]]
    job = found["Job", name].inputs["spec"]
    pod = job["template"]["spec"]
    [container] = pod["containers"]
    password = next(entry for entry in container["env"] if entry["name"] == "ADMIN_PASSWORD")
    assert password["valueFrom"]["secretKeyRef"] == {"name": "web-ui-provision", "key": "ADMIN_PASSWORD"}
    assert (
        container["image"] == found["Deployment", "web-ui"].inputs["spec"]["template"]["spec"]["containers"][0]["image"]
    )
    assert (pod["securityContext"]["runAsNonRoot"], pod["automountServiceAccountToken"]) == (True, False)
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    [_, fail] = job["podFailurePolicy"]["rules"]
    assert fail["onExitCodes"]["values"] == [2]
    assert "planted-password" not in str(found["ConfigMap", "web-ui-provision"].inputs)


SECURE = {"secure": "v1:abc"}


def secret_valve(value: object) -> dict[str, Any]:
    return {"functions": [{"id": "usage", "source": "usage", "secretValves": {"place": value}}], "models": []}


def deployed() -> Evaluation:
    """The program as the engine runs it, with the secret valve decrypted."""
    return evaluate(load_config(config(**settings(**secret_valve("planted-valve"))), "lab", {"hearth:webUi"}))


def test_a_secret_valve_is_in_the_secret_of_the_job_alone() -> None:
    evaluation = deployed()
    encoded = base64.b64encode(b"planted-valve").decode()
    [secret] = [r for r in evaluation.resources if "planted-valve" in str(r) or encoded in str(r)]
    assert (secret.inputs["kind"], secret.inputs["metadata"]["name"]) == ("Secret", "web-ui-provision")
    assert secret.inputs["data"]["VALVE_0_place"] == encoded
    assert secret.secret_paths


def test_a_secret_valve_reaches_the_function(tmp_path: Path) -> None:
    found = planned(tmp_path, **secret_valve(SECURE))
    assert found.provision and "VALVE_0_place" in found.provision.container.secret_env
    [usage] = state(found)["functions"]
    assert usage["secretValves"] == {"place": "VALVE_0_place"}
    assert "place" not in usage["valves"]


def test_a_misspelt_secret_valve_is_named_and_not_shown(tmp_path: Path) -> None:
    functions = [{"id": "usage", "source": "usage", "secretValves": {"plaice": SECURE}}]
    [problem] = problems(tmp_path, functions=functions, models=[])
    assert problem.key == "hearth:webUi.provision.functions[0].secretValves.plaice"
    assert problem.value == "[secret]" and "write place" in problem.remedy


def test_only_the_provisioning_follows_its_secrets() -> None:
    jobs = {r.inputs["metadata"]["name"].rpartition("-")[0]: r.options for r in deployed().of_type("Job")}
    assert jobs["web-ui-provision"].has_replacement_trigger
    assert not jobs["web-ui-migration"].has_replacement_trigger


def test_packages_that_nobody_installs_are_warned_of(tmp_path: Path) -> None:
    text = '"""\ntitle: Mine\nrequirements: tiktoken, rich\n"""\n' + FILTER
    [warning] = [w for w in planned(tmp_path, **function(tmp_path, text)).warnings if "function mine" in w]
    assert "asks for tiktoken, rich" in warning and "webUi.image" in warning


def test_the_job_comes_after_the_web_ui_and_reaches_it_alone(tmp_path: Path) -> None:
    found = manifests(planned(tmp_path))
    [job] = [r for (kind, name), r in found.items() if kind == "Job" and "provision" in name]
    assert found["Deployment", "web-ui"].urn in job.dependencies
    [dns, call] = found["NetworkPolicy", "web-ui-provision"].inputs["spec"]["egress"]
    assert dns["ports"][0]["port"] == 53
    assert call["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "web-ui"
    [ingress] = found["NetworkPolicy", "web-ui"].inputs["spec"]["ingress"]
    assert ingress["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "web-ui-provision"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"groups": PROVISION["groups"] + [{"name": "guests"}]}, id="state"),
        pytest.param(
            {"functions": [{**PROVISION["functions"][0], "source": "mine.py"}, PROVISION["functions"][1]]}, id="file"
        ),
    ],
)
def test_the_job_runs_again_when_what_it_brings_about_changes(tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / "mine.py").write_text(FILTER.replace("greeting:", "summary:"))
    before, same, after = (the_job(planned(tmp_path, **changes)) for changes in ({}, {}, change))
    assert before.inputs == same.inputs
    assert before.inputs["metadata"]["name"] != after.inputs["metadata"]["name"]


# files


def function(folder: Path, text: str | bytes, **changes: Any) -> dict[str, Any]:
    (folder / "mine.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    return {"functions": [{"id": "mine", "source": "mine.py", **changes}], "models": []}


def test_the_program_finds_the_files_of_a_stack_in_another_folder(tmp_path: Path) -> None:
    planned(tmp_path)
    evaluation = evaluate(load_stack(tmp_path, "lab"))
    [content] = [
        r.inputs for r in evaluation.of_type("ConfigMap") if r.inputs["metadata"]["name"] == "web-ui-provision"
    ]
    assert "data:image/png;base64," in content["data"]["state.json"]


def test_a_function_of_ones_own_is_taken(tmp_path: Path) -> None:
    found = planned(tmp_path, **function(tmp_path, FILTER, valves={"words": 2}))
    assert files(found)[state(found)["functions"][0]["source"]] == FILTER


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(
            "class Filter:\n    def inlet(self, body)\n        return body\n", "does not compile: line 2", id="syntax"
        ),
        pytest.param("def f():\n    pass\nreturn 1\n", "does not compile: line 3", id="return outside of a function"),
        pytest.param("class Tools:\n    pass\n", "has none of the classes Pipe, Filter, Action, Event", id="tool"),
        pytest.param(b"\xff\xfe\x00", "is not Python in UTF-8", id="bytes"),
    ],
)
def test_a_function_that_would_not_load_is_refused(tmp_path: Path, text: str | bytes, why: str) -> None:
    [problem] = problems(tmp_path, **function(tmp_path, text))
    assert problem.key == "hearth:webUi.provision.functions[0].source"
    assert why in problem.why
    assert "mine.py" in problem.remedy or "Function" in problem.remedy


def test_a_file_that_is_not_there_is_named_with_what_hearth_brings(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, functions=[{"id": "x", "source": "reasonning"}], models=[])
    assert "reasonning does not exist" in problem.why
    assert "write reasoning" in problem.remedy and "Hearth brings reasoning, usage" in problem.remedy


def test_an_unknown_valve_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    valves = {"functions": [{"id": "usage", "source": "usage", "valves": {"decimal": 2}}], "models": []}
    [problem] = problems(tmp_path, **valves)
    assert problem.key == "hearth:webUi.provision.functions[0].valves.decimal"
    assert "write decimals; usage has ask_engine, decimals" in problem.remedy


def test_inherited_valves_are_left_to_open_webui(tmp_path: Path) -> None:
    text = "from base import Shared\nclass Filter:\n    class Valves(Shared):\n        pass\n"
    assert planned(tmp_path, **function(tmp_path, text, valves={"any": 1})).provision


def test_a_pipe_acts_on_no_model(tmp_path: Path) -> None:
    changes = function(tmp_path, "class Pipe:\n    pass\n") | {"models": [{"id": "qwq", "functions": ["mine"]}]}
    [problem] = problems(tmp_path, **changes)
    assert problem.key == "hearth:webUi.provision.models[0].functions[0]"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(None, "does not exist", id="missing"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not a PNG, JPEG, GIF or WebP", id="svg"),
        pytest.param(b"RIFF\x00\x00\x00\x00WAVE", "is not a PNG, JPEG, GIF or WebP", id="sound"),
        pytest.param(PIXEL + bytes(200_000), "has 200 KB", id="large"),
    ],
)
def test_an_icon_that_open_webui_would_not_show_is_refused(tmp_path: Path, content: bytes | None, why: str) -> None:
    if content:
        (tmp_path / "other.png").write_bytes(content)
    [problem] = problems(tmp_path, models=[{"id": "qwq", "icon": "other.png"}])
    assert (problem.key, problem.value) == ("hearth:webUi.provision.models[0].icon", "other.png")
    assert why in problem.why


def test_more_icons_than_a_config_map_takes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(PIXEL + bytes(199_000))
    models = [{"id": f"entry-{index}", "base": "qwq", "icon": "large.png"} for index in range(4)]
    [problem] = problems(tmp_path, models=models)
    assert problem.key == "hearth:webUi.provision"
    assert "128 x 128" in problem.remedy
