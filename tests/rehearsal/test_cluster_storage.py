"""Claims and volumes in the embedded cluster."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hearth.rehearsal.api import Api
from tests.rehearsal.objects import claim, create, deployment, events, eventually

pytestmark = pytest.mark.cluster


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
