"""Wrong settings of target docker: one problem each, that names the key, the reason and the remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from hearth.problems import render
from hearth.settings.loading import LoadedStack
from tests.settings.stack_files import Wrong

Load = Callable[..., LoadedStack]

BASE = """
config:
  hearth:target: docker
  hearth:gpuNodePools:
    - {name: local, gpu: RTX4090-24GB, gpusPerNode: 2}
  hearth:models:
    - {name: qwen3-8b, source: Qwen/Qwen3-8B, engine: vllm, pool: local, contextLength: 8192}
  hearth:ollama: {models: ["llama3.2:1b"]}
  hearth:webUi:
    admin: {email: admin@example.org}
"""

CASES: Mapping[str, Wrong] = {
    "a cluster": Wrong("cluster: {context: prod}", "hearth:cluster", "is for clusters", "hearth:docker"),
    "add-ons": Wrong("addOns: {metallb: present}", "hearth:addOns", "parts of a cluster", "remove it"),
    "a load balancer": Wrong(
        "loadBalancer: {addressPool: [10.0.0.0/28]}", "hearth:loadBalancer", "publishes ports", "hearth:docker.publish"
    ),
    "a quota": Wrong("quota: {cpus: 8}", "hearth:quota", "limits the namespace of a cluster", "remove it"),
    "backups": Wrong("backup: {to: {volume: {}}}", "hearth:backup", "needs a scheduler", "docs/docker.md"),
    "a storage class": Wrong(
        "storage: {storageClass: fast}", "hearth:storage.storageClass", "is a class of a cluster", "hostPath"
    ),
    "a class of databases": Wrong(
        "storage: {databaseStorageClass: fast}",
        "hearth:storage.databaseStorageClass",
        "is a class of a cluster",
        "remove",
    ),
    "a class of the database": Wrong(
        "webUi.database: {storageClass: fast}",
        "hearth:webUi.database.storageClass",
        "is a class of a cluster",
        "remove",
    ),
    "NFS and a folder": Wrong(
        "storage: {nfs: {server: nfs.lan, share: /export}, hostPath: /srv/hearth}",
        "hearth:storage.hostPath",
        "has nfs already",
        "remove either",
    ),
    "a relative folder": Wrong(
        "storage: {hostPath: srv}", "hearth:storage.hostPath", "an absolute path", "/srv/hearth"
    ),
    "SQLite on NFS": Wrong(
        "{storage: {nfs: {server: nfs.lan, share: /export}}, webUi.database: {engine: sqlite}}",
        "hearth:webUi.database.engine",
        "locks do not hold",
        "engine: postgres",
    ),
    "several web UIs": Wrong(
        "{webUi.replicas: 2, webUi.redis: {}}", "hearth:webUi.replicas", "over no replicas", "webUi.workers"
    ),
    "several servers of a model": Wrong(
        "models[0].replicas: 2", "hearth:models[0].replicas", "over no replicas", "dataParallel"
    ),
    "several hosts": Wrong("cpuNodes: {count: 3}", "hearth:cpuNodes.count", "the one host", "remove it"),
    "Sentinels": Wrong(
        "webUi.redis: {mode: sentinel}", "hearth:webUi.redis.mode", "needs several machines", "mode: single"
    ),
    "an operator's Postgres": Wrong(
        "webUi.database: {engine: cloudnativePg}",
        "hearth:webUi.database.engine",
        "needs several machines",
        "engine: postgres",
    ),
    "a gateway": Wrong(
        "webUi.exposure: {type: gateway, className: envoy}", "hearth:webUi.exposure", "publishes a port", "publish"
    ),
    "nothing exposed, at an address": Wrong(
        "webUi.exposure: {type: none, address: 10.0.0.1}", "hearth:webUi.exposure", "publishes a port", "publish"
    ),
    "two pools": Wrong(
        "gpuNodePools[1]: {name: other, gpu: L4-24GB, gpusPerNode: 1}".replace("gpuNodePools[1]", "more"),
        "hearth:gpuNodePools[1].name",
        "one pool already",
        "in one pool",
    ),
    "named nodes": Wrong(
        "gpuNodePools[0].nodes: [gpu-01]", "hearth:gpuNodePools[0].nodes", "is the host of the engine", "remove it"
    ),
    "selected nodes": Wrong(
        "gpuNodePools[0].nodeCount: 1", "hearth:gpuNodePools[0].nodeCount", "is the host of the engine", "remove it"
    ),
    "a GPU twice": Wrong(
        "gpuNodePools[0].gpuIds: [1, 1]", "hearth:gpuNodePools[0].gpuIds[1]", "has this name already", "remove one"
    ),
    "too few GPU ids": Wrong(
        "gpuNodePools[0].gpuIds: [1]", "hearth:gpuNodePools[0].gpuIds", "gpusPerNode is 2", "gpusPerNode: 1"
    ),
    "a port of nobody": Wrong(
        "docker: {publish: {qwen3: 8000}}", "hearth:docker.publish.qwen3", "is no server of this stack", "qwen3-8b"
    ),
    "a job's port": Wrong(
        "docker: {publish: {ollama-pull: 8000}}", "hearth:docker.publish.ollama-pull", "is no server", "write ollama"
    ),
    "a port twice": Wrong(
        "docker: {publish: {qwen3-8b: 8000, ollama: 8000}}",
        "hearth:docker.publish.ollama",
        "qwen3-8b has this port already",
        "choose another",
    ),
    "the web UI's own port": Wrong(
        "docker: {publish: {ollama: 3000}}",
        "hearth:docker.publish.ollama",
        "web-ui has this port already",
        "choose another",
    ),
    "no port": Wrong(
        "docker: {publish: {web-ui: 70000}}", "hearth:docker.publish.web-ui", "is not a whole number", "for example"
    ),
    "a name for an address": Wrong(
        "docker: {address: localhost}", "hearth:docker.address", "is not an IP address", "127.0.0.1"
    ),
    "an engine without scheme": Wrong(
        "docker: {host: /var/run/docker.sock}", "hearth:docker.host", "is not the address of a Docker", "unix:///"
    ),
    "another ipc": Wrong("docker: {ipc: shared}", "hearth:docker.ipc", "is not one of private, host", "choose"),
    "a package without version": Wrong(
        "engines: {vllm: {build: {pipPackages: [pillow]}}}",
        "hearth:engines.vllm.build.pipPackages[0]",
        "is not a Python package with its version",
        "pillow==12.3.0",
    ),
    "a command for a package": Wrong(
        "engines: {vllm: {build: {aptPackages: ['curl; reboot']}}}",
        "hearth:engines.vllm.build.aptPackages[0]",
        "is not a package of Debian",
        "ffmpeg",
    ),
}


def load_docker(load_text: Load, changes: Mapping[str, Any]) -> LoadedStack:
    """The stack above with some values changed, by dotted keys."""
    tree: dict[str, Any] = yaml.safe_load(BASE)
    for key, value in changes.items():
        if key == "more":
            tree["config"]["hearth:gpuNodePools"].append(value)
            continue
        *above, last = f"hearth:{key}".replace("[0]", ".0").split(".")
        place: Any = tree["config"]
        for part in above:
            place = place[0] if part == "0" else place.setdefault(part, {})
        place[last] = value
    return load_text(yaml.safe_dump(tree, sort_keys=False))


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_wrong_docker_stack_is_one_problem(case: Wrong, load_text: Load) -> None:
    loaded = load_docker(load_text, yaml.safe_load(case.changes))

    assert [problem.key for problem in loaded.problems] == [case.key], render(loaded.problems, loaded.source)
    problem = loaded.problems[0]
    assert case.why in problem.why and case.remedy in problem.remedy, problem


RIGHT: Mapping[str, str] = {
    "as it is": "{}",
    "a folder of the host": "storage: {hostPath: /srv/hearth, retainData: false}",
    "an NFS server": "storage: {nfs: {server: nfs.lan, share: /export}}",
    "all ports": "docker: {publish: {web-ui: 3001, qwen3-8b: 8000, ollama: 11434, postgres: 5432}}",
    "the web UI's usual port for another": "docker: {publish: {web-ui: 3001, ollama: 3000}}",
    "every address": "docker: {address: 0.0.0.0, host: 'ssh://gpu-01', ipc: host}",
    "an address of IPv6": "docker: {address: '::1'}",
    "nothing published": "webUi.exposure: {type: none}",
    "chosen GPUs": "gpuNodePools[0].gpuIds: [3, 1]",
    "one host, counted": "cpuNodes: {count: 1, cpus: 8, memoryGib: 64}",
    "sign-in elsewhere": "webUi.hostname: chat.example.org",
    "an image that stays here": "engines: {vllm: {build: {pipPackages: ['pillow==12.3.0'], aptPackages: [ffmpeg]}}}",
}


@pytest.mark.parametrize("changes", [pytest.param(case, id=name) for name, case in RIGHT.items()])
def test_a_right_docker_stack_has_no_problem(changes: str, load_text: Load) -> None:
    loaded = load_docker(load_text, yaml.safe_load(changes))

    assert not loaded.problems, render(loaded.problems, loaded.source)


OF_CLUSTERS: Mapping[str, Wrong] = {
    "an engine": Wrong("docker: {address: 0.0.0.0}", "hearth:docker", "the target is onprem", "target: docker"),
    "a folder": Wrong("storage.hostPath: /srv", "hearth:storage.hostPath", "is for target docker", "remove it"),
    "chosen GPUs": Wrong(
        "gpuNodePools[1].gpuIds: [0, 1, 2, 3]", "hearth:gpuNodePools[1].gpuIds", "the device plugin chooses", "remove"
    ),
    "an image without registry": Wrong(
        "engines: {vllm: {build: {}}}", "hearth:engines.vllm.build.registry", "nodes do not have", "registry.lan:5000"
    ),
    "a registry with a scheme": Wrong(
        "engines: {vllm: {build: {registry: 'https://registry.lan'}}}",
        "hearth:engines.vllm.build.registry",
        "is not a registry",
        "registry.lan:5000/hearth",
    ),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in OF_CLUSTERS.items()])
def test_what_only_docker_heeds_is_refused_on_clusters(case: Wrong, load_changed: Load) -> None:
    loaded = load_changed(yaml.safe_load(case.changes), case.without)

    assert [problem.key for problem in loaded.problems] == [case.key], render(loaded.problems, loaded.source)
    assert case.why in loaded.problems[0].why and case.remedy in loaded.problems[0].remedy
