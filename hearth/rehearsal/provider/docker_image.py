"""`docker:index/image:Image`: an image built from a folder, and pushed unless told otherwise."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hearth.rehearsal.provider.contract import Checked, ProviderError, State
from hearth.rehearsal.provider.properties import JsonObject, has_unknowns

_DEFAULT_DOCKERFILE = "Dockerfile"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def check(inputs: JsonObject) -> Checked:
    """Inputs with the build's defaults and a digest of its files, by which a changed file rebuilds the image."""
    build: JsonObject = {"context": ".", "platform": _platform(), **inputs.get("build", {})}
    build.setdefault("dockerfile", str(Path(build["context"], _DEFAULT_DOCKERFILE)))
    complete = {"buildOnPreview": False, "skipPush": False, **inputs, "build": build}
    if has_unknowns(build["context"]) or has_unknowns(build["dockerfile"]):
        return Checked(complete)
    context, dockerfile = Path(build["context"]), Path(build["dockerfile"])
    if not dockerfile.is_file():
        return Checked(complete, (("build.dockerfile", f"could not open dockerfile at relative path {dockerfile}"),))
    return Checked({**complete, "build": {**build, "contextDigest": _digest(context, dockerfile)}})


def make(client: Any, inputs: JsonObject) -> State:
    """Build it, and push it to the registry; `client` is a docker.APIClient. Raises ProviderError with its output."""
    build, name = inputs["build"], inputs["imageName"]
    context, dockerfile = Path(build["context"]).absolute(), Path(build["dockerfile"]).absolute()
    lines: Iterable[Any] = client.build(
        path=str(context),
        dockerfile=str(dockerfile),
        tag=name,
        buildargs=build.get("args"),
        target=build.get("target"),
        platform=build["platform"],
        network_mode=build.get("network"),
        rm=True,
        decode=True,
    )
    _follow(lines, f"image {name} cannot be built")
    digest = client.inspect_image(name)["Id"]
    if not inputs["skipPush"]:
        pushed: Iterable[Any] = client.push(name, stream=True, decode=True, auth_config=_credentials(inputs))
        _follow(pushed, f"image {name} cannot be pushed")
        digest = next(iter(client.inspect_image(name)["RepoDigests"]), digest)
    outputs = {
        "baseImageName": name,
        "context": build["context"],
        "dockerfile": build["dockerfile"],
        "imageName": name,
        "platform": build["platform"],
        "registryServer": inputs.get("registry", {}).get("server", ""),
        "repoDigest": digest,
    }
    return State(name, outputs)


def _credentials(inputs: JsonObject) -> JsonObject | None:
    registry = inputs.get("registry", {})
    return {key: registry[key] for key in ("username", "password") if key in registry} or None


def _follow(lines: Iterable[Any], failure: str) -> None:
    tail: list[str] = []
    for line in lines:
        if "error" in line:
            shown = "".join(tail[-10:]).strip()
            raise ProviderError(f"{failure}: {line['error']}\n{shown}".rstrip())
        tail.append(line.get("stream", ""))


def _digest(context: Path, dockerfile: Path) -> str:
    digest = hashlib.sha256(dockerfile.read_bytes())
    for path in sorted(path for path in context.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(context)}\0{path.stat().st_mode & 0o111}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _platform() -> str:
    return f"linux/{_MACHINES.get(platform.machine(), platform.machine())}"
