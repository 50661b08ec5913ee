"""Stand-in images under the very names that a stack uses, made on the spot and kept: no registry is asked.

They behave as the real programs do where a stack touches them: entrypoint, port, health, scripts. `stand_ins` has one
Dockerfile for each, named as in the catalog, which continues from the base image.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hearth
from hearth.catalog.versions import images as catalog_images
from hearth.rehearsal.cache import Progress, cache_directory, ensure_directory
from hearth.rehearsal.docker import engine
from hearth.rehearsal.docker.base import write_base
from hearth.rehearsal.docker.engine import DockerEngineError

_STAND_INS = Path(__file__).parent / "stand_ins"
_BASE = "hearth.invalid/stand-in-base:1"
_LIBRARY = "opt/stand-ins"
_BEGIN = f"FROM {_BASE}\nCOPY {_LIBRARY} /{_LIBRARY}\nENV PYTHONPATH=/{_LIBRARY}\n"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class StandIn:
    """How an image is made: a Dockerfile that continues from the base."""

    dockerfile: str
    folders: Mapping[str, Path]
    """Folders of this machine, by path within the image. They become part of the last layer without being packed and
    unpacked: gigabytes take seconds and no space."""
    python: Path | None = None
    """An interpreter that it needs at that very path."""


def stand_in(image: str) -> StandIn:
    """The stand-in of an image of the catalog. Raises DockerEngineError where there is none."""
    key = next((key for key, name in catalog_images().items() if name == image), None)
    path = _STAND_INS / f"{key}.Dockerfile"
    if not path.exists():
        known = ", ".join(sorted(path.stem for path in _STAND_INS.glob("*.Dockerfile")))
        raise DockerEngineError(
            f"a rehearsal on Docker has no stand-in for the image {image}; it has those of {known}. "
            "Leave out of the rehearsed stack what needs it, or try the stack on an engine that can pull it"
        )
    return StandIn(path.read_text(), {})


def ensure_images(wanted: Mapping[str, StandIn], on_progress: Progress) -> Path:
    """The images by their names, made once for what they consist of, in the form that `engine.start` takes.

    Raises DockerEngineError.
    """

    from docker.errors import DockerException

    def fill(target: Path) -> None:
        on_progress(f"making {len(wanted)} stand-in images ... about half a minute the first time")
        with engine.start() as running:
            client = running.client()
            try:
                _import_base(client, wanted.values())
                for name, made in wanted.items():
                    _build(client, name, made)
            except DockerException as error:
                raise DockerEngineError(f"stand-in images cannot be made: {error}") from None
            finally:
                client.close()
            engine.keep_images(running, target)

    where = cache_directory() / "docker" / f"images-{_digest(wanted)}"
    return ensure_directory(where, fill, lambda: on_progress("waiting for another process that makes the same images"))


def _import_base(client: Any, stand_ins: Iterable[StandIn]) -> None:
    pythons = sorted({made.python for made in stand_ins if made.python})
    trees = sorted({tree for made in stand_ins for tree in made.folders.values()})
    repository, _, tag = _BASE.partition(":")
    changes = [f"ENV PATH={_PATH}", 'CMD ["bash"]']
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch, "base.tar")
        write_base(archive, pythons, trees)
        client.import_image(src=str(archive), repository=repository, tag=tag, changes=changes)


def _build(client: Any, name: str, made: StandIn) -> None:
    with tempfile.TemporaryFile() as context:
        with tarfile.open(fileobj=context, mode="w") as archive:
            _add_text(archive, "Dockerfile", _BEGIN + made.dockerfile)
            for path in _library():
                archive.add(path, f"{_LIBRARY}/{path.relative_to(_root())}")
        context.seek(0)
        tail: list[str] = []
        for line in client.build(fileobj=context, custom_context=True, tag=name, rm=True, decode=True):
            tail.append(line.get("stream", ""))
            if "error" in line:
                shown = "".join(tail[-10:])
                raise DockerEngineError(f"the stand-in of {name} cannot be built: {line['error']}\n{shown}")
    layer: dict[str, str] = client.inspect_image(name)["GraphDriver"]["Data"] or {}
    for folder, path in made.folders.items():
        if "UpperDir" not in layer:
            raise DockerEngineError(
                f"the stand-in of {name} needs the storage driver overlay2, which dockerd did not choose"
            )
        engine.link_tree(path, Path(layer["UpperDir"], folder))


def _library() -> list[Path]:
    """The stand-ins' own modules, and the packages that they are in."""
    packages = [path / "__init__.py" for path in (*_STAND_INS.parents, _STAND_INS) if _root() in path.parents]
    return sorted({*packages, *_STAND_INS.rglob("*.py")})


def _root() -> Path:
    return Path(hearth.__file__).parents[1]


def _digest(wanted: Mapping[str, StandIn]) -> str:
    """Of all that the images are made from; folders count by their paths, which name their versions."""
    digest = hashlib.sha256(engine.version().encode() + Path(__file__).read_bytes())
    digest.update((Path(__file__).parent / "base.py").read_bytes())
    for path in _library():
        digest.update(path.read_bytes())
    for name, made in sorted(wanted.items()):
        digest.update(f"{name}\0{made}\0".encode())
    return digest.hexdigest()[:16]


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))
