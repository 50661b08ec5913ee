from __future__ import annotations

import pytest

from hearth.rehearsal.api import Object
from hearth.rehearsal.controllers.volumes import reconcile, volume_for
from hearth.rehearsal.controllers.world import Action, Create, Delete, Patch
from tests.rehearsal.controllers.worlds import cluster_wide, obj, world

WAITING = {"volume.kubernetes.io/storage-provisioner": "nfs.csi.k8s.io"}
PLACED = {**WAITING, "volume.kubernetes.io/selected-node": "node"}


def storage_class(**fields: object) -> Object:
    return cluster_wide("StorageClass", "nfs", provisioner="nfs.csi.k8s.io", **fields)


def claim(annotations: dict[str, str] = WAITING, phase: str = "Pending", **status: object) -> Object:
    resources = {"requests": {"storage": "100Gi"}}
    spec = {"storageClassName": "nfs", "accessModes": ["ReadWriteMany"], "resources": resources}
    return obj(
        "PersistentVolumeClaim",
        "data",
        metadata={"annotations": annotations},
        spec=spec,
        status={"phase": phase, **status},
    )


def volume(phase: str, policy: str = "Delete", provisioned: bool = True) -> Object:
    annotations = {"pv.kubernetes.io/provisioned-by": "nfs.csi.k8s.io"} if provisioned else {}
    spec = {"persistentVolumeReclaimPolicy": policy}
    metadata = {"annotations": annotations}
    return cluster_wide("PersistentVolume", "pvc-uid-data", metadata=metadata, spec=spec, status={"phase": phase})


def act(a_class: Object | None, *claims: Object, volumes: tuple[Object, ...] = ()) -> list[Action]:
    classes = [a_class] if a_class else []
    return list(reconcile(world(storageclasses=classes, persistentvolumeclaims=claims, persistentvolumes=volumes)))


def test_a_pending_claim_gets_a_volume() -> None:
    assert act(storage_class(), claim()) == [Create("persistentvolumes", volume_for(claim(), storage_class()))]


@pytest.mark.parametrize(
    ("a_class", "a_claim"),
    [
        pytest.param(None, claim(), id="its class is missing"),
        pytest.param(storage_class(), claim({}), id="it is not for an external provisioner"),
        pytest.param(storage_class(), claim(phase="Bound"), id="it is bound"),
        pytest.param(storage_class(volumeBindingMode="WaitForFirstConsumer"), claim(), id="no pod uses it yet"),
    ],
)
def test_a_claim_gets_no_volume_when(a_class: Object | None, a_claim: Object) -> None:
    assert not act(a_class, a_claim)


def test_a_claim_that_waited_for_its_first_consumer_gets_a_volume() -> None:
    assert len(act(storage_class(volumeBindingMode="WaitForFirstConsumer"), claim(PLACED))) == 1


def test_a_claim_gets_one_volume_only() -> None:
    assert not act(storage_class(), claim(), volumes=(volume("Available"),))


def test_a_volume_is_as_its_class_says() -> None:
    a_class = storage_class(reclaimPolicy="Retain", mountOptions=["hard"], parameters={"share": "/export"})
    spec = volume_for(claim(), a_class)["spec"]
    assert (spec["persistentVolumeReclaimPolicy"], spec["mountOptions"], spec["csi"]["volumeAttributes"]) == (
        "Retain",
        ["hard"],
        {"share": "/export"},
    )


def test_a_released_volume_is_deleted() -> None:
    assert act(None, volumes=(volume("Released"),)) == [Delete("persistentvolumes", ("", "pvc-uid-data"))]


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(volume("Bound"), id="in use"),
        pytest.param(volume("Released", policy="Retain"), id="to be retained"),
        pytest.param(volume("Released", provisioned=False), id="made by somebody else"),
    ],
)
def test_a_volume_stays_that_is(kept: Object) -> None:
    assert not act(None, volumes=(kept,))


def test_a_volume_grows_with_its_claim() -> None:
    bound = claim(phase="Bound", capacity={"storage": "50Gi"})
    actions = act(storage_class(allowVolumeExpansion=True), bound, volumes=(volume("Bound"),))
    assert [a.body for a in actions if isinstance(a, Patch)] == [
        {"spec": {"capacity": {"storage": "100Gi"}}},
        {"status": {"capacity": {"storage": "100Gi"}}},
    ]


def test_a_volume_does_not_grow_where_its_class_forbids_it() -> None:
    assert not act(storage_class(), claim(phase="Bound", capacity={"storage": "50Gi"}), volumes=(volume("Bound"),))
