"""Pod specs: what each part of a workload becomes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.runtimes.pod import config_files, gib, pod_spec, secret_keys
from hearth.workload import (
    ClaimVolume,
    FilesVolume,
    Mount,
    Scheduling,
    ScratchVolume,
    Security,
    Workload,
)

SELECTOR = {"app.kubernetes.io/name": "qwq"}


def spec(workload: Workload) -> Any:
    return pod_spec(workload, SELECTOR)


def main(workload: Workload) -> Any:
    return spec(workload)["containers"][0]


def with_mounts(workload: Workload, *mounts: Mount) -> Workload:
    return replace(workload, container=replace(workload.container, mounts=mounts))


def test_every_container_meets_the_restricted_level(server: Workload) -> None:
    for container in [*spec(server)["containers"], *spec(server)["init_containers"]]:
        assert container["security_context"] == {
            "allow_privilege_escalation": False,
            "capabilities": {"drop": ["ALL"]},
            "read_only_root_filesystem": True,
        }


def test_the_pod_meets_the_restricted_level(server: Workload) -> None:
    assert spec(server)["security_context"] == {
        "run_as_non_root": True,
        "run_as_user": 2000,
        "run_as_group": 0,
        "fs_group": 0,
        "fs_group_change_policy": "OnRootMismatch",
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def test_root_is_allowed_only_with_a_reason(plain: Workload) -> None:
    root = replace(plain, security=Security(user=0, group=0, root_reason="the image needs it", read_only_root=False))
    assert spec(root)["security_context"]["run_as_non_root"] is False


def test_memory_is_limited_and_cpu_is_not(server: Workload) -> None:
    resources = main(server)["resources"]
    assert resources["requests"] == {
        "cpu": "4",
        "memory": "25088Mi",
        "ephemeral-storage": "20Gi",
        "nvidia.com/gpu": "2",
    }
    assert resources["limits"] == {"memory": "25088Mi", "nvidia.com/gpu": "2"}


def test_a_container_without_gpus_does_not_mention_them(plain: Workload) -> None:
    assert set(main(plain)["resources"]["requests"]) == {"cpu", "memory", "ephemeral-storage"}


def test_environment_is_sorted_and_secrets_are_references(server: Workload) -> None:
    assert main(server)["env"] == [
        {"name": "HOME", "value": "/cache"},
        {"name": "TZ", "value": "Asia/Seoul"},
        {"name": "API_KEY", "value_from": {"secret_key_ref": {"name": "qwq", "key": "API_KEY"}}},
    ]


def test_containers_share_equal_volumes(server: Workload) -> None:
    names = [volume["name"] for volume in spec(server)["volumes"]]
    assert names == ["weights", "opt", "dev-shm", "tmp", "run-secrets"]


def test_volumes_of_every_kind(server: Workload) -> None:
    volumes = {volume["name"]: volume for volume in spec(server)["volumes"]}
    assert volumes["weights"]["persistent_volume_claim"] == {"claim_name": "qwq-weights"}
    assert volumes["dev-shm"]["empty_dir"] == {"medium": "Memory", "size_limit": "8Gi"}
    assert volumes["tmp"]["empty_dir"] == {"size_limit": "512Mi"}
    assert volumes["opt"]["config_map"] == {"name": "qwq", "items": [{"key": "wait.py", "path": "wait.py"}]}
    assert volumes["run-secrets"]["secret"] == {
        "secret_name": "qwq",
        "items": [{"key": "auth.conf", "path": "auth.conf"}],
        "default_mode": 0o440,
    }


def test_different_volumes_at_the_same_path_get_different_names(server: Workload) -> None:
    other = with_mounts(server, Mount("/opt", ScratchVolume(size_gib=1)))
    names = [volume["name"] for volume in spec(other)["volumes"]]
    assert len(set(names)) == len(names) == 3


def test_mounts_name_their_volume_and_say_when_they_are_read_only(server: Workload) -> None:
    mounts = main(server)["volume_mounts"]
    assert mounts[0] == {"name": "weights", "mount_path": "/weights", "read_only": True}
    assert mounts[2] == {"name": "tmp", "mount_path": "/tmp"}


def test_probes_by_http_and_by_command(server: Workload) -> None:
    container = main(server)
    assert container["startup_probe"] == {
        "period_seconds": 10,
        "timeout_seconds": 5,
        "failure_threshold": 90,
        "http_get": {"path": "/ready", "port": 8000},
    }
    assert container["liveness_probe"]["exec_"] == {"command": ["ping"]}


def test_a_pod_leaves_its_endpoints_before_it_is_told_to_stop(server: Workload) -> None:
    assert main(server)["lifecycle"] == {"pre_stop": {"sleep": {"seconds": 15}}}
    assert spec(server)["termination_grace_period_seconds"] == 90


def test_without_endpoints_to_leave_it_stops_at_once(plain: Workload) -> None:
    assert "lifecycle" not in main(plain)


def test_no_service_variables_and_no_token_are_injected(plain: Workload) -> None:
    assert spec(plain)["enable_service_links"] is False
    assert spec(plain)["automount_service_account_token"] is False


def test_a_pod_is_bound_to_its_pool(server: Workload) -> None:
    required = spec(server)["affinity"]["node_affinity"]["required_during_scheduling_ignored_during_execution"]
    assert required["node_selector_terms"] == [
        {
            "match_expressions": [
                {"key": "hearth.dev/node-pool", "operator": "In", "values": ["h200"]},
                {"key": "kubernetes.io/hostname", "operator": "In", "values": ["gpu-01", "gpu-02"]},
            ]
        }
    ]
    assert spec(server)["runtime_class_name"] == "nvidia"
    assert spec(server)["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


@pytest.mark.parametrize(("even", "unsatisfiable"), [(False, "ScheduleAnyway"), (True, "DoNotSchedule")])
def test_replicas_spread_as_strictly_as_planned(server: Workload, even: bool, unsatisfiable: str) -> None:
    workload = replace(server, scheduling=Scheduling(spread=True, even=even))
    [constraint] = spec(workload)["topology_spread_constraints"]
    assert constraint["when_unsatisfiable"] == unsatisfiable
    assert constraint["label_selector"] == {"match_labels": SELECTOR}


def test_a_pod_without_wishes_runs_anywhere(plain: Workload) -> None:
    assert not {"affinity", "tolerations", "topology_spread_constraints", "runtime_class_name"} & set(spec(plain))


def test_a_job_is_not_restarted_in_place(job: Workload) -> None:
    assert spec(job)["restart_policy"] == "Never"


def test_secret_keys_are_those_of_variables_and_files(server: Workload) -> None:
    assert secret_keys(server) == ("API_KEY", "auth.conf")


def test_files_of_all_volumes_are_one_config_map(server: Workload) -> None:
    assert config_files(server) == {"wait.py": "print()"}


def test_two_files_of_one_name_are_refused(server: Workload) -> None:
    clash = with_mounts(server, Mount("/etc/x", FilesVolume({"wait.py": "other"})))
    with pytest.raises(ValueError, match=r"workload qwq: two files are called wait\.py"):
        config_files(clash)


def test_a_volume_mounted_twice_is_one_volume(plain: Workload) -> None:
    twice = with_mounts(plain, Mount("/a", ClaimVolume("data")), Mount("/b", ClaimVolume("data")))
    assert [volume["name"] for volume in spec(twice)["volumes"]] == ["a"]
    assert [mount["name"] for mount in main(twice)["volume_mounts"]] == ["a", "a"]


@pytest.mark.parametrize(
    ("size", "written"),
    [(1, "1Gi"), (0.125, "128Mi"), (1.5, "1536Mi"), (2047, "2047Gi"), (2048, "2Ti"), (0.1, "102Mi")],
)
def test_sizes_are_written_as_kubernetes_stores_them(size: float, written: str) -> None:
    assert gib(size) == written
