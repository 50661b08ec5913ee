"""Stands in for uvicorn with Open WebUI: it is well only on a database that the migration has prepared."""

from __future__ import annotations

import sys

from hearth.rehearsal.docker.stand_ins.server import options, serve
from hearth.rehearsal.docker.stand_ins.web_ui.open_webui.env import ACCOUNTS


def answer(path: str) -> tuple[int, object]:
    """As Open WebUI answers /health, /ready and /api/config."""
    if not ACCOUNTS.exists():
        return 503, {"status": False, "detail": f"no migration was here: {ACCOUNTS} does not exist"}
    return 200, {"status": True, "name": "Open WebUI"}


if __name__ == "__main__":
    serve(int(options(sys.argv, "--port")[0]), answer)
