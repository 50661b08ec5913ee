"""Whole rehearsals, as a user starts them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hearth.planning.stack import make_plan
from hearth.rehearsal import observe
from hearth.rehearsal.build import ensure
from hearth.rehearsal.cache import cache_directory
from hearth.rehearsal.course import Options, stand_up
from hearth.settings.loading import load_stack

ROOT = Path(__file__).parents[2]
PLANTED = ("planted-token-0123456789", "planted-password-0123456789")

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the rehearsals of this file keep their files while they run. Short, as sockets lie in it."""
    return tmp_path_factory.mktemp("t")


@pytest.fixture(scope="module")
def environment(temporary: Path) -> Mapping[str, str]:
    return {**os.environ, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}


def hearth(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hearth", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report") / "prod.html"


@pytest.fixture(scope="module")
def outcome(environment: Mapping[str, str], page: Path) -> subprocess.CompletedProcess[str]:
    """A rehearsal of prod, whose report several tests look at."""
    return hearth(environment, "rehearse", "-s", "prod", "--json", "--report", str(page))


@pytest.fixture(scope="module")
def report(outcome: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return json.loads(outcome.stdout)


def test_prod_holds(outcome: subprocess.CompletedProcess[str]) -> None:
    assert outcome.returncode == 0, outcome.stderr + outcome.stdout[-3000:]


def test_no_file_is_left(outcome: subprocess.CompletedProcess[str], temporary: Path) -> None:
    assert not list(temporary.iterdir())


def test_page_is_written(outcome: subprocess.CompletedProcess[str], page: Path) -> None:
    assert "rehearsal held" in page.read_text()


def test_every_pod_is_ready_or_completed(report: dict[str, Any]) -> None:
    pods = report["landscape"]["pods"]
    assert {pod["state"] for pod in pods} == {"Ready", "Completed"}


def test_gpus_are_used_as_planned(report: dict[str, Any]) -> None:
    used = {pool["pool"]: (pool["used"], pool["total"]) for pool in report["pools"]}
    assert used == {"h200": (10, 16), "ada": (5, 8)}


def test_second_up_changes_nothing(report: dict[str, Any]) -> None:
    (second,) = [phase for phase in report["phases"] if phase["name"] == "second up"]
    assert list(second["changes"]) == ["same"]


def test_destroy_leaves_the_volumes_and_what_holds_them(report: dict[str, Any]) -> None:
    kinds = {title.partition(" ")[0] for title in report["left"]}
    kept_by_kubernetes = {"ConfigMap", "ServiceAccount"}
    assert kinds - kept_by_kubernetes == {"Namespace", "PersistentVolume", "PersistentVolumeClaim"}


def test_edge_has_an_address_of_the_stacks_pool(report: dict[str, Any]) -> None:
    (gateway,) = [edge for edge in report["landscape"]["edges"] if edge["kind"] == "Gateway"]
    assert gateway["address"].startswith("192.168.33.24")


def test_volumes_are_bound(report: dict[str, Any]) -> None:
    assert all(volume["bound"] for volume in report["landscape"]["volumes"])


def test_charts_are_recorded(report: dict[str, Any]) -> None:
    assert [chart["name"] for chart in report["charts"]] == ["csi-driver-nfs", "metallb", "nvidia-device-plugin"]


@pytest.mark.parametrize(
    ("arguments", "words", "setting"),
    [
        (
            ["--node-gpus", "gpu-01=7"],
            "1 Insufficient nvidia.com/gpu",
            "hearth:gpuNodePools[0].gpusPerNode",
        ),
        (["--config", "quota={gpus: 4}"], "exceeded quota: quota", "hearth:quota.gpus"),
        (["--without-node", "gpu-02"], "Node gpu-02 does not exist", "hearth:gpuNodePools[0].nodes[1]"),
        (
            ["--config", "storage.databaseStorageClass=fast", "--without-storage-class", "fast"],
            'storageclass.storage.k8s.io "fast" not found',
            "hearth:storage.databaseStorageClass",
        ),
    ],
)
def test_broken_stack_names_the_cause(
    environment: Mapping[str, str], arguments: list[str], words: str, setting: str
) -> None:
    outcome = hearth(environment, "rehearse", "-s", "prod", "--json", "--timeout", "60", *arguments)
    failures = json.loads(outcome.stdout)["failures"]
    assert outcome.returncode == 1
    assert any(words in failure["message"] and failure["settings"][0] == setting for failure in failures), failures


def test_time_limit_ends_a_rehearsal(environment: Mapping[str, str]) -> None:
    outcome = hearth(environment, "rehearse", "-s", "small", "--timeout", "1")
    assert outcome.returncode == 1
    assert "not finished within the time limit of 1 s" in outcome.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_everything(
    environment: Mapping[str, str], temporary: Path, number: signal.Signals, code: int
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "hearth", "rehearse", "-s", "small"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if line.strip() == "up")
        time.sleep(1)
        process.send_signal(number)
        assert process.wait(60) == code
    assert not list(temporary.iterdir())
    assert str(temporary) not in commands()


def commands() -> str:
    """Command lines of all processes."""
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_refused_stack_is_told_as_plan_tells_it(environment: Mapping[str, str]) -> None:
    wrong = ["-s", "prod", "--config", "webUi.replicas=none", "--json"]
    rehearsed, planned = hearth(environment, "rehearse", *wrong), hearth(environment, "plan", *wrong)
    assert (rehearsed.returncode, rehearsed.stdout) == (planned.returncode, planned.stdout) == (1, planned.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--report", "report.pdf"],
        ["--report", "no/such/folder/report.html"],
        ["--node-gpus", "gpu-01"],
        ["--node-gpus", "gpu-01=many"],
        ["--timeout", "0"],
    ],
)
def test_wrong_usage(environment: Mapping[str, str], arguments: list[str]) -> None:
    assert hearth(environment, "rehearse", "-s", "prod", *arguments).returncode == 2


class TestLeftRunning:
    """A cache of its own, so that a cluster of the user is not touched; programs come from the usual one."""

    @pytest.fixture
    def separate(self, environment: Mapping[str, str], temporary: Path) -> Iterator[Mapping[str, str]]:
        ensure(["pulumi"], lambda line: None)
        cache = temporary / "cache"
        (cache / "hearth").mkdir(parents=True)
        for name in ("bin", "modules"):
            (cache / "hearth" / name).symlink_to(cache_directory() / name)
        separate = {**environment, "XDG_CACHE_HOME": str(cache)}
        yield separate
        hearth(separate, "cluster", "down")
        shutil.rmtree(cache)

    def test_cluster_lives_until_it_is_ended(self, separate: Mapping[str, str]) -> None:
        started = hearth(separate, "cluster", "up", "-s", "small")
        kubeconfig = Path(started.stdout.splitlines()[0].removeprefix("export KUBECONFIG="))
        again = hearth(separate, "cluster", "up", "-s", "small")
        assert "already running" in again.stderr
        assert hearth(separate, "cluster", "down").stdout == "Ended: small.\n"
        assert not kubeconfig.exists()

    def test_kept_stack_stays_in_its_cluster(self, separate: Mapping[str, str]) -> None:
        kept = hearth(separate, "rehearse", "-s", "small", "--keep")
        kubeconfig = kept.stdout.partition("export KUBECONFIG=")[2].splitlines()[0]
        plan = make_plan(load_stack(ROOT, "small"))
        pods = observe.landscape(observe.Api(Path(kubeconfig)), plan).pods
        assert pods and all(pod.fine for pod in pods)

    def test_end_without_a_cluster(self, separate: Mapping[str, str]) -> None:
        assert hearth(separate, "cluster", "down").stdout == "No cluster is running.\n"


def test_secrets_stand_only_in_secrets() -> None:
    token, password = PLANTED
    loaded = load_stack(ROOT, "prod", [f"huggingFace.token={token}", f"webUi.admin.password={password}"])
    pulumi = ensure(["pulumi"], lambda line: None)["pulumi"]
    with stand_up(loaded, make_plan(loaded), Options(), pulumi, lambda line: None) as stage:
        outcome = stage.engine.up()
        objects = observe.inventory(stage.api)
        public = [str(outcome), json.dumps(stage.engine.export_state())]
    public += [json.dumps(item) for title, item in objects.items() if not title.startswith("Secret ")]
    values = [
        base64.b64decode(value).decode()
        for title, item in objects.items()
        if title.startswith(f"Secret {stage.plan.namespace}/")
        for value in item["data"].values()
    ]
    assert outcome.succeeded and len(values) > len(PLANTED)
    found = [value for value in [*PLANTED, *values] if any(value in text or encoded(value) in text for text in public)]
    assert found == []


def encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
