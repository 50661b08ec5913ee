"""Claims and scratch space on one host."""

from __future__ import annotations

from hearth.containers import BindMount, TmpfsMount, VolumeMount, VolumeSpec, volumes
from tests.containers.stacks import GPU, POSTGRES, plan, specs

NFS = {"nfs": {"server": "nfs.lan", "share": "/export/hearth", "mountOptions": ["nfsvers=4.1"]}}


def found(**changes: object) -> dict[str, VolumeSpec]:
    return {volume.name: volume for volume in volumes(plan(**changes))}


def test_weights_are_named_after_what_is_in_them() -> None:
    names = {name for name in found(**GPU) if name.startswith("hearth-weights-")}
    assert len(names) == 2 and all("qwen3-8b" in name for name in names)


def test_the_same_weights_are_one_volume_in_every_stack() -> None:
    caches = [{name for name in found(**GPU, namespace=name) if "weights" in name} for name in ("one", "two")]
    assert caches[0] == caches[1]


def test_weights_belong_to_no_stack_and_stay() -> None:
    for volume in found(**GPU, storage={"retainData": False}).values():
        cached = volume.name.startswith("hearth-weights-")
        assert volume.retain == cached and ("dev.hearth.stack" in volume.labels) != cached
        assert "dev.hearth.cache" in volume.labels or not cached


def test_other_tags_are_another_volume_of_light_models() -> None:
    one, two = (found(ollama={"models": tags}) for tags in (["llama3.2:1b"], ["llama3.2:1b", "gemma3:4b"]))
    assert {name for name in one if "ollama" in name} != {name for name in two if "ollama" in name}


def test_the_order_of_tags_does_not_matter() -> None:
    one, two = (found(ollama={"models": tags}) for tags in (["gemma3:4b", "llama3.2:1b"], ["llama3.2:1b", "gemma3:4b"]))
    assert one.keys() == two.keys()


def test_data_is_kept_unless_the_stack_says_otherwise() -> None:
    assert found(**POSTGRES)["hearth-test-postgres-data"].retain
    assert not found(**POSTGRES, storage={"retainData": False})["hearth-test-postgres-data"].retain


def test_small_scratch_space_is_in_memory_and_may_hold_programs() -> None:
    [scratch] = [mount for mount in specs(**GPU)["qwen3-8b"].mounts if isinstance(mount, TmpfsMount)]
    assert scratch.path == "/tmp"
    assert "exec" in scratch.options.split(",") and "mode=1777" in scratch.options


def test_large_scratch_space_is_a_volume_that_ends_with_the_stack() -> None:
    assert VolumeMount("/cache", "hearth-test-qwen3-8b-cache") in specs(**GPU)["qwen3-8b"].mounts
    assert not found(**GPU)["hearth-test-qwen3-8b-cache"].retain
    assert specs(**GPU)["qwen3-8b-prepare"].command == ("2000:0", "/scratch/cache")


def test_weights_are_read_only_for_servers() -> None:
    mounts = {mount.path: mount for mount in specs(**GPU)["qwen3-8b"].mounts}
    weights = mounts["/weights"]
    assert isinstance(weights, VolumeMount) and weights.read_only


def test_volumes_on_nfs_are_folders_of_the_share() -> None:
    volume = found(**POSTGRES, storage=NFS)["hearth-test-postgres-data"]
    assert volume.driver_opts == {
        "type": "nfs",
        "o": "addr=nfs.lan,rw,nfsvers=4.1",
        "device": ":/export/hearth/hearth-test/postgres-data",
    }


def test_folders_of_the_share_are_made_before_they_are_mounted() -> None:
    step = specs(**POSTGRES, storage=NFS)["postgres-prepare"]
    assert step.mounts == (VolumeMount("/storage", "hearth-test-share"),)
    assert step.command == ("999:999", "/storage/hearth-test/postgres-data")
    assert found(**POSTGRES, storage=NFS)["hearth-test-share"].driver_opts["device"] == ":/export/hearth"


def test_weights_on_nfs_are_shared_too() -> None:
    volume = next(v for name, v in found(**{**GPU, **POSTGRES}, storage=NFS).items() if "weights" in name)
    assert volume.driver_opts["device"] == f":/export/hearth/cache/{volume.name}"


def test_a_folder_of_the_host_holds_folders_instead_of_volumes() -> None:
    storage = {"hostPath": "/srv/hearth"}
    assert BindMount("/var/lib/postgresql/data", "/srv/hearth/hearth-test/postgres-data") in (
        specs(**POSTGRES, storage=storage)["postgres"].mounts
    )
    step = specs(**POSTGRES, storage=storage)["postgres-prepare"]
    assert step.mounts == (BindMount("/storage", "/srv/hearth"),)
    assert found(**POSTGRES, storage=storage) == {}
