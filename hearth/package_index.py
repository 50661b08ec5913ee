"""Sources of published packages, from the Python package index that PIP_INDEX_URL names.

Nothing is installed or imported: only the wanted files of a source distribution (of a wheel where a version has none)
are read. The index answers in the HTML form of the simple repository API (PEP 503).
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import sys
import tarfile
import time
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from html.parser import HTMLParser
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import unquote, urldefrag, urljoin

from hearth.engines.flags import release
from hearth.rehearsal.cache import cache_directory

DEFAULT_INDEX = "https://pypi.org/simple"
_STALLED_SECONDS = 30
_ATTEMPTS = 4


class PackageError(Exception):
    """A package or version that cannot be had; the message says why and what to do."""


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.targets += [value for key, value in attrs if tag == "a" and key == "href" and value]


def releases(package: str) -> dict[str, str]:
    """Address of the source of each final or post release, oldest first, with `#sha256=...` where the index has it.

    Raises PackageError when the index cannot be reached or does not know the package.
    """
    index = os.environ.get("PIP_INDEX_URL", DEFAULT_INDEX).rstrip("/")
    page = f"{index}/{package}/"
    return choose(package, page, _get(page).decode())


def choose(package: str, page: str, text: str) -> dict[str, str]:
    """The releases that an index page lists: a source distribution before a wheel, and no pre-releases.

    Raises PackageError when it lists none.
    """
    parser = _Links()
    parser.feed(text)
    found: dict[str, str] = {}
    base = re.sub("[-_.]", "[-_.]", package)  # files of open-webui are named open_webui-...
    for target in parser.targets:
        address = urljoin(page, target)
        name = unquote(urldefrag(address).url.rpartition("/")[2])
        match = re.fullmatch(rf"{base}-(\d+(?:\.\d+)*(?:\.post\d+)?)(\.tar\.gz|-.*\.whl)", name)
        if match and (match[2] == ".tar.gz" or match[1] not in found):
            found[match[1]] = address
    if not found:
        raise PackageError(f"{page} lists no release of {package}. Check PIP_INDEX_URL.")
    return dict(sorted(found.items(), key=lambda item: release(item[0])))


def sources(package: str, version: str, address: str, wanted: Iterable[str]) -> dict[str, str]:
    """Text by path (`vllm/engine/arg_utils.py`) of the files of one version that match a glob in `wanted`.

    Raises PackageError when the archive cannot be fetched or is not what the index says.
    """
    archive = _fetched(package, version, address)
    patterns = tuple(wanted)
    try:
        return {
            path: text.decode()
            for path, text in _members(archive, lambda path: any(fnmatchcase(path, p) for p in patterns))
        }
    except (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise PackageError(f"{archive} cannot be read ({error}). Remove it and try again.") from error


def _members(archive: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Wanted files by path; a source distribution has everything in one folder, which is left out of the path."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            yield from ((name, wheel.read(name)) for name in wheel.namelist() if wanted(name))
        return
    with tarfile.open(archive) as distribution:
        for member in distribution:
            path = member.name.partition("/")[2]
            content = distribution.extractfile(member) if member.isfile() and wanted(path) else None
            if content:
                yield path, content.read()


def _fetched(package: str, version: str, address: str) -> Path:
    """The archive in the cache; its hash is checked before it gets its name there."""
    url, fragment = urldefrag(address)
    target = cache_directory() / "packages" / package / unquote(url.rpartition("/")[2])
    if not target.is_file():
        print(f"fetching {package} {version}", file=sys.stderr)  # noqa: T201
        content = _get(url)
        digest = f"sha256={hashlib.sha256(content).hexdigest()}"
        if fragment.startswith("sha256=") and fragment != digest:
            raise PackageError(f"{url} has the hash {digest} instead of {fragment}. Check PIP_INDEX_URL.")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{os.getpid()}.part")
        partial.write_bytes(content)
        partial.replace(target)
    return target


def _get(url: str) -> bytes:
    """What `url` answers; tried again when the connection stalls or breaks off, or when the server has a fault."""
    if not url.startswith(("https://", "http://")):
        raise PackageError(f"{url} is no HTTP address. Check PIP_INDEX_URL.")
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(url, timeout=_STALLED_SECONDS) as response:  # noqa: S310 - checked above
                return response.read()
        except (OSError, HTTPException) as error:
            if isinstance(error, HTTPError) and error.code < 500:
                raise PackageError(f"{url} answers {error.code} {error.reason}. Check PIP_INDEX_URL.") from error
            if attempt == _ATTEMPTS:
                raise PackageError(f"{url} cannot be read ({error}). Check the network and PIP_INDEX_URL.") from error
            time.sleep(attempt)
    raise AssertionError
