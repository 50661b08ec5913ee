from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pulumi
import pulumi_random as random
import pytest

from hearth.pulumi_engine import EngineError, Program
from hearth.rehearsal.build import ensure
from hearth.rehearsal.engine import Engine
from hearth.rehearsal.provider.random import RandomProvider
from hearth.rehearsal.provider.server import serve

Prepare = Callable[[Program], Engine]


@pytest.fixture
def binary() -> Path:
    return ensure(["pulumi"], lambda line: None)["pulumi"]


@pytest.fixture
def prepare(binary: Path, tmp_path: Path) -> Iterator[Prepare]:
    with ExitStack() as resources:
        attached = resources.enter_context(serve(RandomProvider()))

        def start(program: Program) -> Engine:
            return Engine(
                program,
                project="hearth",
                stack="test",
                config={"hearth:models": [{"name": "tiny"}], "hearth:timeZone": "Asia/Seoul"},
                pulumi=binary,
                directory=tmp_path,
                environment={"PULUMI_DEBUG_PROVIDERS": attached},
            )

        yield start


@pytest.mark.cluster
def test_config_reaches_the_program(prepare: Prepare) -> None:
    def program() -> None:
        config = pulumi.Config("hearth")
        pulumi.export("model", config.require_object("models")[0]["name"])
        pulumi.export("zone", config.require("timeZone"))

    assert prepare(program).up().outputs == {"model": "tiny", "zone": "Asia/Seoul"}


@pytest.mark.cluster
def test_exception_in_the_program_is_reported_without_a_trace(prepare: Prepare) -> None:
    def program() -> None:
        raise ValueError("no such pool: h300")

    outcome = prepare(program).up()
    assert not outcome.succeeded
    assert any("no such pool: h300" in error.message for error in outcome.errors)
    assert not any("Traceback" in error.message for error in outcome.errors)


@pytest.mark.cluster
def test_failure_names_the_resource(prepare: Prepare) -> None:
    outcome = prepare(lambda: random.RandomPassword("password", length=0) and None).up()
    assert ("random:index/randomPassword:RandomPassword", "password") in {
        (error.type, error.name) for error in outcome.errors
    }


@pytest.mark.cluster
def test_resource_without_a_provider_is_reported(prepare: Prepare) -> None:
    outcome = prepare(lambda: pulumi.CustomResource("aws:s3/bucket:Bucket", "bucket") and None).up()
    assert any("aws" in error.message for error in outcome.errors)


@pytest.mark.cluster
def test_protected_resources_are_kept_on_request(prepare: Prepare) -> None:
    def program() -> None:
        random.RandomUuid("kept", opts=pulumi.ResourceOptions(protect=True))
        random.RandomUuid("gone")

    engine = prepare(program)
    engine.up()
    assert not engine.destroy().succeeded
    assert engine.destroy(exclude_protected=True).succeeded
    names = [resource["urn"].rsplit("::", 1)[-1] for resource in engine.export_state()["resources"]]
    assert "kept" in names
    assert "gone" not in names


@pytest.mark.cluster
def test_nothing_is_written_outside_the_directory(
    prepare: Prepare, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    engine = prepare(lambda: random.RandomUuid("id") and None)
    engine.up()
    engine.destroy()
    assert list(home.iterdir()) == []


def test_missing_binary_is_an_error_for_the_user(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot start"):
        Engine(
            lambda: None,
            project="hearth",
            stack="test",
            config={},
            pulumi=tmp_path / "pulumi",
            directory=tmp_path,
            environment={},
        )


_SLOW_PROGRAM = """
import sys, time
from pathlib import Path
from hearth.rehearsal.engine import Engine
def program():
    print("running", flush=True)
    time.sleep({seconds})
Engine(program, project="hearth", stack="test", config={{}}, environment={{}},
       pulumi=Path(sys.argv[1]), directory=Path(sys.argv[2])).up()
"""


@pytest.mark.cluster
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_engine_ends_with_its_owner(binary: Path, tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", _SLOW_PROGRAM.format(seconds=3), str(binary), str(tmp_path)]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": root}
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"running\n"
        assert engines(tmp_path)
        owner.send_signal(number)
    deadline = time.monotonic() + 20
    while engines(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert engines(tmp_path) == []


def engines(directory: Path) -> list[str]:
    """Processes whose command is in `directory`."""
    lines: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it has just ended
            continue
    return [line for line in lines if line.startswith(f"{directory}/bin/pulumi")]
