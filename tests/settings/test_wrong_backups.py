"""Wrong backup settings: one problem each, that names the key, the reason and the remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import yaml

from hearth.problems import render
from hearth.settings.loading import LoadedStack
from tests.settings.stack_files import Wrong

Load = Callable[..., LoadedStack]

KEYS = "accessKey: {secure: v1:abc}, secretKey: {secure: v1:abc}"
VOLUME = "to: {volume: {}}"


def schedule(text: str) -> str:
    return f"backup: {{{VOLUME}, schedule: '{text}'}}"


CASES: Mapping[str, Wrong] = {
    "nowhere": Wrong("backup: {}", "hearth:backup.to", "is required", "add to: {volume: {sizeGib: 100}}"),
    "neither": Wrong("backup: {to: {}}", "hearth:backup.to", "has neither volume nor s3", "add volume"),
    "both": Wrong(
        f"backup: {{to: {{volume: {{}}, s3: {{endpoint: https://s3.lan, bucket: backups, {KEYS}}}}}}}",
        "hearth:backup.to.s3",
        "backups go to one place",
        "remove either volume or s3",
    ),
    "none kept": Wrong(
        f"backup: {{{VOLUME}, keep: 0}}", "hearth:backup.keep", "is not a whole number of at least 1", "keep: 1"
    ),
    "four fields": Wrong(schedule("2 * * *"), "hearth:backup.schedule", "has 4 fields instead of five", "0 2 * * *"),
    "an hour too late": Wrong(schedule("0 24 * * *"), "hearth:backup.schedule", "hour 24 is not within 0", "0 2 * * *"),
    "no step": Wrong(schedule("*/0 2 * * *"), "hearth:backup.schedule", "minute */0 is not within", "0 2 * * *"),
    "a range backwards": Wrong(schedule("0 2 * * 5-1"), "hearth:backup.schedule", "ends before it begins", "0 2 * * *"),
    "words": Wrong(schedule("at two every night please"), "hearth:backup.schedule", "its minute at", "0 2 * * *"),
    "keys in plain text": Wrong(
        "backup: {to: {s3: {endpoint: https://s3.lan, bucket: backups, accessKey: planted, "
        "secretKey: {secure: v1:abc}}}}",
        "hearth:backup.to.s3.accessKey",
        "secret in plain text",
        "--secret --path",
    ),
    "no scheme": Wrong(
        f"backup: {{to: {{s3: {{endpoint: s3.lan, bucket: backups, {KEYS}}}}}}}",
        "hearth:backup.to.s3.endpoint",
        "is not a URL",
        "https://s3.example.org",
    ),
    "network": Wrong(
        f"backup: {{to: {{s3: {{endpoint: https://s3.lan, bucket: backups, networks: [lan], {KEYS}}}}}}}",
        "hearth:backup.to.s3.networks[0]",
        "is not a network",
        "10.1.2.0/24",
    ),
    "moving tools": Wrong(
        f"backup: {{{VOLUME}, toolsImage: 'postgres:latest'}}", "hearth:backup.toolsImage", "is not pinned", "v0.33.0"
    ),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_wrong_backup_is_one_problem(case: Wrong, load_changed: Load) -> None:
    loaded = load_changed(yaml.safe_load(case.changes), case.without)

    assert [problem.key for problem in loaded.problems] == [case.key], render(loaded.problems, loaded.source)
    problem = loaded.problems[0]
    assert case.why in problem.why and case.remedy in problem.remedy
    assert "planted" not in render(loaded.problems, loaded.source)


@pytest.mark.parametrize("text", ["0 2 * * *", "*/30 1-5 1,15 * 0-6", "5 4 * * 7", "0 0 1-31/2 12 *"])
def test_schedules_of_cron_are_taken(text: str, load_changed: Load) -> None:
    assert not load_changed(yaml.safe_load(schedule(text)), ()).problems
