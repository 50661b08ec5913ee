"""Images that are built on an engine's own."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from hearth.catalog.versions import version_of
from hearth.planning.host import ImageBuild
from hearth.settings.models import ImageBuild as Wanted

PROJECT = Path(__file__).parents[2]
_VLLM = "images/vllm"
_UNPUSHED = "hearth"


def plan_vllm_build(wanted: Wanted, *, base: str, time_zone: str) -> ImageBuild:
    """vLLM's image with the time zone and packages of the stack; its tag begins with the version of `base`."""
    args = {
        "BASE": base,
        "TIME_ZONE": time_zone,
        "APT_PACKAGES": " ".join(wanted.apt_packages),
        "PIP_PACKAGES": " ".join(wanted.pip_packages),
    }
    inputs = json.dumps([_dockerfile(_VLLM), args], sort_keys=True)
    digest = hashlib.sha256(inputs.encode()).hexdigest()[:12]
    version = version_of(base)
    return ImageBuild(
        name=f"{wanted.registry or _UNPUSHED}/vllm:{f'v{version}-' if version else ''}{digest}",
        folder=_VLLM,
        args=args,
        registry=wanted.registry.partition("/")[0] if wanted.registry else None,
    )


@cache
def _dockerfile(folder: str) -> str:
    return (PROJECT / folder / "Dockerfile").read_text(encoding="utf-8")
