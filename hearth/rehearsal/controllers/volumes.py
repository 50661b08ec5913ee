"""Provisions, grows and deletes volumes, as a CSI driver's external-provisioner and external-resizer do."""

from __future__ import annotations

from collections.abc import Iterator

from hearth.rehearsal.api import Object, mapping, rows
from hearth.rehearsal.controllers.world import Action, Create, Delete, Patch, World, key

_PROVISIONER_ANNOTATION = "volume.kubernetes.io/storage-provisioner"
"""Set by the persistent volume controller on claims that wait for an external provisioner."""
_NODE_ANNOTATION = "volume.kubernetes.io/selected-node"
"""Set by the scheduler once it has placed the first pod that uses the claim."""
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"


def reconcile(world: World) -> Iterator[Action]:
    """Give every claim that waits for one a volume, and take back what is released."""
    for claim in world.all("persistentvolumeclaims"):
        storage_class = world.get("storageclasses", claim["spec"].get("storageClassName") or "")
        if storage_class is None:
            continue
        volume = world.get("persistentvolumes", _volume_name(claim))
        if volume is None and _waits_for_volume(claim, storage_class):
            yield Create("persistentvolumes", volume_for(claim, storage_class))
        if volume is not None and storage_class.get("allowVolumeExpansion"):
            yield from _grow(claim, volume)
    for volume in world.all("persistentvolumes"):
        released = mapping(volume, "status").get("phase") == "Released"
        ours = _PROVISIONED_BY in mapping(volume, "metadata", "annotations")
        if released and ours and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            yield Delete("persistentvolumes", key(volume))


def volume_for(claim: Object, storage_class: Object) -> Object:
    """The volume that a CSI driver of the class's provisioner makes for `claim`."""
    namespace, name = key(claim)
    driver = storage_class["provisioner"]
    spec = claim["spec"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": _volume_name(claim), "annotations": {_PROVISIONED_BY: driver}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "volumeMode": spec.get("volumeMode", "Filesystem"),
            "storageClassName": storage_class["metadata"]["name"],
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "mountOptions": rows(storage_class, "mountOptions"),
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": namespace,
                "name": name,
                "uid": claim["metadata"]["uid"],
            },
            "csi": {
                "driver": driver,
                "volumeHandle": _volume_name(claim),
                "volumeAttributes": mapping(storage_class, "parameters"),
            },
        },
    }


def _waits_for_volume(claim: Object, storage_class: Object) -> bool:
    annotations = mapping(claim, "metadata", "annotations")
    placed = storage_class.get("volumeBindingMode") != "WaitForFirstConsumer" or _NODE_ANNOTATION in annotations
    pending = mapping(claim, "status").get("phase") == "Pending" and "deletionTimestamp" not in claim["metadata"]
    return pending and placed and annotations.get(_PROVISIONER_ANNOTATION) == storage_class["provisioner"]


def _grow(claim: Object, volume: Object) -> Iterator[Action]:
    requested = {"storage": claim["spec"]["resources"]["requests"]["storage"]}
    status = mapping(claim, "status")
    if status.get("phase") != "Bound" or status.get("capacity") == requested:
        return
    yield Patch("persistentvolumes", key(volume), {"spec": {"capacity": requested}}, subresource="")
    yield Patch("persistentvolumeclaims", key(claim), {"status": {"capacity": requested}})


def _volume_name(claim: Object) -> str:
    return f"pvc-{claim['metadata']['uid']}"
