"""`python -m hearth.catalog.extraction [--wheel FILE] [--output FILE]`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import zipfile
from pathlib import Path

from hearth.catalog.extraction.environment import NotUnderstoodError
from hearth.catalog.extraction.table import variables
from hearth.catalog.open_webui import EnvironmentTable, dumps
from hearth.catalog.versions import images
from hearth.rehearsal.cache import cache_directory

PACKAGE = "open_webui"


def pinned_version() -> str:
    """Version of the pinned image, which is that of the package."""
    return images()["openWebUi"].rpartition(":v")[2]


def fetched(version: str) -> Path:
    """The published wheel in the cache. Raises CalledProcessError when pip cannot have it."""
    folder = cache_directory() / "packages" / "open-webui"
    wheel = folder / f"{PACKAGE}-{version}-py3-none-any.whl"
    if not wheel.is_file():
        print(f"fetching open-webui {version} (about 100 MB)", file=sys.stderr)  # noqa: T201
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--dest", str(folder), f"open-webui=={version}"], check=True)
    return wheel


def read(wheel: Path) -> EnvironmentTable:
    """What the package of a wheel reads. Raises NotUnderstoodError."""
    prefix = f"{PACKAGE}/"
    with zipfile.ZipFile(wheel) as archive:
        paths = [name for name in archive.namelist() if name.startswith(prefix) and name.endswith(".py")]
        sources = {path.removeprefix(prefix): archive.read(path).decode() for path in paths}
    return EnvironmentTable(wheel.name.split("-")[1], variables(sources))


def main() -> int:
    """Write the table to the given file or to standard output; 1 when it cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m hearth.catalog.extraction", description=__doc__)
    parser.add_argument("--wheel", type=Path, help="a wheel of open-webui instead of the pinned version's")
    parser.add_argument("--output", type=Path, help="file to write instead of standard output")
    asked = parser.parse_args()
    try:
        text = dumps(read(asked.wheel or fetched(pinned_version())))
    except (NotUnderstoodError, subprocess.CalledProcessError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    if asked.output:
        asked.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
