"""Containers as the Docker provider is asked for them."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from components.runtimes import Running
from components.runtimes.docker import DockerRuntime, go_duration
from hearth import recording
from hearth.containers import networks, volumes
from hearth.evaluation import Evaluation, EvaluationError, record
from hearth.planning.plan import Plan
from hearth.recording import Resource
from hearth.workload import Workload
from tests.containers.stacks import GPU, POSTGRES, plan

SECRETS = {
    "VLLM_API_KEY": "planted-key",
    "POSTGRES_PASSWORD": "planted-password",
    "REDISCLI_AUTH": "planted-word",
    "auth.conf": "requirepass planted-word\n",
}


def run(planned: Plan, *names: str, attempts: dict[str, str] | None = None) -> tuple[Evaluation, list[Running]]:
    """These workloads of a plan, one after the other."""
    by_name: dict[str, Workload] = {workload.name: workload for workload in planned.workloads}
    running: list[Running] = []

    def program() -> None:
        parent = pulumi.ComponentResource("test:index:Parent", "parent")
        runtime = DockerRuntime(
            planned,
            images={workload.container.image: "sha256:0" for workload in planned.workloads},
            networks={network.name: network.name for network in networks(planned)},
            volumes={volume.name: volume.name for volume in volumes(planned)},
            attempts=attempts,
        )
        for name in names:
            running.append(runtime.run(f"chat-{name}", by_name[name], parent=parent, secrets=SECRETS))

    return record(program), running


def container(evaluation: Evaluation, name: str) -> Resource:
    return evaluation.named("Container", name)


@pytest.fixture(scope="module")
def model() -> Evaluation:
    return run(plan(**GPU), "qwen3-8b-download", "qwen3-8b")[0]


@pytest.fixture(scope="module")
def server(model: Evaluation) -> Any:
    return container(model, "chat-qwen3-8b").inputs


def test_a_container_runs_the_image_that_was_fetched(server: Any) -> None:
    assert server["image"] == "sha256:0"


def test_gpus_are_asked_for_by_their_ids(server: Any) -> None:
    assert server["deviceRequests"] == [{"driver": "nvidia", "capabilities": ["gpu"], "deviceIds": ["3"]}]


def test_sizes_are_in_mib_and_there_is_no_swap(server: Any) -> None:
    assert server["shmSize"] == 4096
    assert server["memory"] == server["memorySwap"] == 30 * 1024


def test_a_port_is_published_at_its_address(server: Any) -> None:
    assert server["ports"] == [{"internal": 8000, "external": 8000, "ip": "127.0.0.1", "protocol": "tcp"}]


def test_a_server_is_awaited_until_it_is_healthy(server: Any) -> None:
    assert server["wait"] and server["waitTimeout"] >= 600 and server["mustRun"]
    assert server["healthcheck"]["interval"] == "5s" and server["healthcheck"]["startPeriod"] == "11m10s"


def test_a_step_is_awaited_until_its_end(model: Evaluation) -> None:
    step = container(model, "chat-qwen3-8b-download").inputs
    assert (step["attach"], step["logs"], step["mustRun"], step["restart"]) == (True, True, False, "no")


def test_the_engine_waits_longer_than_the_container_may_take(model: Evaluation) -> None:
    download = container(model, "chat-qwen3-8b-download")
    assert int(download.options.timeouts.create.removesuffix("s")) > download.inputs["waitTimeout"]


def test_mounts_have_no_options_that_older_engines_lack(model: Evaluation) -> None:
    mounts = container(model, "chat-qwen3-8b-download").inputs["mounts"]
    assert {mount["type"] for mount in mounts} == {"volume"}
    assert not [mount for mount in mounts if "volumeOptions" in mount]


def test_files_are_put_where_the_container_has_a_volume(model: Evaluation) -> None:
    inputs = container(model, "chat-qwen3-8b-download").inputs
    folders = {mount["target"] for mount in inputs["mounts"] if "source" not in mount}
    assert inputs["uploads"] and {upload["file"].rpartition("/")[0] for upload in inputs["uploads"]} == folders


def test_secret_values_are_secret(model: Evaluation) -> None:
    inputs = container(model, "chat-qwen3-8b")
    assert "VLLM_API_KEY=planted-key" in inputs.inputs["envs"]
    assert all(path[0] == "envs" for path in inputs.secret_paths) and inputs.secret_paths


def test_secret_files_are_secret() -> None:
    redis = container(run(plan(**POSTGRES), "redis")[0], "chat-redis")
    [position] = [i for i, upload in enumerate(redis.inputs["uploads"]) if upload["file"].endswith("auth.conf")]
    assert ("uploads", position, "content") in redis.secret_paths


def test_a_server_is_replaced_with_its_steps() -> None:
    found = run(plan(**POSTGRES), "postgres")[0]
    steps = {container(found, f"chat-postgres-{step}").urn for step in ("prepare", "set-password")}
    assert set(container(found, "chat-postgres").options.replace_with) == steps


def test_two_containers_never_have_one_name_at_once(model: Evaluation) -> None:
    assert all(r.options.delete_before_replace for r in model.of_type("Container"))


def test_what_comes_after_a_container_depends_on_it(model: Evaluation) -> None:
    download = container(model, "chat-qwen3-8b-download")
    assert download.urn in container(model, "chat-qwen3-8b").dependencies


def test_a_failed_step_tells_its_name_code_and_last_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "ENDED", {"exitCode": 3, "containerLogs": "begin\nno access to the model\n"})
    with pytest.raises(EvaluationError, match=r"hearth-test-qwen3-8b-download.*exit code 3[^$]*no access") as failure:
        run(plan(**GPU), "qwen3-8b-download")
    assert "runs it again" in str(failure.value)


def test_a_failed_step_keeps_its_server_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "ENDED", {"exitCode": 1, "containerLogs": ""})
    started: list[recording.Resource] = []
    real = recording.Recorder.RegisterResource

    def register(self: recording.Recorder, request: Any) -> Any:
        answer = real(self, request)
        started[:] = self.recorded
        return answer

    monkeypatch.setattr(recording.Recorder, "RegisterResource", register)
    with pytest.raises(EvaluationError):
        run(plan(**POSTGRES), "postgres")
    assert [r.name for r in started if r.custom] == ["chat-postgres-prepare"]


def test_another_attempt_is_another_container() -> None:
    found = run(plan(**POSTGRES), "postgres", attempts={"hearth-test-postgres-set-password": "2"})[0]
    label = {"label": "dev.hearth.attempt", "value": "2"}
    assert label in container(found, "chat-postgres-set-password").inputs["labels"]
    assert label not in container(found, "chat-postgres").inputs["labels"]


def test_a_missing_secret_is_named() -> None:
    with pytest.raises(EvaluationError, match=r"web-ui needs the secrets WEBUI_ADMIN_PASSWORD, WEBUI_SECRET_KEY"):
        run(plan(), "web-ui")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (5, "5s"), (60, "1m0s"), (90, "1m30s"), (300, "5m0s"), (3600, "1h0m0s"), (5025, "1h23m45s")],
)
def test_times_are_written_as_go_does(seconds: int, text: str) -> None:
    assert go_duration(seconds) == text
