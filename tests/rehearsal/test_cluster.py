from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hearth.rehearsal.api import Api, Object
from hearth.rehearsal.cluster import Cluster, ClusterSpec, down, start, up
from hearth.rehearsal.errors import ApiError, ClusterError, ToolchainError
from hearth.rehearsal.nodes import SimulatedNode

pytestmark = pytest.mark.cluster

SMALL = ClusterSpec(context="small", nodes=(SimulatedNode("cpu-01", 4, 16),), addons=())


def eventually(look: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The first true value that `look` gives; the last one when time is up."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def processes_with(text: str) -> list[str]:
    """Command lines on this machine that contain `text`."""
    lines = (path.read_bytes().replace(b"\0", b" ").decode() for path in _command_lines())
    return [line for line in lines if text in line]


def _command_lines() -> Iterator[Path]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        if path.parent.name != str(os.getpid()) and path.exists():
            yield path


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def pool(api: Api, namespace: str) -> Iterator[None]:
    """Three addresses for the Services of the test's namespace."""
    yield from address_pool(api, namespace)


@pytest.fixture
def edge_pool(api: Api) -> Iterator[None]:
    """Three addresses for the site's ingress controller and gateways."""
    yield from address_pool(api, "site-edge")


def address_pool(api: Api, namespace: str) -> Iterator[None]:
    spec = {"addresses": ["192.0.2.10-192.0.2.12"], "serviceAllocation": {"namespaces": [namespace]}}
    metadata = {"name": f"for-{namespace}", "namespace": "metallb-system"}
    path = create(
        api, {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": metadata, "spec": spec}
    )
    yield
    api.delete(path)


def deployment(namespace: str, gpus: int, replicas: int = 1, **pod: Any) -> Object:
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    container = {"name": "main", "image": "registry.example.com/main:1", "resources": {"limits": limits}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "main", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "main"}},
            "template": {"metadata": {"labels": {"app": "main"}}, "spec": {"containers": [container], **pod}},
        },
    }


def service(namespace: str, name: str = "main", **annotations: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"type": "LoadBalancer", "selector": {"app": "main"}, "ports": [{"port": 80}]},
    }


def claim(namespace: str, storage_class: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "100Gi"}},
        },
    }


def create(api: Api, obj: Object) -> str:
    """Create an object; its path."""
    collection = api.collection(obj)
    api.create(collection, obj)
    return f"{collection}/{obj['metadata']['name']}"


def lb_address(api: Api, path: str) -> str | None:
    ingress = api.get(path)["status"].get("loadBalancer", {}).get("ingress")
    return ingress[0]["ip"] if ingress else None


def events(api: Api, namespace: str, reason: str) -> list[str]:
    found = api.items(f"/api/v1/namespaces/{namespace}/events")
    return [event["message"] for event in found if event["reason"] == reason]


def test_nodes_offer_what_the_nvidia_stack_announces(api: Api) -> None:
    node = api.get("/api/v1/nodes/gpu-01")
    labels = node["metadata"]["labels"]
    assert (
        node["status"]["allocatable"]["nvidia.com/gpu"],
        labels["nvidia.com/gpu.product"],
        labels["nvidia.com/gpu.count"],
        labels["nvidia.com/gpu.memory"],
    ) == ("8", "NVIDIA-H200", "8", "143771")


def test_the_context_has_the_name_that_was_asked_for(cluster: Cluster) -> None:
    assert json.loads(cluster.kubeconfig.read_text())["current-context"] == "rehearsal-tests"


def test_the_kubeconfig_is_for_its_owner_only(cluster: Cluster) -> None:
    assert cluster.kubeconfig.stat().st_mode & 0o077 == 0


def test_a_deployment_that_needs_gpus_becomes_ready_on_the_node_that_has_them(api: Api, namespace: str) -> None:
    path = create(api, deployment(namespace, gpus=4))
    assert eventually(lambda: api.get(path)["status"].get("availableReplicas") == 1)
    assert [pod["spec"]["nodeName"] for pod in api.items(f"/api/v1/namespaces/{namespace}/pods")] == ["gpu-02"]


def test_a_deployment_that_no_node_can_take_says_so_in_the_schedulers_words(api: Api, namespace: str) -> None:
    create(api, deployment(namespace, gpus=16))
    messages = eventually(lambda: events(api, namespace, "FailedScheduling"))
    assert "Insufficient nvidia.com/gpu" in messages[0]


def test_a_hundred_pods_are_ready_within_seconds(api: Api, namespace: str) -> None:
    path = create(api, deployment(namespace, gpus=0, replicas=100))
    assert eventually(lambda: api.get(path)["status"].get("availableReplicas") == 100, seconds=20)


def test_pods_with_init_containers_and_sidecars_become_ready(api: Api, namespace: str) -> None:
    init = [{"name": "once", "image": "x"}, {"name": "beside", "image": "x", "restartPolicy": "Always"}]
    path = create(api, deployment(namespace, gpus=0, initContainers=init))
    assert eventually(lambda: api.get(path)["status"].get("availableReplicas") == 1)


def test_a_job_completes(api: Api, namespace: str) -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "x"}]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job", "namespace": namespace}}
    path = create(api, {**job, "spec": {"template": {"spec": pod}}})
    assert eventually(lambda: api.get(path)["status"].get("succeeded") == 1)


def test_a_misspelt_field_is_refused(api: Api, namespace: str) -> None:
    with pytest.raises(ApiError, match=r"unknown field .*runtimeClasName"):
        create(api, deployment(namespace, gpus=0, runtimeClasName="nvidia"))


def test_pod_security_levels_are_enforced(api: Api, namespace: str) -> None:
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": level}})
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "namespace": namespace}}
    with pytest.raises(ApiError, match="violates PodSecurity"):
        create(api, {**pod, "spec": {"containers": [{"name": "main", "image": "x"}]}})


def test_quotas_are_enforced(api: Api, namespace: str) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota", "namespace": namespace}}
    path = create(api, {**quota, "spec": {"hard": {"requests.nvidia.com/gpu": "2"}}})
    eventually(lambda: api.get(path)["status"].get("hard"))
    create(api, deployment(namespace, gpus=4))
    assert "exceeded quota" in eventually(lambda: events(api, namespace, "FailedCreate"))[0]


@pytest.fixture
def storage_class(api: Api) -> Iterator[Callable[..., str]]:
    made: list[str] = []

    def make(**fields: Any) -> str:
        name = f"class-{uuid.uuid4().hex[:8]}"
        base = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
        made.append(create(api, {**base, "provisioner": "nfs.csi.k8s.io", **fields}))
        return name

    yield make
    for path in made:
        api.delete(path)


def test_a_claim_gets_a_volume_of_its_class(api: Api, namespace: str, storage_class: Callable[..., str]) -> None:
    options = ["nfsvers=4.1"]
    path = create(api, claim(namespace, storage_class(mountOptions=options, parameters={"share": "/export"})))
    assert eventually(lambda: api.get(path)["status"]["phase"] == "Bound")
    volume = api.get(f"/api/v1/persistentvolumes/{api.get(path)['spec']['volumeName']}")["spec"]
    assert (volume["mountOptions"], volume["csi"]["volumeAttributes"]) == (options, {"share": "/export"})


def test_a_claim_of_a_missing_class_stays_pending_with_the_reason(api: Api, namespace: str) -> None:
    create(api, claim(namespace, "nosuch"))
    messages = eventually(lambda: events(api, namespace, "ProvisioningFailed"))
    assert messages == ['storageclass.storage.k8s.io "nosuch" not found']


def test_a_claim_that_waits_for_its_first_consumer_is_bound_with_it(
    api: Api, namespace: str, storage_class: Callable[..., str]
) -> None:
    path = create(api, claim(namespace, storage_class(volumeBindingMode="WaitForFirstConsumer")))
    time.sleep(1)
    before = api.get(path)["status"]["phase"]
    create(api, deployment(namespace, 0, volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]))
    assert eventually(lambda: api.get(path)["status"]["phase"] == "Bound")
    assert before == "Pending"


def test_a_claim_grows_where_the_class_lets_it(api: Api, namespace: str, storage_class: Callable[..., str]) -> None:
    path = create(api, claim(namespace, storage_class(allowVolumeExpansion=True)))
    eventually(lambda: api.get(path)["status"]["phase"] == "Bound")
    api.patch(path, {"spec": {"resources": {"requests": {"storage": "200Gi"}}}})
    assert eventually(lambda: api.get(path)["status"]["capacity"]["storage"] == "200Gi")


@pytest.mark.parametrize(("policy", "remains"), [("Delete", False), ("Retain", True)])
def test_the_reclaim_policy_decides_what_remains_of_a_deleted_claim(
    api: Api, namespace: str, storage_class: Callable[..., str], policy: str, remains: bool
) -> None:
    path = create(api, claim(namespace, storage_class(reclaimPolicy=policy)))
    volume = eventually(lambda: api.get(path)["spec"].get("volumeName"))
    eventually(lambda: api.get(path)["status"]["phase"] == "Bound")
    api.delete(path)

    def settled() -> bool:
        found = [obj for obj in api.items("/api/v1/persistentvolumes") if obj["metadata"]["name"] == volume]
        return (found[0]["status"]["phase"] == "Released") if found and remains else not (found or remains)

    assert eventually(settled)


def test_a_load_balancer_gets_an_address_of_the_pool(api: Api, namespace: str, pool: None) -> None:
    path = create(api, service(namespace))
    assert eventually(lambda: lb_address(api, path)) in {"192.0.2.10", "192.0.2.11", "192.0.2.12"}


def test_a_load_balancer_gets_the_address_it_asks_for(api: Api, namespace: str, pool: None) -> None:
    path = create(api, service(namespace, **{"metallb.io/loadBalancerIPs": "192.0.2.12"}))
    assert eventually(lambda: lb_address(api, path)) == "192.0.2.12"


def test_a_full_pool_is_reported_and_a_freed_address_is_given_again(api: Api, namespace: str, pool: None) -> None:
    paths = [create(api, service(namespace, name)) for name in ("one", "two", "three")]
    eventually(lambda: all(lb_address(api, path) for path in paths))
    late = create(api, service(namespace, "four"))
    refusal = f'Failed to allocate IP for "{namespace}/four": no available IPs'
    refused = eventually(lambda: refusal in events(api, namespace, "AllocationFailed"))
    api.delete(paths[0])
    assert (refused, eventually(lambda: lb_address(api, late)) is not None) == (True, True)


def test_a_service_has_ready_endpoints(api: Api, namespace: str) -> None:
    create(api, deployment(namespace, gpus=0))
    create(api, service(namespace))
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"

    def ready() -> bool:
        endpoints = [endpoint for piece in api.items(slices) for endpoint in piece.get("endpoints") or []]
        return any(endpoint["conditions"]["ready"] for endpoint in endpoints)

    assert eventually(ready)


def ingress(namespace: str, ingress_class: str) -> Object:
    backend = {"service": {"name": "main", "port": {"number": 80}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "main", "namespace": namespace},
        "spec": {"ingressClassName": ingress_class, "defaultBackend": backend},
    }


def test_an_ingress_gets_an_address(api: Api, namespace: str, edge_pool: None) -> None:
    path = create(api, ingress(namespace, "site"))
    assert eventually(lambda: lb_address(api, path))


def test_an_ingress_of_a_missing_class_is_told_so(api: Api, namespace: str) -> None:
    create(api, ingress(namespace, "nosuch"))
    messages = eventually(lambda: events(api, namespace, "NotServed"))
    assert 'there is no IngressClass "nosuch"' in messages[0]


def gateway(namespace: str) -> Object:
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "main", "namespace": namespace},
        "spec": {"gatewayClassName": "site", "listeners": [listener]},
    }


def conditions(rows: list[Object]) -> dict[str, str]:
    return {row["type"]: row["status"] for row in rows}


def test_a_gateway_is_programmed_with_an_address(api: Api, namespace: str, edge_pool: None) -> None:
    path = create(api, gateway(namespace))
    assert eventually(lambda: conditions(api.get(path)["status"]["conditions"]).get("Programmed") == "True")
    assert api.get(path)["status"]["addresses"][0]["value"].startswith("192.0.2.")


def test_a_route_is_accepted_by_its_gateway(api: Api, namespace: str, edge_pool: None) -> None:
    create(api, gateway(namespace))
    create(api, service(namespace))
    base = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute"}
    spec = {"parentRefs": [{"name": "main"}], "rules": [{"backendRefs": [{"name": "main", "port": 80}]}]}
    path = create(api, {**base, "metadata": {"name": "main", "namespace": namespace}, "spec": spec})
    parents = eventually(lambda: api.get(path).get("status", {}).get("parents"))
    assert conditions(parents[0]["conditions"]) == {"Accepted": "True", "ResolvedRefs": "True"}


def test_a_namespace_goes_with_all_that_is_in_it(api: Api, storage_class: Callable[..., str]) -> None:
    name = f"test-{uuid.uuid4().hex[:8]}"
    path = create(api, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    # The namespace's controller looks again after half the longest grace period that it has seen.
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    running = create(api, deployment(name, 0, terminationGracePeriodSeconds=1, volumes=volumes))
    create(api, claim(name, storage_class()))
    eventually(lambda: api.get(running)["status"].get("availableReplicas") == 1)
    api.delete(path)
    assert eventually(lambda: name not in {n["metadata"]["name"] for n in api.items("/api/v1/namespaces")}, seconds=60)


def test_stopping_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    with start(SMALL, directory, lambda line: None):
        running = processes_with(str(directory))
    assert (len(running), directory.exists(), processes_with(str(directory))) == (6, False, [])


def test_an_exception_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    with pytest.raises(RuntimeError), start(SMALL, directory, lambda line: None):
        raise RuntimeError
    assert (directory.exists(), processes_with(str(directory))) == (False, [])


OWNER = """
import sys, time
from pathlib import Path
from hearth.rehearsal.cluster import ClusterSpec, start
from hearth.rehearsal.nodes import SimulatedNode
spec = ClusterSpec(context="owned", nodes=(SimulatedNode("cpu-01", 4, 16),), addons=())
with start(spec, Path(sys.argv[1]), lambda line: None):
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_owner_leaves_no_process_and_no_file(tmp_path: Path, number: signal.Signals) -> None:
    directory = tmp_path / "cluster"
    with subprocess.Popen([sys.executable, "-c", OWNER, str(directory)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        started = owner.stdout.readline()
        owner.send_signal(number)
    assert started == "ready\n"
    assert eventually(lambda: not directory.exists() and not processes_with(str(directory)), seconds=10)


def test_a_killed_supervisor_leaves_no_process(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    with start(SMALL, directory, lambda line: None):
        os.kill(int((directory / "supervisor.pid").read_text()), signal.SIGKILL)
        assert eventually(lambda: not processes_with(str(directory)), seconds=10)


def test_a_port_that_is_taken_meanwhile_is_exchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        ports = [taken.getsockname()[1], free.getsockname()[1]]
        free.close()
        monkeypatch.setattr("hearth.rehearsal.cluster._free_port", lambda: ports.pop(0))
        with start(SMALL, tmp_path / "cluster", lambda line: None) as cluster:
            assert Api(cluster.kubeconfig).is_ready()


def test_a_directory_with_files_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(ClusterError, match="is not empty"):
        start(SMALL, tmp_path, lambda line: None)
    assert (tmp_path / "precious").exists()


def test_an_unknown_addon_is_refused(tmp_path: Path) -> None:
    spec = ClusterSpec(context="small", nodes=SMALL.nodes, addons=("nosuch",))
    with pytest.raises(ToolchainError, match="add-on nosuch"):
        start(spec, tmp_path / "cluster", lambda line: None)


def test_an_object_that_the_api_server_refuses_is_named(tmp_path: Path) -> None:
    wrong = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "wrong"}, "dat": {}}
    spec = ClusterSpec(context="small", nodes=SMALL.nodes, addons=(), objects=(wrong,))
    with pytest.raises(ClusterError, match=r"ConfigMap wrong: .*unknown field"):
        start(spec, tmp_path / "cluster", lambda line: None)
    assert not (tmp_path / "cluster").exists()


@pytest.fixture
def name() -> Iterator[str]:
    unique = f"test-{uuid.uuid4().hex[:8]}"
    yield unique
    down(unique)


def test_a_cluster_that_was_brought_up_outlives_its_owner(name: str) -> None:
    script = (
        "import sys; from hearth.rehearsal.cluster import *; from hearth.rehearsal.nodes import *; "
        "spec = ClusterSpec('kept', (SimulatedNode('cpu-01', 4, 16),), addons=()); "
        "print(up(spec, sys.argv[1], lambda line: None))"
    )
    owner = subprocess.run([sys.executable, "-c", script, name], capture_output=True, text=True, check=True)
    assert Api(Path(owner.stdout.strip())).is_ready()


def test_a_second_up_finds_the_running_cluster(name: str) -> None:
    lines: list[str] = []
    first = up(SMALL, name, lambda line: None)
    assert (up(SMALL, name, lines.append), lines) == (first, [f"cluster {name} is already running"])


def test_down_ends_the_cluster_and_removes_its_files(name: str) -> None:
    directory = up(SMALL, name, lambda line: None).parent
    assert (down(name), directory.exists(), processes_with(str(directory))) == (True, False, [])


def test_down_without_a_cluster_says_so(name: str) -> None:
    assert not down(name)


def test_up_replaces_what_a_crash_has_left(name: str) -> None:
    directory = up(SMALL, name, lambda line: None).parent
    os.kill(int((directory / "supervisor.pid").read_text()), signal.SIGKILL)
    eventually(lambda: not processes_with(str(directory)), seconds=10)
    assert Api(up(SMALL, name, lambda line: None)).is_ready()
