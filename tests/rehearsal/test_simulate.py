from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hearth.planning.plan import Plan
from hearth.planning.stack import make_plan
from hearth.rehearsal.errors import RehearsalError
from hearth.rehearsal.nodes import Taint
from hearth.rehearsal.simulate import Shortfall, simulate, unproven, with_add_ons_present
from hearth.settings.loading import load_stack

ROOT = Path(__file__).parents[2]
SELECTED = "gpuNodePools=[{name: h200, gpu: H200-141GB, gpusPerNode: 8, selector: {zone: a}, nodeCount: 2}, "
SELECTED += "{name: ada, gpu: RTX4090-24GB, gpusPerNode: 4, selector: {zone: b}, nodeCount: 2}]"


def plan(*overrides: str) -> Plan:
    return make_plan(load_stack(ROOT, "prod", overrides))


def test_has_every_node_of_the_stack() -> None:
    names = [node.name for node in simulate(plan()).nodes]
    assert names == ["gpu-01", "gpu-02", "gpu-03", "gpu-04", "cpu-01", "cpu-02", "cpu-03"]


def test_gpu_nodes_look_like_their_product() -> None:
    node = simulate(plan()).nodes[0]
    assert (node.gpus, node.gpu_product, node.gpu_memory_mib) == (8, "NVIDIA-H200", 143771)


def test_named_nodes_are_bare() -> None:
    node = simulate(plan()).nodes[0]
    assert not node.labels and not node.taints


def test_selected_nodes_have_their_labels() -> None:
    assert simulate(plan(SELECTED)).nodes[0].labels == {"zone": "a"}


def test_selected_nodes_keep_other_pods_away() -> None:
    assert simulate(plan(SELECTED)).nodes[0].taints == (Taint("nvidia.com/gpu", "present"),)


def test_names_of_nodes_differ_where_gpu_nodes_are_called_cpu() -> None:
    pools = plan().node_pools
    named = replace(plan(), node_pools=(replace(pools[0], nodes=("cpu-01",), node_count=1),))
    names = [node.name for node in simulate(named).nodes]
    assert len(set(names)) == len(names)


def test_context_is_the_stacks() -> None:
    assert simulate(plan()).context == "prod"


def test_namespaces_of_managed_add_ons_are_left_to_the_stack() -> None:
    assert "metallb-system" not in simulate(plan()).namespaces


def test_namespaces_of_present_add_ons_exist() -> None:
    assert "metallb-system" in simulate(with_add_ons_present(plan())).namespaces


def kinds(found: Plan, shortfall: Shortfall | None = None) -> list[tuple[str, str]]:
    return [(item["kind"], item["metadata"]["name"]) for item in simulate(found, shortfall).objects]


def test_the_stacks_own_storage_class_is_left_to_it() -> None:
    own = plan().nfs_class
    assert own and ("StorageClass", own.name) not in kinds(plan())


def test_expected_storage_class_exists() -> None:
    assert ("StorageClass", "fast") in kinds(plan("storage.databaseStorageClass=fast"))


@pytest.mark.parametrize(("exposure", "kind"), [("gateway", "GatewayClass"), ("ingress", "IngressClass")])
def test_class_of_the_edge_exists(exposure: str, kind: str) -> None:
    assert (kind, "envoy") in kinds(plan(f"webUi.exposure.type={exposure}"))


def test_lost_node_is_missing() -> None:
    names = [node.name for node in simulate(plan(), Shortfall(without_nodes=("gpu-02",))).nodes]
    assert "gpu-02" not in names


def test_node_has_the_gpus_that_it_really_offers() -> None:
    assert simulate(plan(), Shortfall(node_gpus={"gpu-01": 7})).nodes[0].gpus == 7


def test_missing_storage_class_is_missing() -> None:
    found = kinds(plan("storage.databaseStorageClass=fast"), Shortfall(without_storage_classes=("fast",)))
    assert ("StorageClass", "fast") not in found


@pytest.mark.parametrize(
    "shortfall",
    [
        Shortfall(without_nodes=("gpu-99",)),
        Shortfall(node_gpus={"gpu-99": 1}),
        Shortfall(without_storage_classes=("gpu-99",)),
    ],
)
def test_shortfall_of_what_the_site_never_had_is_refused(shortfall: Shortfall) -> None:
    with pytest.raises(RehearsalError, match="gpu-99: there is no such"):
        simulate(plan(), shortfall)


def test_recorded_charts_are_not_proven() -> None:
    assert "Helm charts" in unproven(plan())


def test_present_add_ons_are_not_proven() -> None:
    assert "metallb" in unproven(with_add_ons_present(plan()))["add-ons"]


def test_objects_whose_kind_nobody_knows_are_named() -> None:
    assert "Cluster a/db" in unproven(plan(), ["Cluster a/db"])["kinds"]


def test_a_stack_without_gpus_says_nothing_about_them() -> None:
    assert "GPUs" not in unproven(make_plan(load_stack(ROOT, "small")))
