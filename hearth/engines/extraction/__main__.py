"""`python -m hearth.engines.extraction ENGINE [--version V ...] [--output FILE]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hearth.engines.extraction import sglang, vllm
from hearth.engines.extraction.snapshot import Snapshot, dumps, merge
from hearth.engines.flags import UnknownVersion, release
from hearth.package_index import PackageError, releases, sources

ENGINES = {"vllm": vllm, "sglang": sglang}
_AT_ONCE = 3


def snapshots(engine: str, versions: Iterable[str]) -> list[Snapshot]:
    """Each of `versions`, or every release from the oldest that Hearth knows; fetched where the cache lacks it.

    Raises PackageError when a version cannot be had.
    """
    module = ENGINES[engine]
    published = releases(module.PACKAGE)
    wanted = list(versions) or [v for v in published if release(v) >= release(module.OLDEST)]
    for version in wanted:
        if version not in published:
            raise PackageError(f"{module.PACKAGE} {version} is not published; the newest is {list(published)[-1]}.")

    def one(version: str) -> Snapshot:
        return module.read(version, sources(module.PACKAGE, version, published[version], module.FILES))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(one, wanted))


def main() -> int:
    """Write the table to the given file or to standard output; 1 when a version cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m hearth.engines.extraction", description=__doc__)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--version", nargs="+", default=[], help="only these versions")
    parser.add_argument("--output", type=Path, help="file to write instead of standard output")
    asked = parser.parse_args()
    try:
        found = snapshots(asked.engine, asked.version)
    except (PackageError, UnknownVersion) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    text = dumps(merge(asked.engine, ENGINES[asked.engine].PACKAGE, found))
    if asked.output:
        asked.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
