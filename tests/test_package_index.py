"""Sources from the package index, against a local one."""

from __future__ import annotations

import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from hearth.engines.extraction.__main__ import main
from hearth.package_index import PackageError, choose, releases, sources

pytestmark = pytest.mark.programs

PAGE = """<a href="../a/vllm-0.9.0.tar.gz#sha256=1">x</a> <a href="b/vllm-0.10.0-cp38-abi3-linux.whl">x</a>
<a href="b/vllm-0.9.0-cp38-abi3-linux.whl">x</a> <a href="c/vllm-0.11.0rc1.tar.gz">x</a> <a name="n">x</a>
<a href="c/vllm_extras-0.1.0.tar.gz">x</a> <a href="c/vllm-0.9.0.post1.tar.gz">x</a>"""


def test_releases_that_a_page_lists() -> None:
    assert choose("vllm", "https://index.example/simple/vllm/", PAGE) == {
        "0.9.0": "https://index.example/simple/a/vllm-0.9.0.tar.gz#sha256=1",
        "0.9.0.post1": "https://index.example/simple/vllm/c/vllm-0.9.0.post1.tar.gz",
        "0.10.0": "https://index.example/simple/vllm/b/vllm-0.10.0-cp38-abi3-linux.whl",
    }


def test_files_of_a_package_are_named_with_underscores() -> None:
    page = '<a href="a/open_webui-0.12.4.tar.gz">x</a> <a href="a/open_webui_extras-0.1.tar.gz">x</a>'
    assert list(choose("open-webui", "https://index.example/simple/open-webui/", page)) == ["0.12.4"]


def test_a_page_without_releases_is_an_error() -> None:
    with pytest.raises(PackageError, match="no release of vllm"):
        choose("vllm", "https://index.example/simple/vllm/", "<html></html>")


def sdist() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in {"demo-1.0/demo/a.py": b"A = 1", "demo-1.0/demo/b.cu": b"", "demo-1.0/setup.py": b""}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return content.getvalue()


def wheel() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("demo/a.py", "A = 1")
    return content.getvalue()


class Index(http.server.ThreadingHTTPServer):
    """Serves files by path; a path in `faults` answers 503 that many times first, one in `cut` half of its content."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, int] = {}
        self.cut: set[str] = set()
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        index = cast(Index, self.server)
        index.asked.append(self.path)
        content = index.files.get(self.path)
        if index.faults.get(self.path, 0):
            index.faults[self.path] -= 1
            self.send_error(503)
        elif content is None:
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if self.path in index.cut else content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    server = Index()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PIP_INDEX_URL", server.address)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("name", "content"), [("demo-1.0.tar.gz", sdist()), ("demo-1.0-py3-none-any.whl", wheel())])
def test_wanted_files_of_an_archive(index: Index, name: str, content: bytes) -> None:
    index.files[f"/{name}"] = content
    assert sources("demo", "1.0", f"{index.address}/{name}", ["demo/*.py"]) == {"demo/a.py": "A = 1"}


def test_an_archive_is_fetched_once(index: Index) -> None:
    index.files["/demo-1.0.tar.gz"] = sdist()
    for _ in range(2):
        sources("demo", "1.0", f"{index.address}/demo-1.0.tar.gz", ["demo/*.py"])
    assert index.asked == ["/demo-1.0.tar.gz"]


def test_a_right_hash_is_accepted(index: Index) -> None:
    index.files["/demo-1.0.tar.gz"] = content = sdist()
    address = f"{index.address}/demo-1.0.tar.gz#sha256={hashlib.sha256(content).hexdigest()}"
    assert sources("demo", "1.0", address, ["*"])


def test_a_wrong_hash_is_an_error(index: Index) -> None:
    index.files["/demo-1.0.tar.gz"] = sdist()
    with pytest.raises(PackageError, match="has the hash"):
        sources("demo", "1.0", f"{index.address}/demo-1.0.tar.gz#sha256=00", ["*"])


def test_an_archive_that_is_none_is_an_error(index: Index) -> None:
    index.files["/demo-1.0.tar.gz"] = b"<html>"
    with pytest.raises(PackageError, match="Remove it and try again"):
        sources("demo", "1.0", f"{index.address}/demo-1.0.tar.gz", ["*"])


def test_a_server_with_a_passing_fault_is_asked_again(index: Index) -> None:
    index.files["/demo/"] = b'<a href="demo-1.0.tar.gz">'
    index.faults["/demo/"] = 2
    assert list(releases("demo")) == ["1.0"]


def test_a_download_that_breaks_off_is_an_error(index: Index) -> None:
    index.files["/demo-1.0.tar.gz"] = sdist()
    index.cut.add("/demo-1.0.tar.gz")
    with pytest.raises(PackageError, match="cannot be read"):
        sources("demo", "1.0", f"{index.address}/demo-1.0.tar.gz", ["*"])


def test_an_unknown_package_is_asked_for_once(index: Index) -> None:
    with pytest.raises(PackageError, match="404"):
        releases("demo")
    assert index.asked == ["/demo/"]


def test_an_index_that_is_no_http_address_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "file:///simple")
    with pytest.raises(PackageError, match="PIP_INDEX_URL"):
        releases("demo")


def test_a_version_that_is_not_published_is_an_error(
    index: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    index.files["/vllm/"] = PAGE.encode()
    monkeypatch.setattr("sys.argv", ["extraction", "vllm", "--version", "0.99.0"])
    assert (main(), capsys.readouterr().err) == (1, "vllm 0.99.0 is not published; the newest is 0.10.0.\n")
