"""What the web UI holds from the start: the state, and the Job that brings it about through the web UI's API.

Connections and settings are the environment's part: Open WebUI keeps none of those that its API is given
(ENABLE_PERSISTENT_CONFIG), and each worker process would have others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hearth.planning.plan import ModelPlan, OllamaPlan
from hearth.planning.provision_files import ProvisionFiles
from hearth.planning.scripts import SCRIPTS, script
from hearth.planning.web_ui import NAME, PORT, PROVISION
from hearth.settings.checks.names import full_tag
from hearth.settings.checks.provision import served_id
from hearth.settings.provision import Access, Function, Group, ModelEntry, Provision
from hearth.settings.stack import Settings
from hearth.workload import Container, FilesVolume, Mount, Peer, Resources, ScratchVolume, Security, Workload

ADMIN_PASSWORD = "ADMIN_PASSWORD"  # noqa: S105 - a variable's name
_PARTS = ("api", "connections", "entry", "functions", "models", "people", "state", "step", "web_ui")
_PROVISION = {name: script(name) for name in (f"provision_{part}.py" for part in _PARTS)}
_STATE = "/opt/provision"
_WAIT_SECONDS = 600
"""For replicas that restart meanwhile."""
_WORK_SECONDS = 600
_WRONG_INPUT = 2
"""Exit code of provision_web_ui.py: a state that another try cannot mend."""


def plan_provision(
    settings: Settings,
    files: ProvisionFiles,
    *,
    models: Sequence[ModelPlan],
    ollama: OllamaPlan | None,
    image: str,
) -> Workload | None:
    """The Job, in Open WebUI's image; None where nothing is provisioned. Whenever the state changes, it runs anew."""
    provision = settings.web_ui.provision
    if provision is None:
        return None
    state = provision_state(settings, provision, files)
    base_seconds = _base_seconds(state, models, ollama)
    sources = {_file_name(name): source.text for name, source in files.sources.items()}
    return Workload(
        name=PROVISION,
        kind="job",
        tier="web-ui",
        container=Container(
            name="provision",
            image=image,
            resources=Resources(cpus=0.1, memory_gib=0.25, scratch_gib=0.25),
            command=("python", f"{SCRIPTS}/provision_web_ui.py"),
            env={
                "TZ": settings.time_zone,
                "HOME": "/tmp",
                "WEBUI_URL": f"http://{NAME}:{PORT}",
                "ADMIN_EMAIL": settings.web_ui.admin.email,
                "PROVISION_FILE": f"{_STATE}/state.json",
                "WAIT_SECONDS": str(_WAIT_SECONDS),
                "BASE_MODEL_SECONDS": str(base_seconds),
            },
            secret_env=(ADMIN_PASSWORD, *given_secrets(provision)),
            mounts=(
                Mount(SCRIPTS, FilesVolume(_PROVISION), read_only=True),
                Mount(_STATE, FilesVolume({"state.json": _json(state), **sources}), read_only=True),
                Mount("/tmp", ScratchVolume(size_gib=0.1)),
            ),
        ),
        security=Security(user=1000, group=0),
        calls=(Peer(NAME, PORT),),
        follows_secrets=True,
        final_exit_codes=(_WRONG_INPUT,),
        ready_timeout_seconds=_WAIT_SECONDS + base_seconds + _WORK_SECONDS,
    )


def provision_state(settings: Settings, provision: Provision, files: ProvisionFiles) -> dict[str, Any]:
    """The state as scripts/provision_state.py reads it."""
    entries = [_entry(settings, entry, files) for entry in provision.models]
    return {
        "functions": [_function(index, function) for index, function in enumerate(provision.functions)],
        "groups": [_group(group) for group in provision.groups],
        # Base models first: an entry that people may use already, on a base that they may not, fails for them.
        "models": [*_hidden_bases(settings, provision), *entries],
    }


def given_secrets(provision: Provision | None) -> Mapping[str, str]:
    """Values of secret valves, by the Job's variables."""
    return {
        _variable(index, valve): value.get_secret_value()
        for index, function in enumerate(provision.functions if provision else ())
        for valve, value in function.secret_valves.items()
    }


def _variable(index: int, valve: str) -> str:
    return f"VALVE_{index}_{valve}"


def _function(index: int, function: Function) -> dict[str, Any]:
    return {
        "id": function.id,
        "source": _file_name(function.id),
        "name": function.name or function.id,
        "valves": function.valves,
        "secretValves": {valve: _variable(index, valve) for valve in function.secret_valves},
        "active": function.active,
        "global": function.is_global,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "description": group.description or "",
        "permissions": group.permissions,
        "members": group.members,
    }


def _entry(settings: Settings, entry: ModelEntry, files: ProvisionFiles) -> dict[str, Any]:
    """Everything that the settings can say is stated, so that what is removed there goes from the web UI too."""
    actions = [name for name in entry.functions if files.sources[name].kind == "Action"]
    meta = {"hidden": False, "actionIds": actions, "profile_image_url": files.icons.get(entry.id)}
    state = {
        "id": entry.id if entry.base else served_id(settings, entry.id),
        "name": entry.name or entry.id,
        "description": entry.description or "",
        "meta": {key: value for key, value in meta.items() if value is not None},
        "params": entry.parameters,
        "filters": [name for name in entry.functions if name not in actions],
        "active": entry.active,
        "access": _access([entry.access]),
    }
    return state | ({"baseModel": served_id(settings, entry.base)} if entry.base else {})


def _hidden_bases(settings: Settings, provision: Provision) -> Iterator[dict[str, Any]]:
    """Served models below entries: whoever may use an entry needs access to its base too, and need not see that."""
    described = {served_id(settings, entry.id) for entry in provision.models if not entry.base}
    bases = dict.fromkeys(served_id(settings, entry.base) for entry in provision.models if entry.base)
    for base in bases:
        wanted = [entry.access for entry in provision.models if entry.base and served_id(settings, entry.base) == base]
        if base not in described:
            yield {"id": base, "meta": {"hidden": True}, "access": _access(wanted)}


def _access(wanted: Sequence[Access]) -> str | list[dict[str, str]]:
    """Who has any of these accesses."""
    if any(access.everyone for access in wanted):
        return "public"
    groups = dict.fromkeys(group for access in wanted for group in access.groups)
    return [{"group": group} for group in groups] or "private"


def _base_seconds(state: dict[str, Any], models: Sequence[ModelPlan], ollama: OllamaPlan | None) -> int:
    """How long the served models that the state needs may take until they answer, their downloads included."""
    needed = {entry.get("baseModel") or entry["id"] for entry in state["models"]}
    found = [
        sum(download.job.ready_timeout_seconds for download in model.downloads) + model.server.ready_timeout_seconds
        for model in models
        if needed & {model.served_name, *model.adapters}
    ]
    if ollama and needed & {full_tag(tag) for tag in ollama.models}:
        found.append(ollama.pull.ready_timeout_seconds + ollama.server.ready_timeout_seconds)
    return max(found, default=0)


def _file_name(function: str) -> str:
    """Beside the scripts in the same ConfigMap, so none of theirs."""
    return f"function.{function}.py"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
