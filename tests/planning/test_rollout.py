"""Start-up budgets and rollouts."""

from __future__ import annotations

import pytest

from hearth.planning.rollout import download_seconds, gpu_rollout, http_probes, startup_seconds


def test_the_budget_grows_with_the_weights() -> None:
    assert startup_seconds(641, 500) > startup_seconds(61, 500)


def test_a_faster_volume_shortens_the_budget() -> None:
    assert startup_seconds(641, 2000) < startup_seconds(641, 500)


def test_the_startup_probe_lasts_the_whole_budget() -> None:
    startup = http_probes(8000, alive_path="/health", ready_path="/ready", budget_seconds=1230).startup
    assert startup.period_seconds * startup.failure_threshold >= 1230


def test_without_a_spare_gpu_one_replica_is_recreated() -> None:
    assert gpu_rollout(1, 600, spare=False).strategy == "recreate"


def test_without_a_spare_gpu_an_old_replica_ends_first() -> None:
    rollout = gpu_rollout(3, 600, spare=False)
    assert (rollout.max_surge, rollout.max_unavailable) == (0, 1)


def test_with_a_spare_gpu_no_replica_is_missing() -> None:
    rollout = gpu_rollout(3, 600, spare=True)
    assert (rollout.max_surge, rollout.max_unavailable) == (1, 0)


@pytest.mark.parametrize("spare", [True, False])
def test_the_deadline_leaves_time_for_a_start(spare: bool) -> None:
    assert gpu_rollout(2, 1800, spare=spare).progress_deadline_seconds > 1800


def test_a_small_download_has_an_hour() -> None:
    assert download_seconds(1) == 3600


def test_a_large_download_has_the_time_of_a_slow_line() -> None:
    assert download_seconds(641) == pytest.approx(641 * 1024 / 10, rel=0.01)
