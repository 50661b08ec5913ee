"""Accounts."""

from __future__ import annotations

from hearth.rehearsal.docker.stand_ins.web_ui.open_webui.env import ACCOUNTS


class Users:
    """Those of the database."""

    @staticmethod
    async def has_users() -> bool:
        return ACCOUNTS.exists()
