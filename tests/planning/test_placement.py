"""Placement: every replica gets a node with all its GPUs, or the arithmetic says why not."""

from __future__ import annotations

import pytest

from hearth.planning.placement import Demand, Placement, PoolFull, place
from hearth.planning.plan import NodePool


def pool(nodes: int, gpus_per_node: int) -> NodePool:
    return NodePool(
        name="h200",
        gpu="H200-141GB",
        gpu_product="NVIDIA-H200",
        gpu_memory_mib=143771,
        gpu_usable_gib=139.8,
        gpus_per_node=gpus_per_node,
        nodes=tuple(f"gpu-{n}" for n in range(nodes)),
        node_count=nodes,
        labels={},
        taints=(),
        cpus_per_node=1,
        memory_gib_per_node=1,
    )


def placed(nodes: int, gpus_per_node: int, *demands: Demand) -> dict[str, Placement]:
    found = place(pool(nodes, gpus_per_node), demands)
    assert isinstance(found, dict), found
    return found


def refused(nodes: int, gpus_per_node: int, *demands: Demand) -> PoolFull:
    found = place(pool(nodes, gpus_per_node), demands)
    assert isinstance(found, PoolFull), found
    return found


def test_small_models_leave_a_whole_node_to_a_large_one() -> None:
    found = placed(2, 8, Demand("small", 2, 1), Demand("large", 1, 8))
    assert found["large"].nodes[0] not in found["small"].nodes


def test_no_node_holds_more_gpus_than_it_has() -> None:
    demands = [Demand("a", 3, 2), Demand("b", 2, 4), Demand("c", 5, 1), Demand("d", 1, 8)]
    used: dict[str, int] = {}
    for demand in demands:
        for node in placed(4, 8, *demands)[demand.workload].nodes:
            used[node] = used.get(node, 0) + demand.gpus
    assert max(used.values()) <= 8


def test_a_pool_that_start_order_could_cut_up_is_pinned() -> None:
    found = placed(2, 8, Demand("large", 1, 8), Demand("small", 2, 1))
    assert found["large"].pinned and found["small"].pinned


def test_replicas_of_one_size_are_left_to_the_scheduler() -> None:
    assert not placed(2, 8, Demand("a", 2, 4), Demand("b", 1, 4))["a"].pinned


def test_a_full_pool_has_no_room_to_surge() -> None:
    assert not placed(1, 4, Demand("a", 1, 4))["a"].surge


def test_an_empty_node_is_room_to_surge() -> None:
    assert placed(2, 4, Demand("a", 1, 4))["a"].surge


def test_one_spare_gpu_is_not_room_for_two_models_that_roll_out_together() -> None:
    found = placed(1, 3, Demand("a", 1, 1), Demand("b", 1, 1))
    assert not found["a"].surge


def test_pinned_replicas_that_could_take_each_others_room_are_uncertain() -> None:
    found = placed(2, 4, Demand("x", 1, 3), Demand("y", 1, 2), Demand("small", 3, 1))
    assert found["small"].pinned and not found["small"].certain


@pytest.mark.parametrize(
    ("nodes", "gpus_per_node", "demand"),
    [(1, 4, Demand("a", 1, 8)), (2, 4, Demand("a", 3, 4)), (2, 3, Demand("a", 3, 2)), (0, 8, Demand("a", 1, 1))],
)
def test_what_does_not_fit_is_named(nodes: int, gpus_per_node: int, demand: Demand) -> None:
    assert refused(nodes, gpus_per_node, demand).unplaced == ("a",)


def test_the_refusal_shows_the_sums() -> None:
    text = refused(2, 4, Demand("qwq", 1, 4), Demand("big", 1, 4), Demand("ollama", 1, 1)).arithmetic
    assert "2 x 4 = 8 GPUs" in text and "asked for are 9" in text and "qwq 1 x 4 GPUs (on gpu-0)" in text


def test_free_gpus_scattered_over_nodes_do_not_count_as_room() -> None:
    text = refused(2, 4, Demand("a", 2, 3), Demand("b", 1, 2)).arithmetic
    assert "free after that: gpu-0 1, gpu-1 1" in text


def test_selected_nodes_without_names_are_numbered() -> None:
    chosen = place(
        NodePool("l4", "L4-24GB", "NVIDIA-L4", 23034, 22.0, 1, (), 2, {"a": "b"}, (), 1, 1), [Demand("m", 2, 1)]
    )
    assert isinstance(chosen, dict) and set(chosen["m"].nodes) == {"l4-1", "l4-2"}


def test_a_model_added_at_the_end_moves_none_of_the_others() -> None:
    before = [Demand("large", 1, 4), Demand("small", 1, 1)]
    after = placed(2, 4, *before, Demand("another", 1, 1))
    assert {name: after[name] for name in ("large", "small")} == placed(2, 4, *before)


def test_a_wasteful_order_is_given_up() -> None:
    found = placed(2, 4, Demand("a", 1, 2), Demand("b", 1, 3), Demand("c", 1, 2), Demand("d", 1, 1))
    assert all(placement.nodes for placement in found.values())


def test_one_room_for_each_model_is_enough_to_roll_out_all_of_them() -> None:
    found = placed(1, 4, Demand("a", 1, 1), Demand("b", 1, 1))
    assert found["a"].surge and found["b"].surge
