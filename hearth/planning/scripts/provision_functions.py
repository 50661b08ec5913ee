"""Functions: source, valves, and the two switches."""

from __future__ import annotations

from provision_api import Api, ApiError, ChangedError, query
from provision_state import Function
from provision_step import CREATED, Json, Step, StepError, differences, existing, present

REWRITTEN_IMPORTS = (
    ("from utils", "from open_webui.utils"),
    ("from apps", "from open_webui.apps"),
    ("from main", "from open_webui.main"),
    ("from config", "from open_webui.config"),
)
"""What Open WebUI replaces in a function's source when it saves it (utils/plugin.py)."""


def apply_function(api: Api, wanted: Function, step: Step) -> None:
    """Turns it on or off, saves source, names and valves, and only then makes it global."""
    form = {
        "id": wanted.id,
        "name": wanted.name or wanted.id,
        "content": wanted.source,
        "meta": {"description": wanted.description or ""},
    }

    def create() -> None:
        try:
            api.post("/api/v1/functions/create", form)
        except ApiError as error:
            raise ApiError(error.status, f"{error.detail}: {_problem(wanted)}") from None

    current = existing(step, lambda: find_function(api, wanted.id), create)
    # One that nobody touched since it was made is new, or left by a run that was ended.
    undecided = CREATED in step.changes or current["updated_at"] == current["created_at"]
    _switch(api, current, "active", True if wanted.active is None and undecided else wanted.active, step)
    _save_function(api, wanted, current, step)
    _set_valves(api, wanted, current["valves"] or {}, step)
    _switch(api, current, "global", wanted.is_global, step)


def find_function(api: Api, identity: str) -> Json | None:
    """A function with its source and valves."""
    functions: list[Json] = api.get(query("/api/v1/functions/export", include_valves="true"))
    return next((function for function in functions if function["id"] == identity), None)


def saved_source(source: str) -> str:
    """The source as Open WebUI stores it."""
    for old, new in REWRITTEN_IMPORTS:
        source = source.replace(old, new)
    return source


def _switch(api: Api, current: Json, name: str, wanted: bool | None, step: Step) -> None:
    """Sets a switch by Open WebUI's route that flips it. Raises ChangedError when another run flipped it meanwhile."""
    if wanted is None or current[f"is_{name}"] == wanted:
        return
    route = "toggle" if name == "active" else "toggle/global"
    answer: Json = api.post(f"/api/v1/functions/id/{current['id']}/{route}")
    step.changed(name)
    if answer[f"is_{name}"] != wanted:
        raise ChangedError(f"{name} was changed by somebody else")


def _problem(wanted: Function) -> str:
    """Why a source does not load, which Open WebUI does not tell of a new function."""
    try:
        compile(wanted.source, wanted.id, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return str(error)
    return "the log of Open WebUI says why it does not load"


def _save_function(api: Api, wanted: Function, current: Json, step: Step) -> None:
    texts = present(name=wanted.name, description=wanted.description)
    shown = {"name": current["name"], "description": current["meta"].get("description")}
    changes = differences(shown, texts) if texts else []
    if current["content"] != saved_source(wanted.source):
        changes.append("source")
    if changes:
        form = {
            "id": wanted.id,
            "name": texts.get("name", current["name"]),
            "content": wanted.source,
            "meta": {**current["meta"], **present(description=wanted.description)},
        }
        api.post(f"/api/v1/functions/id/{wanted.id}/update", form)
        step.changed(*changes)


def _set_valves(api: Api, wanted: Function, current: Json, step: Step) -> None:
    if not wanted.valves or not differences(current, wanted.valves):
        return
    try:
        saved: Json = api.post(f"/api/v1/functions/id/{wanted.id}/valves/update", {**current, **wanted.valves})
    except ApiError as error:
        raise StepError(f"a value of {', '.join(wanted.valves)} does not suit its valve: {error.detail}") from None
    if unknown := sorted(wanted.valves.keys() - saved.keys()):
        raise StepError(f"it has no valve named {', '.join(unknown)}")
    # Saving turns "2" into 2 where the valve is a number: compared with what was saved, that is no change.
    step.changed(*(f"valve {name}" for name in differences(current, {name: saved[name] for name in wanted.valves})))
