"""Accounts, and groups with their members."""

from __future__ import annotations

from provision_api import Api, ChangedError
from provision_state import Group, User
from provision_step import CREATED, Json, Step, differences, existing, merged, present


def people(api: Api) -> dict[str, str]:
    """Account ids by e-mail address."""
    return {user["email"].lower(): user["id"] for user in api.get("/api/v1/users/all")["users"]}


def apply_user(api: Api, wanted: User, step: Step) -> None:
    """Makes an account; one that exists belongs to its owner and is left alone."""

    def account() -> Json | None:
        users: list[Json] = api.get("/api/v1/users/all")["users"]
        return next((user for user in users if user["email"].lower() == wanted.email), None)

    form = {"email": wanted.email, "name": wanted.name, "role": wanted.role, "password": wanted.password}
    current = existing(step, account, lambda: api.post("/api/v1/auths/add", form))
    if CREATED not in step.changes:
        role = "" if current["role"] == wanted.role else f", and has the role {current['role']}"
        step.left = True
        step.note(f"the account exists{role}")


def apply_group(api: Api, wanted: Group, step: Step) -> None:
    """Makes the group, sets what is named, and adds members."""
    form = {
        "name": wanted.name,
        "description": wanted.description or "",
        **present(permissions=wanted.permissions or None),
    }
    current = existing(step, lambda: find_group(api, wanted.name), lambda: _create_group(api, form))
    texts = present(description=wanted.description, permissions=wanted.permissions or None)
    changes = differences(current, texts) if texts else []
    if changes:
        form = {
            "name": current["name"],
            "description": texts.get("description", current["description"]),
            "permissions": merged(current["permissions"] or {}, wanted.permissions),
        }
        api.post(f"/api/v1/groups/id/{current['id']}/update", form)
        step.changed(*changes)
    if wanted.members:
        _add_members(api, wanted, current["id"], step)


def find_group(api: Api, name: str) -> Json | None:
    """The group of this name. Raises ChangedError while there are several: of another run, or of a person's making."""
    found = [group for group in api.get("/api/v1/groups/") if group["name"] == name]
    if len(found) > 1:
        raise ChangedError(
            f"there are {len(found)} groups of this name: rename or remove all but one in the admin panel"
        )
    return found[0] if found else None


def _create_group(api: Api, form: Json) -> None:
    """Names are not unique in Open WebUI: of two that are created at once, whoever sees both takes back its own."""
    created: Json = api.post("/api/v1/groups/create", form)
    if sum(group["name"] == form["name"] for group in api.get("/api/v1/groups/")) > 1:
        api.delete(f"/api/v1/groups/id/{created['id']}/delete")
        raise ChangedError("a group of this name was created by somebody else")


def _add_members(api: Api, wanted: Group, identity: str, step: Step) -> None:
    accounts = people(api)
    members = {user["id"] for user in api.post(f"/api/v1/groups/id/{identity}/users")}
    missing = {email: accounts[email] for email in wanted.members if email in accounts}
    missing = {email: account for email, account in missing.items() if account not in members}
    if missing:
        api.post(f"/api/v1/groups/id/{identity}/users/add", {"user_ids": list(missing.values())})
        step.changed(*(f"member {email}" for email in missing))
    for email in wanted.members:
        if email not in accounts:
            step.note(f"{email} has no account yet")
