from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from hearth.rehearsal import build
from hearth.rehearsal.build import TOOLS, Module, Tool, ensure, module_folder, pinned_module
from hearth.rehearsal.errors import ToolchainError

MODULE = "example.com/files"


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache of Hearth's own; Go keeps its caches."""
    if go_cache := _go_env("GOCACHE"):
        monkeypatch.setenv("GOCACHE", go_cache)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "hearth"


def _go_env(name: str) -> str:
    try:
        return subprocess.run(["go", "env", name], capture_output=True, text=True, check=True).stdout.strip()
    except FileNotFoundError:
        return ""


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A Go module proxy that has one module of one version."""
    versions = tmp_path / "proxy" / MODULE / "@v"
    versions.mkdir(parents=True)
    (versions / "list").write_text("v1.0.0\n")
    (versions / "v1.0.0.info").write_text(json.dumps({"Version": "v1.0.0"}))
    (versions / "v1.0.0.mod").write_text(f"module {MODULE}\n")
    with zipfile.ZipFile(versions / "v1.0.0.zip", "w") as archive:
        archive.writestr(f"{MODULE}@v1.0.0/go.mod", f"module {MODULE}\n")
        archive.writestr(f"{MODULE}@v1.0.0/crds/one.yaml", "kind: One\n")
    monkeypatch.setenv("GOPROXY", f"file://{tmp_path / 'proxy'}")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("GOFLAGS", "-modcacherw")
    return versions


def ignore(line: str) -> None:
    pass


def tool(folder: Path, source: str = "package main\n\nvar version string\n\nfunc main() { print(version) }\n") -> Tool:
    """A program of three lines, in `folder`."""
    folder.mkdir()
    (folder / "go.mod").write_text("module example.com/tiny\n\ngo 1.21\n\nexclude (\n\texample.com/pin v1.2.3\n)\n")
    (folder / "main.go").write_text(source)
    return Tool("tiny", str(folder), "example.com/pin", ".", 1, ("main.version={v}+{major}+{minor}",))


def test_versions_come_from_go_mod() -> None:
    required = (build.TOOLCHAIN / "kubernetes" / "go.mod").read_text()
    assert f"k8s.io/kubernetes {TOOLS['kube-apiserver'].version}" in required


def test_every_tool_is_pinned() -> None:
    assert all(tool.version.startswith("v") for tool in TOOLS.values())


def test_modules_are_pinned_with_their_hash() -> None:
    assert pinned_module("kwok", "sigs.k8s.io/kwok").sum.startswith("h1:")


def test_a_module_that_is_not_pinned_is_an_error() -> None:
    with pytest.raises(ToolchainError, match=r"does not require example\.com/nosuch"):
        pinned_module("kwok", "example.com/nosuch")


def test_what_is_in_the_cache_needs_no_go(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = cache / "bin" / f"etcd-{TOOLS['etcd'].version}" / "etcd"
    binary.parent.mkdir(parents=True)
    binary.touch()
    monkeypatch.setenv("PATH", "")
    assert ensure(["etcd"], ignore) == {"etcd": binary}


@pytest.mark.cluster
def test_a_program_is_built_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOOLS, "tiny", tool(tmp_path / "tiny"))
    built = ensure(["tiny"], ignore)["tiny"]
    assert subprocess.run([built], capture_output=True, text=True, check=True).stderr == "v1.2.3+1+2"


@pytest.mark.cluster
def test_a_build_announces_itself_with_an_estimate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOOLS, "tiny", tool(tmp_path / "tiny"))
    lines: list[str] = []
    ensure(["tiny"], lines.append)
    assert lines == ["building tiny v1.2.3 ... about a minute the first time"]


@pytest.mark.cluster
def test_a_build_that_fails_shows_what_go_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOOLS, "tiny", tool(tmp_path / "tiny", "package main\n\nfunc main() { nosuch() }\n"))
    with pytest.raises(ToolchainError, match=r"tiny v1\.2\.3 cannot be built(.|\n)*undefined: nosuch"):
        ensure(["tiny"], ignore)


@pytest.mark.cluster
def test_a_failed_build_leaves_nothing_in_the_cache(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TOOLS, "tiny", tool(tmp_path / "tiny", "package main\n"))
    with pytest.raises(ToolchainError):
        ensure(["tiny"], ignore)
    assert [path.name for path in (cache / "bin").iterdir()] == ["tiny-v1.2.3.lock"]


@pytest.fixture
def module(proxy: Path) -> Module:
    """The proxy's module with its true hash."""
    query = ["go", "mod", "download", "-json", f"{MODULE}@v1.0.0"]
    answer = subprocess.run(query, cwd=proxy, capture_output=True, text=True, env={**os.environ, "GOSUMDB": "off"})
    return Module(MODULE, "v1.0.0", json.loads(answer.stdout)["Sum"])


@pytest.mark.cluster
def test_files_are_copied_out_of_a_module(module: Module) -> None:
    assert (module_folder(module, "crds", ignore) / "one.yaml").read_text() == "kind: One\n"


@pytest.mark.cluster
def test_files_of_a_module_are_fetched_once(module: Module, proxy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module_folder(module, "crds", ignore)
    monkeypatch.setenv("GOPROXY", "off")
    monkeypatch.setenv("PATH", "")
    assert (module_folder(module, "crds", ignore) / "one.yaml").exists()


@pytest.mark.cluster
def test_a_module_with_another_content_is_refused(proxy: Path) -> None:
    with pytest.raises(ToolchainError, match="instead of h1:other"):
        module_folder(Module(MODULE, "v1.0.0", "h1:other"), "crds", ignore)


@pytest.mark.cluster
def test_a_module_that_the_proxy_lacks_is_an_error(proxy: Path) -> None:
    with pytest.raises(ToolchainError, match=r"example\.com/files v2\.0\.0 cannot be fetched"):
        module_folder(Module(MODULE, "v2.0.0", "h1:any"), "crds", ignore)


@pytest.mark.cluster
def test_a_folder_that_the_module_lacks_is_an_error(module: Module) -> None:
    with pytest.raises(ToolchainError, match="has no folder nosuch"):
        module_folder(module, "nosuch", ignore)
