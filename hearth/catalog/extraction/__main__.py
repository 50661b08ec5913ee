"""`python -m hearth.catalog.extraction [--version V] [--output FILE]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hearth.catalog.extraction.environment import NotUnderstoodError
from hearth.catalog.extraction.table import variables
from hearth.catalog.open_webui import EnvironmentTable, dumps
from hearth.catalog.versions import images, version_of
from hearth.package_index import PackageError, releases, sources

PACKAGE = "open-webui"
_ROOT = "open_webui/"


def read(version: str) -> EnvironmentTable:
    """What a published version reads; fetched where the cache lacks it.

    Raises PackageError when it cannot be had, NotUnderstoodError when it cannot be read.
    """
    published = releases(PACKAGE)
    if version not in published:
        raise PackageError(f"{PACKAGE} {version} is not published; the newest is {list(published)[-1]}.")
    # In a source distribution the package is below backend.
    found = sources(PACKAGE, version, published[version], (f"{_ROOT}*.py", f"backend/{_ROOT}*.py"))
    return EnvironmentTable(version, variables({path.partition(_ROOT)[2]: text for path, text in found.items()}))


def main() -> int:
    """Write the table to the given file or to standard output; 1 when it cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m hearth.catalog.extraction", description=__doc__)
    parser.add_argument("--version", default=version_of(images()["openWebUi"]), help="instead of the pinned version")
    parser.add_argument("--output", type=Path, help="file to write instead of standard output")
    asked = parser.parse_args()
    try:
        text = dumps(read(asked.version))
    except (NotUnderstoodError, PackageError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    if asked.output:
        asked.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
