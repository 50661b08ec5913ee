"""The client of the Kubernetes API: requests and watches on raw JSON objects, for any kind that the server serves."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from hearth.rehearsal.errors import ApiError, ClusterError, UnknownKindError

Object = dict[str, Any]
"""A Kubernetes object as JSON."""

_STRICT = {"fieldValidation": "Strict"}  # unknown fields are refused
_CONNECTIONS = 128  # watches keep theirs; the rest serves requests in parallel
_CONNECT_SECONDS = 10.0
_REQUEST_SECONDS = 60.0
_READY_SECONDS = 2.0
_WATCH_GRACE_SECONDS = 30.0


def mapping(obj: Mapping[str, Any], *names: str) -> Object:
    """The mapping at a path in `obj`; empty where a part of the path is absent or null."""
    for name in names:
        obj = obj.get(name) or {}
    return dict(obj)


def rows(obj: Mapping[str, Any], *names: str) -> list[Any]:
    """The list at a path in `obj`; empty where a part of the path is absent or null."""
    return list(mapping(obj, *names[:-1]).get(names[-1]) or [])


@dataclass(frozen=True)
class Kind:
    """A kind as the API server serves it."""

    api_version: str
    name: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Path of the collection, or of an object in it; without a namespace that of all namespaces."""
        scope = f"/namespaces/{quote(namespace)}" if self.namespaced and namespace else ""
        tail = "" if name is None else f"/{quote(name, safe='')}"
        return f"{_root(self.api_version)}{scope}/{self.plural}{tail}"


class Watch:
    """Changes of a collection as (ADDED | MODIFIED | DELETED, object), until the server ends the watch.

    Iterating raises ApiError: `gone` when the version is too old, status 0 when the connection breaks.
    """

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response

    def __iter__(self) -> Iterator[tuple[str, Object]]:
        pending = b""
        try:
            with _answering():
                for chunk in self._response.stream():
                    *lines, pending = (pending + chunk).split(b"\n")
                    for event in map(json.loads, lines):
                        if event["type"] == "ERROR":
                            raise _error(event["object"].get("code", 500), event["object"])
                        yield event["type"], event["object"]
        finally:
            self._response.close()

    def stop(self) -> None:
        """End the watch, also while another thread waits for its next change."""
        with suppress(OSError, ValueError, RuntimeError):  # it has ended by itself
            self._response.shutdown()


class Api:
    """The API server that a kubeconfig's context points to. Safe for use by several threads.

    Every request raises ApiError when the server refuses it or does not answer.
    """

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        """`context`: the kubeconfig's current one by default. Raises ClusterError when it cannot be used."""
        from kubernetes import client, config

        loader: Any = config  # the official client is only partly typed
        configuration: Any = client.Configuration()
        try:
            loader.load_kube_config(str(kubeconfig), context, configuration, persist_config=False)
        except config.ConfigException as error:
            raise ClusterError(f"{kubeconfig} cannot be used: {error}") from None
        configuration.proxy = None  # the server is on this machine
        configuration.connection_pool_maxsize = _CONNECTIONS
        official: Any = client.ApiClient(configuration)
        self._server: str = configuration.host
        self._connections: urllib3.PoolManager = official.rest_client.pool_manager
        self._headers = {"Accept": "application/json"}
        official.update_params_for_auth(self._headers, [], ["BearerToken"], "", "", None)
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._discovering = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        self._connections.clear()

    def is_ready(self) -> bool:
        """Whether the API server answers and all its checks pass."""
        try:
            self._request("GET", "/readyz", seconds=_READY_SECONDS, retries=False)
        except ApiError:
            return False
        return True

    def kind(self, api_version: str, name: str) -> Kind:
        """Raises UnknownKindError when the API server does not serve it, also after asking again."""
        key = (api_version, name)
        with self._discovering:
            if key not in self._kinds:
                resources = rows(self.find(_root(api_version)) or {}, "resources")
                served = (Kind(api_version, row["kind"], row["name"], row["namespaced"]) for row in resources)
                self._kinds |= {(api_version, kind.name): kind for kind in served if "/" not in kind.plural}
        if key not in self._kinds:
            raise UnknownKindError(api_version, name)
        return self._kinds[key]

    def collection(self, obj: Mapping[str, Any]) -> str:
        """Path of the collection that `obj` belongs to, by its apiVersion, kind and namespace."""
        return self.kind(obj["apiVersion"], obj["kind"]).path(obj["metadata"].get("namespace", "default"))

    def get(self, path: str) -> Object:
        """The object at `path`, such as /api/v1/namespaces/default."""
        return self._call("GET", path)

    def find(self, path: str) -> Object | None:
        """The object at `path`, None where there is none."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.not_found:
                return None
            raise

    def items(self, path: str) -> list[Object]:
        """The objects of the collection at `path`."""
        return self.get(path)["items"]

    def create(self, path: str, body: Mapping[str, Any]) -> Object:
        """Add an object to the collection at `path`; unknown fields are refused."""
        return self._call("POST", path, _STRICT, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Object:
        """Merge `body` into the object at `path` (JSON merge patch)."""
        return self._call("PATCH", path, {}, body, "application/merge-patch+json")

    def apply(
        self, path: str, body: Mapping[str, Any], *, manager: str, force: bool = False, dry_run: bool = False
    ) -> Object:
        """Server-side apply; creates the object where it is missing, unknown fields are refused."""
        query = {**_STRICT, "fieldManager": manager, "force": str(force).lower()}
        if dry_run:
            query["dryRun"] = "All"
        return self._call("PATCH", path, query, body, "application/apply-patch+yaml")

    def delete(self, path: str, propagation: str | None = None) -> Object:
        """Delete the object at `path`; what remains: the object while it is being deleted, else a Status."""
        return self._call("DELETE", path, {}, {"propagationPolicy": propagation} if propagation else None)

    def watch(self, path: str, resource_version: str, seconds: int) -> Watch:
        """Changes of the collection at `path` after `resource_version`; the server ends the watch after `seconds`."""
        query = {"watch": "1", "resourceVersion": resource_version, "timeoutSeconds": str(seconds)}
        return Watch(self._request("GET", path, query, seconds=seconds + _WATCH_GRACE_SECONDS, preload_content=False))

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        return json.loads(self._request(method, path, query, body, content_type).data)

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        seconds: float = _REQUEST_SECONDS,
        **transfer: Any,
    ) -> urllib3.BaseHTTPResponse:
        with _answering():
            response = self._connections.request(
                method,
                f"{self._server}{path}?{urlencode(query or {})}",
                body=None if body is None else json.dumps(body),
                headers={**self._headers, "Content-Type": content_type},
                timeout=urllib3.Timeout(connect=min(_CONNECT_SECONDS, seconds), read=seconds),
                **transfer,
            )
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise _error(response.status, _status(response.data))
        return response


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


@contextmanager
def _answering() -> Generator[None]:
    """Reports a connection that fails, or breaks off in the middle, as an ApiError."""
    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise ApiError(0, "", f"the cluster does not answer: {error}") from None


def _status(data: bytes) -> Object:
    try:
        return dict(json.loads(data))
    except (ValueError, TypeError):
        return {"message": data.decode(errors="replace").strip()}


def _error(code: int, status: Object) -> ApiError:
    return ApiError(code, status.get("reason", ""), status.get("message") or f"HTTP status {code}")
