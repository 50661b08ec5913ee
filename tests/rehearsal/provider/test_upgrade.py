"""An upgrade under the real engine: the old servers are gone before the new version migrates."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pulumi
import pytest

from components.runtimes.kubernetes import KubernetesRuntime
from hearth.rehearsal.api import Api
from hearth.workload import Container, Drain, Port, Resources, Security, Workload
from tests.rehearsal.provider.deployment import Deploy

pytestmark = pytest.mark.cluster

OLD, NEW = "example.com/web:1", "example.com/web:2"


def workload(kind: str, image: str) -> Workload:
    container = Container("main", image, Resources(cpus=0.1, memory_gib=0.1, scratch_gib=0.1))
    security = Security(user=1000, group=0)
    if kind == "job":
        return Workload("web-migration", "job", "web-ui", container, security)
    drain = Drain(endpoint_seconds=0, engine_seconds=1, grace_seconds=2)
    return Workload(
        "web", "deployment", "web-ui", container, security, replicas=2, ports=(Port("http", 80),), drain=drain
    )


@dataclass
class Program:
    """A migration and the servers that come after it."""

    namespace: str
    server: Workload = field(default_factory=lambda: workload("deployment", OLD))
    migration: Workload = field(default_factory=lambda: workload("job", OLD))

    def __call__(self) -> None:
        runtime = KubernetesRuntime(self.namespace, {"app.kubernetes.io/instance": "test"})
        parent = pulumi.ComponentResource("test:index:Web", "web")
        migrated = runtime.run("web-migration", self.migration, parent=parent, secrets={}).resource
        runtime.run("web", self.server, parent=parent, secrets={}, depends_on=[migrated], replace_with=[migrated])


@contextmanager
def watching(api: Api, namespace: str) -> Iterator[list[tuple[frozenset[str], frozenset[str]]]]:
    """Images of the migrations and of the servers that are there, at every moment that differs from the last."""
    seen: list[tuple[frozenset[str], frozenset[str]]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            pods = api.items(f"/api/v1/namespaces/{namespace}/pods")
            found: dict[str, set[str]] = {"web": set(), "web-migration": set()}
            for pod in pods:
                if pod.get("status", {}).get("phase") in ("Pending", "Running"):
                    name = pod["metadata"]["labels"]["app.kubernetes.io/name"]
                    found[name].add(pod["spec"]["containers"][0]["image"])
            moment = (frozenset(found["web-migration"]), frozenset(found["web"]))
            if not seen or seen[-1] != moment:
                seen.append(moment)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def test_no_old_server_runs_while_another_version_migrates(deploy: Deploy, namespace: str, api: Api) -> None:
    program = Program(namespace)
    engine = deploy(program).engine
    assert engine.up().succeeded
    program.server, program.migration = workload("deployment", NEW), workload("job", NEW)
    with watching(api, namespace) as seen:
        assert engine.up().succeeded
    assert not [moment for moment in seen if moment[0] and moment[1]]
    assert {image for _, servers in seen for image in servers} == {OLD, NEW}


def test_servers_of_the_same_version_roll(deploy: Deploy, namespace: str, api: Api) -> None:
    program = Program(namespace)
    engine = deploy(program).engine
    engine.up()
    deployment = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    before = api.get(deployment)["metadata"]["uid"]
    container = replace(program.server.container, env={"WEBUI_NAME": "Office"})
    program.server = replace(program.server, container=container)
    assert engine.up().changes.get("update") == 1
    assert api.get(deployment)["metadata"]["uid"] == before
