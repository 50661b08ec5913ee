"""An embedded Kubernetes cluster: the upstream control plane as child processes, with simulated nodes.

No container, no root. `start` gives a cluster that ends with this process; `up` and `down` one that lives on.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hearth.rehearsal import control_plane, crds, nodes
from hearth.rehearsal.api import Api, Object, rows
from hearth.rehearsal.build import ensure, module_folder, pinned_module
from hearth.rehearsal.cache import Progress, cache_directory, locked
from hearth.rehearsal.credentials import USERS, Credentials, create, write_kubeconfig
from hearth.rehearsal.errors import ApiError, ClusterError
from hearth.rehearsal.nodes import SimulatedNode
from hearth.rehearsal.processes import Processes, is_supervised, stop_detached

TOOLS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
"""Names of the programs that a cluster needs, for `build.ensure`."""

START_SECONDS = 60.0
"""How long each step of a start may take; a step takes seconds where nothing is wrong."""

_NOT_READY = "node.kubernetes.io/not-ready"
_DEFAULT_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"

_PORT_ATTEMPTS = 5
_POLL_SECONDS = 0.05

_STAGES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
)
"""kwok's own life cycles: nodes become ready, pods run at once, those of Jobs succeed, deleted ones go at once."""


@dataclass(frozen=True)
class ClusterSpec:
    """What a cluster looks like before anything is deployed to it."""

    context: str
    """Name of the kubeconfig's context."""
    nodes: tuple[SimulatedNode, ...]
    namespaces: tuple[str, ...] = ()
    """Namespaces that exist, such as those of add-ons that count as present."""
    address_pools: tuple[str, ...] = ()
    """Addresses for load balancers, as ranges or CIDRs, while the cluster has no IPAddressPool."""
    addons: tuple[str, ...] = ("MetalLB", "Gateway API")
    """Add-ons whose custom resources the cluster knows: names in `crds.pins()`."""
    objects: tuple[Mapping[str, Any], ...] = ()
    """Further objects that the site has, such as StorageClasses, IngressClasses and GatewayClasses."""


class Cluster:
    """A running cluster; as a context manager it stops at the end of the block."""

    def __init__(self, directory: Path, processes: Processes) -> None:
        self.kubeconfig = directory / "kubeconfig"
        self._processes = processes

    def stop(self) -> None:
        """End every process and remove every file of the cluster; harmless when called again."""
        self._processes.stop()

    def detach(self) -> None:
        """Let the cluster live on when this process ends."""
        self._processes.detach()

    def logs(self, name: str) -> str:
        """The last lines that the program `name` wrote: one of `TOOLS`, or site-controllers."""
        return self._processes.log_tail(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start(spec: ClusterSpec, directory: Path, on_progress: Progress) -> Cluster:
    """Start a cluster whose files lie in `directory`, which must be new or empty and disappears with the cluster.

    Returns when the API server, every node and every add-on's definitions are ready. The cluster ends with this
    process, however that ends. Raises ToolchainError when a program or file cannot be had, ClusterError when a program
    does not start or an object of `spec` is refused.
    """
    binaries = ensure(TOOLS, on_progress)
    stages = module_folder(pinned_module("kwok", "sigs.k8s.io/kwok"), "kustomize/stage", on_progress)
    definitions = crds.fetch(spec.addons, on_progress)
    directory = directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise ClusterError(f"{directory} is not empty; a cluster needs a directory of its own")
    directory.chmod(0o700)  # etcd asks nobody who they are
    on_progress("starting the control plane")
    processes = Processes(directory)
    try:
        credentials = create(directory)
        api = _start_api_server(spec.context, credentials, processes, binaries)
        _create_all(api, crds.load(definitions))
        _wait_until(lambda: _established(api), "the add-ons' definitions", processes)
        # Only now: the garbage collector takes half a minute to notice kinds that are defined later.
        _start_controllers(spec, credentials, processes, binaries, tuple(stages / name for name in _STAGES))
        _create_all(api, [nodes.manifest(node, index) for index, node in enumerate(spec.nodes)])
        _create_all(api, [_namespace(name) for name in spec.namespaces])
        _create_all(api, spec.objects)
        _wait_until(lambda: _nodes_ready(api), "the nodes to be ready", processes)
        _wait_until(lambda: api.find(_DEFAULT_ACCOUNT) is not None, "the default service account", processes)
    except BaseException:
        processes.stop()
        raise
    return Cluster(directory, processes)


def up(spec: ClusterSpec, name: str, on_progress: Progress) -> Path:
    """Start a cluster that lives on after this process, or find the one of that name; its kubeconfig.

    Raises as `start` does.
    """
    directory = _home(name)
    with locked(cache_directory() / "cluster.lock", lambda: on_progress("waiting: another cluster is being started")):
        if is_supervised(directory):
            on_progress(f"cluster {name} is already running")
            return directory / "kubeconfig"
        stop_detached(directory)
        cluster = start(spec, directory, on_progress)
        cluster.detach()
        return cluster.kubeconfig


def running(name: str) -> bool:
    """Whether the cluster that `up` started under this name lives."""
    return is_supervised(_home(name))


def names() -> tuple[str, ...]:
    """Names of the clusters that `up` started and that live."""
    found = (cache_directory() / "cluster").glob("*/")
    return tuple(sorted(directory.name for directory in found if is_supervised(directory)))


def down(name: str) -> bool:
    """End the cluster that `up` started and remove its files; whether one was running."""
    return stop_detached(_home(name))


def _home(name: str) -> Path:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise ClusterError(f"{name!r} cannot name a cluster; use small letters, digits and dashes")
    return cache_directory() / "cluster" / name


def _config_path(credentials: Credentials, user: str) -> Path:
    return credentials.directory / ("kubeconfig" if user == "admin" else f"{user}.kubeconfig")


def _start_api_server(
    context: str, credentials: Credentials, processes: Processes, binaries: Mapping[str, Path]
) -> Api:
    """Start etcd and the API server; every user's kubeconfig is written as soon as the port is known."""
    processes.run("etcd", control_plane.etcd(binaries["etcd"]))
    attempts = 0
    while True:
        attempts += 1
        port = _free_port()
        for user in USERS:
            write_kubeconfig(_config_path(credentials, user), credentials, user, f"https://127.0.0.1:{port}", context)
        processes.run("kube-apiserver", control_plane.api_server(binaries["kube-apiserver"], credentials, port))
        api = Api(_config_path(credentials, "admin"))
        try:
            _wait_until(api.is_ready, "the API server to be ready", processes)
        except ClusterError:
            # Between our choosing the port and its listening there, another process may have taken it.
            if "address already in use" not in processes.log_tail("kube-apiserver") or attempts == _PORT_ATTEMPTS:
                raise
        else:
            return api


def _start_controllers(
    spec: ClusterSpec,
    credentials: Credentials,
    processes: Processes,
    binaries: Mapping[str, Path],
    stages: tuple[Path, ...],
) -> None:
    def config(user: str) -> Path:
        return _config_path(credentials, user)

    manager, scheduler, kwok, site = "kube-controller-manager", "kube-scheduler", "kwok", "site-controllers"
    settings = credentials.directory / "scheduler.json"
    processes.run(manager, control_plane.controller_manager(binaries[manager], credentials, config(manager)))
    processes.run(scheduler, control_plane.scheduler(binaries[scheduler], config(scheduler), settings))
    processes.run(kwok, control_plane.kwok(binaries[kwok], config(kwok), stages))
    processes.run(site, control_plane.site_controllers(config(site), spec.address_pools))


def _namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _create_all(api: Api, objects: Sequence[Mapping[str, Any]]) -> None:
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(partial(_create, api), objects))


def _create(api: Api, obj: Mapping[str, Any]) -> None:
    try:
        api.create(api.collection(obj), obj)
    except ApiError as error:
        raise ClusterError(f"{obj['kind']} {obj['metadata']['name']}: {error}") from None


def _established(api: Api) -> bool:
    found = api.items("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
    return all(_condition(definition, "Established") for definition in found)


def _nodes_ready(api: Api) -> bool:
    """Whether every node is ready and free of the taint that new nodes carry."""
    found = api.items("/api/v1/nodes")
    taints = [taint["key"] for node in found for taint in rows(node, "spec", "taints")]
    return _NOT_READY not in taints and all(_condition(node, "Ready") for node in found)


def _condition(obj: Object, kind: str) -> bool:
    found = rows(obj, "status", "conditions")
    return any(condition["type"] == kind and condition["status"] == "True" for condition in found)


def _wait_until(done: Callable[[], bool], what: str, processes: Processes) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not done():
        for name, code in processes.exited().items():
            raise ClusterError(f"{name} ended with exit status {code}; its last lines:\n{processes.log_tail(name)}")
        if time.monotonic() > deadline:
            log = processes.log_tail("kube-apiserver")
            raise ClusterError(f"the embedded cluster waits for {what} since {START_SECONDS:.0f} s:\n{log}")
        time.sleep(_POLL_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
