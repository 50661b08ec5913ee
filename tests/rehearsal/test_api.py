from __future__ import annotations

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hearth.rehearsal.api import Api, Object, Watch
from hearth.rehearsal.cluster import Cluster
from hearth.rehearsal.credentials import create, write_kubeconfig
from hearth.rehearsal.errors import ApiError, ClusterError, UnknownKindError

MAPS = "/api/v1/namespaces/default/configmaps"


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


@pytest.fixture
def name(api: Api) -> Iterator[str]:
    """A name for a ConfigMap, which is gone after the test."""
    unique = f"test-{uuid.uuid4().hex[:8]}"
    yield unique
    if api.find(f"{MAPS}/{unique}"):
        api.delete(f"{MAPS}/{unique}")


@pytest.fixture
def silent(tmp_path: Path) -> Api:
    """The client of a server that does not run."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return client(tmp_path, f"https://127.0.0.1:{port}")


def client(directory: Path, server: str) -> Api:
    write_kubeconfig(directory / "kubeconfig", create(directory), "admin", server, "test")
    return Api(directory / "kubeconfig")


def test_server_that_does_not_answer(silent: Api) -> None:
    with pytest.raises(ApiError, match="the cluster does not answer"):
        silent.get("/api/v1/namespaces")


def test_server_that_does_not_answer_is_not_ready(silent: Api) -> None:
    assert not silent.is_ready()


def test_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=f"{tmp_path}/kubeconfig cannot be used"):
        Api(tmp_path / "kubeconfig")


@pytest.mark.cluster
def test_unknown_context_is_named(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match="nosuch"):
        Api(cluster.kubeconfig, "nosuch")


@pytest.mark.cluster
@pytest.mark.parametrize("version", ["v1", "example.com/v1"])
def test_unknown_kind_is_named(api: Api, version: str) -> None:
    with pytest.raises(UnknownKindError, match=f'no matches for kind "Thing" in version "{version}"'):
        api.kind(version, "Thing")


@pytest.mark.cluster
def test_path_of_a_namespaced_object(api: Api) -> None:
    assert api.kind("apps/v1", "Deployment").path("ns", "web") == "/apis/apps/v1/namespaces/ns/deployments/web"


@pytest.mark.cluster
def test_path_of_a_cluster_wide_object_has_no_namespace(api: Api) -> None:
    assert api.kind("v1", "Node").path("ns", "cpu-01") == "/api/v1/nodes/cpu-01"


@pytest.mark.cluster
def test_missing_object_is_not_found(api: Api) -> None:
    assert api.find(f"{MAPS}/nosuch") is None


@pytest.mark.cluster
def test_dry_run_changes_nothing(api: Api, name: str) -> None:
    shown = api.apply(f"{MAPS}/{name}", config_map(name, a="1"), manager="test", dry_run=True)
    assert (shown["data"], api.find(f"{MAPS}/{name}")) == ({"a": "1"}, None)


@pytest.mark.cluster
def test_field_of_another_manager_is_a_conflict(api: Api, name: str) -> None:
    api.apply(f"{MAPS}/{name}", config_map(name, a="1"), manager="one")
    with pytest.raises(ApiError) as caught:
        api.apply(f"{MAPS}/{name}", config_map(name, a="2"), manager="two")
    assert caught.value.conflict


@pytest.mark.cluster
def test_forced_apply_takes_fields_over(api: Api, name: str) -> None:
    api.apply(f"{MAPS}/{name}", config_map(name, a="1"), manager="one")
    assert api.apply(f"{MAPS}/{name}", config_map(name, a="2"), manager="two", force=True)["data"] == {"a": "2"}


def watch(api: Api, seconds: int) -> Watch:
    return api.watch(MAPS, api.get(MAPS)["metadata"]["resourceVersion"], seconds)


@pytest.mark.cluster
def test_watch_gives_every_change_and_ends_in_time(api: Api, name: str) -> None:
    changes = watch(api, seconds=1)
    api.create(MAPS, config_map(name))
    api.patch(f"{MAPS}/{name}", {"data": {"a": "1"}})
    api.delete(f"{MAPS}/{name}")
    assert [event for event, obj in changes if obj["metadata"]["name"] == name] == ["ADDED", "MODIFIED", "DELETED"]


@pytest.mark.cluster
def test_watch_ends_when_it_is_stopped(api: Api) -> None:
    changes = watch(api, seconds=60)

    def follow() -> None:
        with suppress(ApiError):  # the connection breaks off, which may or may not show
            list(changes)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    changes.stop()
    thread.join(10)
    assert not thread.is_alive()


class Forgetful(BaseHTTPRequestHandler):
    """Tells every watch that its version is too old, as the API server does once etcd has dropped it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version: 1 (9)"}
        self.wfile.write(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")


@pytest.mark.programs
def test_watch_from_a_forgotten_version_is_gone(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Forgetful) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(ApiError, match="too old resource version") as caught:
            list(client(tmp_path, f"http://127.0.0.1:{server.server_port}").watch(MAPS, "1", seconds=1))
        server.shutdown()
    assert caught.value.gone
