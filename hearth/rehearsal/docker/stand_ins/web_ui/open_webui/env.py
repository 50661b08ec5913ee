"""The environment."""

from __future__ import annotations

import os
from pathlib import Path

WEBUI_ADMIN_EMAIL = os.environ.get("WEBUI_ADMIN_EMAIL", "")
WEBUI_ADMIN_NAME = os.environ.get("WEBUI_ADMIN_NAME", "")
WEBUI_ADMIN_PASSWORD = os.environ.get("WEBUI_ADMIN_PASSWORD", "")
ACCOUNTS = Path(os.environ.get("DATA_DIR", "/app/backend/data")) / "stand-in-accounts"
"""Stands for the database."""
