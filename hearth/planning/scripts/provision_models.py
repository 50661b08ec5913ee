"""Model entries, and who may use them."""

from __future__ import annotations

from collections.abc import Sequence

from provision_api import Api
from provision_people import find_group, people
from provision_state import Access, Model
from provision_step import Json, Step, StepError, differences, existing, merged, present

EVERYBODY = ("user", "*", "read")


def apply_model(api: Api, wanted: Model, step: Step) -> None:
    """Saves the entry, then who may use it."""
    _check_filters(api, wanted)
    grants = _grants(api, wanted, step)
    meta = {**wanted.meta, **present(filterIds=list(wanted.filters) if wanted.filters is not None else None)}
    form = {
        "id": wanted.id,
        "base_model_id": wanted.base_model,
        "name": wanted.name or wanted.id,
        "meta": meta,
        "params": wanted.params,
        "access_grants": grants or [],
        "is_active": wanted.active is not False,
    }
    current = existing(step, lambda: find_model(api, wanted.id), lambda: api.post("/api/v1/models/create", form))
    named = present(
        base_model_id=wanted.base_model,
        name=wanted.name,
        is_active=wanted.active,
        meta=meta or None,
        params=wanted.params or None,
    )
    changes = differences(current, named) if named else []
    if changes:
        fields = ("id", "base_model_id", "name", "meta", "params", "is_active")
        saved = api.post("/api/v1/models/model/update", merged({key: current[key] for key in fields}, named))
        if refused := differences(saved, named):
            raise StepError(f"Open WebUI does not keep {', '.join(refused)} as it is in the state")
        step.changed(*changes)
    if grants is not None and _grants_of(current) != _grants_of({"access_grants": grants}):
        api.post(
            "/api/v1/models/model/access/update",
            {"id": wanted.id, "name": current["name"], "access_grants": grants},
        )
        step.changed("access")


def find_model(api: Api, identity: str) -> Json | None:
    """The entry of a model, with its parameters and grants."""
    models: list[Json] = api.get("/api/v1/models/all")
    return next((model for model in models if model["id"] == identity), None)


def served_models(api: Api) -> set[str]:
    """Models that the connections and pipes offer now."""
    return {model["id"] for model in api.get("/api/models/base")["data"]}


def unreachable(api: Api, wanted: Sequence[Model]) -> list[str]:
    """What to know about entries that some of their people cannot use.

    Open WebUI asks for access to the base model as well (utils/access_control, has_base_model_access).
    """
    entries: dict[str, Json] = {entry["id"]: entry for entry in api.get("/api/v1/models/all")}
    found: list[str] = []
    for model in wanted:
        if model.base_model and model.access:
            own, base = (_grants_of(entries.get(name)) for name in (model.id, model.base_model))
            if own - base and EVERYBODY not in base:
                found.append(
                    f"not everyone who may use {model.id} may use its base model {model.base_model}, and Open WebUI "
                    "asks for both: give the base model an entry with the same access"
                )
    return found


def _grants_of(entry: Json | None) -> set[tuple[str, str, str]]:
    grants: list[Json] = entry["access_grants"] if entry else []
    return {(grant["principal_type"], grant["principal_id"], grant["permission"]) for grant in grants}


def _check_filters(api: Api, wanted: Model) -> None:
    if wanted.filters:
        known = {function["id"] for function in api.get("/api/v1/functions/")}
        if unknown := [name for name in wanted.filters if name not in known]:
            raise StepError(
                f"there is no function {', '.join(unknown)}; there are: {', '.join(sorted(known)) or 'none'}"
            )


def _grants(api: Api, wanted: Model, step: Step) -> list[Json] | None:
    """Grants as Open WebUI has them; None leaves those that are there."""
    if wanted.access is None:
        return None
    if isinstance(wanted.access, str):
        return [_grant(*EVERYBODY)] if wanted.access == "public" else []
    grants: list[Json] = []
    for access in wanted.access:
        principal = _principal(api, access)
        if principal:
            grants.append(_grant(access.principal, principal, access.permission))
        else:
            step.note(f"{access.name} has no account yet")
    return grants


def _principal(api: Api, access: Access) -> str | None:
    if access.principal == "user":
        return people(api).get(access.name)
    group = find_group(api, access.name)
    if group is None:
        raise StepError(f"access names the group {access.name}, and there is none")
    return group["id"]


def _grant(principal: str, identity: str, permission: str) -> Json:
    return {"principal_type": principal, "principal_id": identity, "permission": permission}
