"""Containers that failed are made anew, and the others left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearth.containers.attempts import ContainerState, failed_before, next_attempts


def state(
    status: str = "running", exit_code: int = 0, health: str | None = None, attempt: str | None = None
) -> ContainerState:
    labels = {"dev.hearth.attempt": attempt} if attempt else {}
    return ContainerState("hearth-dev-ollama", labels, status, exit_code, health)


@pytest.mark.parametrize(
    "found",
    [
        state("exited", 1),
        state("exited", 137),
        state("created"),
        state("dead"),
        state("restarting"),
        state(health="unhealthy"),
    ],
    ids=lambda found: f"{found.status} {found.health} {found.exit_code}",
)
def test_what_failed_is_tried_again(found: ContainerState) -> None:
    assert next_attempts([found]) == {"hearth-dev-ollama": "2"}


@pytest.mark.parametrize(
    "found",
    [state("exited", 0), state(health="healthy"), state(health="starting"), state("running")],
    ids=lambda found: f"{found.status} {found.health}",
)
def test_what_is_well_is_left_alone(found: ContainerState) -> None:
    assert next_attempts([found]) == {}


def test_attempts_are_counted() -> None:
    assert next_attempts([state("exited", 1, attempt="2")]) == {"hearth-dev-ollama": "3"}


def test_an_attempt_that_went_well_is_the_last_one() -> None:
    assert next_attempts([state("exited", 0, attempt="2")]) == {"hearth-dev-ollama": "2"}


def test_an_engine_that_does_not_answer_has_no_failed_containers(tmp_path: Path) -> None:
    assert failed_before(f"unix://{tmp_path / 'nobody.sock'}", "dev") == {}
