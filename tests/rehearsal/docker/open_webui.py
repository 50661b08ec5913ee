"""The real Open WebUI as an image, from its package."""

from __future__ import annotations

from hearth.rehearsal.docker.images import StandIn
from tests.live import packages
from tests.live.rendering import IMAGE_ENVIRONMENT

_HOME = "opt/open-webui"


def real_open_webui() -> StandIn:
    """The pinned release with the environment of its image. Raises PackageError when it cannot be installed."""
    python = packages.open_webui(packages.open_webui_version(), lambda line: None)
    # The package finds its web pages in itself, the image in the folder above.
    variables = {**IMAGE_ENVIRONMENT, "FROM_INIT_PY": "true"}
    environment = " ".join(f"{name}='{value}'" for name, value in variables.items())
    dockerfile = (
        f"ENV {environment} PATH=/{_HOME}/bin:/usr/local/bin:/usr/bin:/bin\nWORKDIR /app/backend\nRUN mkdir data\n"
    )
    return StandIn(dockerfile, {_HOME: python.parents[1]}, python)
