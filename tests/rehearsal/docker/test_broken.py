"""Stacks that cannot be: the report names the container, the setting and the end of the log, and nothing is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from hearth.catalog.versions import images as catalog_images
from hearth.planning.stack import make_plan
from hearth.rehearsal.cache import cache_directory
from hearth.rehearsal.docker.course import rehearse
from hearth.rehearsal.docker.engine import DockerEngineError
from hearth.rehearsal.docker.images import StandIn, stand_in
from hearth.rehearsal.docker.report import DockerReport
from hearth.settings.loading import load_stack
from tests.conftest import ROOT

pytestmark = pytest.mark.docker

OLLAMA = catalog_images()["ollama"]


def outcome(stand_ins: Mapping[str, StandIn], *overrides: str, seconds: int = 120) -> DockerReport:
    loaded = load_stack(ROOT, "dev", overrides)
    return rehearse(loaded, make_plan(loaded), seconds, lambda line: None, stand_ins=stand_ins)


def ollama(program: str) -> Mapping[str, StandIn]:
    """A stand-in of Ollama whose program is a shell script."""
    good = stand_in(OLLAMA)
    script = f"RUN printf '%s\\n' '#!/bin/sh' '{program}' >/usr/bin/ollama\n"
    return {OLLAMA: replace(good, dockerfile=good.dockerfile + script)}


def test_step_that_fails_shows_the_end_of_its_log() -> None:
    report = outcome(ollama("echo the disk is full >&2; exit 7"))
    messages = [failure.message for failure in report.failures]
    assert any("hearth-dev-ollama-pull" in text and "the local server ended" in text for text in messages), messages


def test_container_that_never_gets_healthy_names_its_setting_and_log() -> None:
    serve_late = "[ $1 != serve ] || [ $OLLAMA_HOST = 127.0.0.1:11434 ] || { echo loading for ever; sleep 600; }"
    real = "exec python -m hearth.rehearsal.docker.stand_ins.ollama $@"
    report = outcome(ollama(f"{serve_late}; {real}"), seconds=25)
    (failure,) = [failure for failure in report.failures if failure.resource == "container hearth-dev-ollama"]
    assert "loading for ever" in failure.message
    assert "hearth:ollama" in failure.settings


def test_image_without_a_stand_in_is_named() -> None:
    with pytest.raises(DockerEngineError, match="no stand-in for the image redis:"):
        outcome({}, 'webUi.redis={"engine": "redis"}')


def test_nothing_is_left_of_a_broken_course() -> None:
    before = set(cache_directory().glob("docker-*"))
    outcome(ollama("exit 7"))
    assert set(cache_directory().glob("docker-*")) <= before
