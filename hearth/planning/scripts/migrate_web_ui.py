"""Prepares the database of Open WebUI; runs once in a Job, with the web UI's own image, before any replica starts.

Importing the configuration migrates the schema; importing the vector store makes its extension and table. Open WebUI
takes no lock for either, nor for the first account: made by a replica it would also turn off sign-up in that one.
"""

# pyright: reportMissingImports=false, reportUnusedImport=false
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# ruff: noqa: F401

from __future__ import annotations

import asyncio
import sys

import open_webui.config
import open_webui.retrieval.vector.factory
from open_webui.env import WEBUI_ADMIN_EMAIL, WEBUI_ADMIN_NAME, WEBUI_ADMIN_PASSWORD
from open_webui.models.users import Users
from open_webui.utils.auth import create_admin_user


async def make_first_account() -> None:
    """While there are no users; exits with 1 when there is none afterwards."""
    await create_admin_user(WEBUI_ADMIN_EMAIL, WEBUI_ADMIN_PASSWORD, WEBUI_ADMIN_NAME)
    if not await Users.has_users():
        sys.exit(f"the first account, {WEBUI_ADMIN_EMAIL}, could not be made: see the lines above")


asyncio.run(make_first_account())
