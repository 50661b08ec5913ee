"""The first account."""

from __future__ import annotations

from hearth.rehearsal.docker.stand_ins.web_ui.open_webui.env import ACCOUNTS


async def create_admin_user(email: str, password: str, name: str) -> None:
    """Make it where there is none."""
    if email and password and not ACCOUNTS.exists():
        ACCOUNTS.write_text(f"{email} {name}\n")
