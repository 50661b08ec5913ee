"""A server on a loopback port that answers as the Hugging Face hub does, with the faults that a test asks for."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.http_server import Handler, HttpServer

_API = re.compile(r"/api/models/(?P<source>[^/]+/[^/]+)/revision/(?P<revision>[^/]+)")
_FILE = re.compile(r"/(?P<source>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
_CDN = "/cdn/"
_CHUNK = 16 * 1024


@dataclass(frozen=True)
class Request:
    """One request that the hub received."""

    method: str
    path: str
    authorization: str | None
    range: str | None


@dataclass
class Faults:
    """What goes wrong; a test may change it while the hub runs."""

    gated_token: str | None = None
    """The only token that may read the model."""
    cut_after: int | None = None
    """Bytes of a weights file after which the connection is cut,"""
    cuts: int = 0
    """as many times as this."""
    announced_extra: int = 0
    """Bytes by which the model's information overstates each weights file."""
    seconds_per_chunk: float = 0.0
    """Pause before each 16 KiB of a weights file."""
    unavailable: int = 0
    """Requests for the model's information that are answered with 503."""
    small_files: bool = False
    """Cuts and pauses are of the other files as well, and those are elsewhere, too."""
    gated_files_only: bool = False
    """The model's information is public although it is gated, as the real hub's is."""
    sizes: bool = True
    """The model's information has the files' sizes."""


@dataclass
class Hub(HttpServer):
    """A model at a revision. Weights (*.safetensors) are at another host name, as the real hub's large files are."""

    files: Mapping[str, bytes]
    source: str = "example/model"
    revision: str = "main"
    faults: Faults = field(default_factory=Faults)
    requests: list[Request] = field(default_factory=list[Request])
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    """Guards the counts of faults."""

    @property
    def commit(self) -> str:
        """Changes with the content, as a commit does."""
        digest = hashlib.sha1(usedforsecurity=False)
        for name, content in self.files.items():
            digest.update(name.encode() + content)
        return digest.hexdigest()

    @property
    def cdn(self) -> str:
        """Where large files are."""
        return self.url.replace("127.0.0.1", "localhost")

    def handler(self) -> type[Handler]:
        class OfThis(_Handler):
            hub = self

        return OfThis


class _Handler(Handler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:  # noqa: N802 - the base class calls it so
        self._answer()

    def do_GET(self) -> None:  # noqa: N802 - the base class calls it so
        self._answer()

    def _answer(self) -> None:
        hub = self.hub
        hub.requests.append(
            Request(self.command, self.path, self.headers.get("Authorization"), self.headers.get("Range"))
        )
        path = urlsplit(self.path).path
        if path.startswith(_CDN):
            self._send_content(hub.files[path.removeprefix(_CDN)], may_break=True)
        elif match := _API.fullmatch(path):
            if self._may_read(match):
                self._send_information()
        elif match := _FILE.fullmatch(path):
            if self._may_read(match):
                self._send_file(match["file"])
        else:
            self._send_error(404, "EntryNotFound")

    def _may_read(self, match: re.Match[str]) -> bool:
        hub = self.hub
        if match["source"] != hub.source:
            self._send_error(401 if "Authorization" not in self.headers else 404, "RepoNotFound")
        elif hub.faults.gated_files_only and "file" not in match.groupdict():
            return True
        elif hub.faults.gated_token and self.headers.get("Authorization") != f"Bearer {hub.faults.gated_token}":
            self._send_error(401 if "Authorization" not in self.headers else 403, "GatedRepo")
        elif match["revision"] not in (hub.revision, hub.commit):
            self._send_error(404, "RevisionNotFound")
        else:
            return True
        return False

    def _send_information(self) -> None:
        hub = self.hub
        if hub.faults.unavailable:
            hub.faults.unavailable -= 1
            self._send_error(503, "")
            return
        siblings = [
            {"rfilename": name}
            | ({"size": len(content) + hub.faults.announced_extra * _is_large(name)} if hub.faults.sizes else {})
            for name, content in hub.files.items()
        ]
        self._send(200, json.dumps({"id": hub.source, "sha": hub.commit, "siblings": siblings}).encode(), {})

    def _send_file(self, name: str) -> None:
        hub = self.hub
        content = hub.files.get(name)
        if content is None:
            self._send_error(404, "EntryNotFound")
            return
        headers = {"X-Repo-Commit": hub.commit, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
        if _is_large(name) or hub.faults.small_files:
            linked = {"X-Linked-ETag": headers["ETag"], "X-Linked-Size": str(len(content))}
            self._send(302, b"", {**headers, **linked, "Location": f"{hub.cdn}{_CDN}{name}"})
        else:
            self._send_content(content, headers)

    def _send_content(
        self, content: bytes, headers: Mapping[str, str] | None = None, *, may_break: bool = False
    ) -> None:
        """The content from where the Range header says, slow or cut off where the test asks for it."""
        first = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(first[1]) if first else 0
        faults = self.hub.faults
        self.send_response(206 if first else 200)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if first:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        end = len(content)
        with self.hub.lock:
            if may_break and faults.cuts and faults.cut_after is not None:
                faults.cuts -= 1
                end = start + faults.cut_after
                self.close_connection = True
        for at in range(start, min(end, len(content)), _CHUNK):
            if may_break:
                time.sleep(faults.seconds_per_chunk)
            try:
                self.wfile.write(content[at : min(at + _CHUNK, end)])
            except OSError:  # the client has ended
                self.close_connection = True
                return

    def _send_error(self, status: int, code: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _is_large(name: str) -> bool:
    return name.endswith(".safetensors")
