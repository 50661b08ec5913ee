"""The stand-ins' base image, made of this machine's own files: a shell, small programs, Python; nothing is fetched."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hearth.rehearsal.errors import RehearsalError

PROGRAMS = """
    bash sh basename cat chmod chown cp cut date dd df dirname du env expr false find grep head hostname id kill ln ls
    mkdir mktemp mv printf ps pwd readlink rm rmdir sed seq sha256sum sleep sort stat tail tar tee test timeout touch tr
    true uname uniq wc xargs
"""
"""What images of servers have in common, as far as this machine has it."""

_DATA = ("/etc/nsswitch.conf", "/usr/share/zoneinfo")
_LIBRARY = re.compile(r"(?:=>\s*)?(/\S+) \(0x[0-9a-f]+\)")  # a line of ldd
_USERS = "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
_GROUPS = "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n"
_FOLDERS = {"tmp": 0o1777, "root": 0o755, "home/user": 0o755, "run": 0o755, "var/tmp": 0o1777}
_UNUSED = frozenset({"test", "idlelib", "lib2to3", "site-packages", "dist-packages", "config", "turtledemo"})
"""Folders of Python's library that no server needs."""
_WHERE = "import json, sys, sysconfig; print(json.dumps([sys.base_prefix, sysconfig.get_path('stdlib')]))"


@dataclass(frozen=True)
class Interpreter:
    """A Python of this machine, without the virtual environment that it may be asked from."""

    program: Path
    library: Path


def interpreter(python: Path) -> Interpreter:
    """The interpreter behind `python`."""
    asked = subprocess.run([python, "-c", _WHERE], capture_output=True, text=True, check=True)
    _, library = json.loads(asked.stdout)
    return Interpreter(python.resolve(), Path(library))


def write_base(target: Path, pythons: Sequence[Path] = (), trees: Sequence[Path] = ()) -> None:
    """Write the root file system as a tar archive.

    `python` is that of Hearth; `pythons` are further interpreters, kept at their own paths; `trees` are folders whose
    libraries are to find what they need. Raises RehearsalError where this machine lacks a shell.
    """
    interpreters = [interpreter(Path(path)) for path in (sys.executable, *pythons)]
    programs = {name: found for name in PROGRAMS.split() if (found := shutil.which(name))}
    if "bash" not in programs or "sh" not in programs:
        raise RehearsalError("stand-in images are made of this machine's programs, and it has no bash: install it")
    libraries = [path for one in interpreters for path in _extensions(one.library)]
    libraries += [path for tree in trees for path in _extensions(tree)]
    with tarfile.open(target, "w") as archive:
        for name, mode in _FOLDERS.items():
            _add_folder(archive, name, mode)
        for name, text in {"etc/passwd": _USERS, "etc/group": _GROUPS}.items():
            _add_text(archive, name, text)
        _add_link(archive, "bin", "usr/bin")
        for name, found in programs.items():
            _add(archive, Path(found).resolve(), f"usr/bin/{name}")
        for one in dict.fromkeys(interpreters):
            _add(archive, one.program, str(one.program))
            _add(archive, one.library, str(one.library))
            if one.program.name != "python3":  # environments link to this name
                _add_link(archive, str(one.program.with_name("python3")), one.program.name)
        for name in ("python", "python3"):
            _add_link(archive, f"usr/local/bin/{name}", str(interpreters[0].program))
        for path in filter(os.path.exists, _DATA):
            _add(archive, Path(path).resolve(), path)
        for path in sorted({*_needed([*programs.values(), *(one.program for one in interpreters), *libraries])}):
            if not any(Path(path).is_relative_to(tree) for tree in trees):
                _add(archive, Path(path).resolve(), path)


def _extensions(tree: Path) -> Iterator[Path]:
    return (
        path for path in tree.rglob("*.so*") if path.is_file() and not _UNUSED & {*path.relative_to(tree).parts[:1]}
    )


def _needed(files: Iterable[str | Path]) -> Iterator[str]:
    """Libraries that the files load, and theirs, with the loader."""
    # It fails for what is no program, which the extension .so does not rule out.
    asked = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True)
    for line in asked.stdout.splitlines():
        if found := _LIBRARY.search(line):
            yield found[1]


def _add(archive: tarfile.TarFile, source: Path, name: str) -> None:
    def mine(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        within = Path(f"/{entry.name}").relative_to(f"/{name.lstrip('/')}").parts
        if {*within[:1]} & _UNUSED:
            return None
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    archive.add(source, name, filter=mine)


def _add_folder(archive: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    archive.addfile(entry)


def _add_link(archive: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    archive.addfile(entry)


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))
