"""Settings -> Plan: what is decided for a stack that can run."""

from __future__ import annotations

from hearth.workload import ClaimVolume, ScratchVolume
from tests.planning.stacks import BASE, chat, model, plan


def test_the_namespace_follows_the_stack() -> None:
    assert plan().namespace == "hearth-test"


def test_the_volume_holds_the_weights() -> None:
    found = plan().models[0]
    assert found.downloads[0].claim.size_gib > found.weights_gib


def test_servers_mount_weights_read_only() -> None:
    server = plan().models[0].server
    mounts = [m for m in server.container.mounts if isinstance(m.volume, ClaimVolume)]
    assert mounts and all(mount.read_only for mount in mounts)


def test_servers_have_shared_memory() -> None:
    server = plan().models[0].server
    shm = next(m.volume for m in server.container.mounts if m.path == "/dev/shm")
    assert isinstance(shm, ScratchVolume) and shm.in_memory


def test_shared_memory_is_within_the_memory_of_the_container() -> None:
    container = plan(models=[model(tensorParallel=8)]).models[0].server.container
    shm = next(m.volume for m in container.mounts if m.path == "/dev/shm")
    assert isinstance(shm, ScratchVolume) and shm.size_gib < container.resources.memory_gib


def test_servers_never_use_the_internet() -> None:
    assert not any(w.internet for w in plan().workloads if w.kind != "job")


def test_only_downloads_use_the_internet() -> None:
    stack = plan(ollama={"models": ["llama3.2:1b"]})
    assert {w.name for w in stack.workloads if w.internet} == {"qwq-download", "ollama-pull"}


def test_downloads_use_the_chosen_mirror() -> None:
    stack = plan(huggingFace={"endpoint": "https://hf-mirror.com"})
    assert stack.models[0].downloads[0].job.container.env["HF_ENDPOINT"] == "https://hf-mirror.com"


def test_a_token_reaches_only_the_download() -> None:
    stack = plan(huggingFace={"token": "hf_marker"})
    assert [w.name for w in stack.workloads if "HF_TOKEN" in w.container.secret_env] == ["qwq-download"]


def test_without_a_token_no_secret_is_asked_for() -> None:
    assert plan().models[0].downloads[0].job.container.secret_env == ()


def test_the_download_runs_where_the_server_will() -> None:
    found = plan().models[0]
    assert found.downloads[0].job.scheduling.node_labels == found.server.scheduling.node_labels


def test_the_web_ui_talks_to_every_model() -> None:
    stack = plan(models=[model(), model(name="other", servedName="other")])
    urls = stack.web_ui.server.container.env["OPENAI_API_BASE_URLS"]
    assert urls == "http://qwq:8000/v1;http://other:8000/v1"


def test_without_models_no_public_endpoint_is_the_default() -> None:
    env = plan(models=[], ollama={"models": ["llama3.2:1b"]}).web_ui.server.container.env
    assert env["ENABLE_OPENAI_API"] == "false" and "OPENAI_API_BASE_URLS" not in env


def test_callers_and_calls_agree() -> None:
    stack = plan(ollama={"models": ["llama3.2:1b"]}, webUi=chat(redis={}))
    calls = {(w.name, peer.workload) for w in stack.workloads for peer in w.calls}
    callers = {(caller, w.name) for w in stack.workloads for caller in w.callers}
    assert calls == callers


def test_calls_name_ports_that_are_open() -> None:
    stack = plan(ollama={"models": ["llama3.2:1b"]}, webUi=chat(redis={}))
    ports = {(w.name, port.number) for w in stack.workloads for port in w.ports}
    assert {(peer.workload, peer.port) for w in stack.workloads for peer in w.calls} <= ports


def test_grace_exceeds_the_drain_everywhere() -> None:
    stack = plan(ollama={"models": ["llama3.2:1b"]}, webUi=chat(redis={}))
    assert all(w.drain.grace_seconds > w.drain.endpoint_seconds + w.drain.engine_seconds for w in stack.workloads)


def test_every_server_has_probes() -> None:
    stack = plan(ollama={"models": ["llama3.2:1b"]}, webUi=chat(redis={}))
    assert all(w.probes for w in stack.workloads if w.kind != "job")


def test_root_is_used_only_with_a_reason() -> None:
    stack = plan(models=[model(), model(name="r1", engine="sglang")], webUi=chat(redis={}))
    assert {w.name for w in stack.workloads if w.security.user == 0} == {"r1"}


def test_postgres_allows_every_connection_of_the_web_ui() -> None:
    stack = plan(webUi=chat(replicas=8, workers=4, redis={}), cpuNodes={"count": 8, "cpus": 32, "memoryGib": 128})
    env = stack.web_ui.server.container.env
    used = 8 * 4 * (int(env["DATABASE_POOL_SIZE"]) + int(env["DATABASE_POOL_MAX_OVERFLOW"]))
    assert stack.postgres
    allowed = next(a for a in stack.postgres.servers[0].container.args if a.startswith("max_connections="))
    assert used < int(allowed.partition("=")[2])


def test_web_memory_grows_with_workers() -> None:
    def memory(workers: int) -> float:
        return plan(webUi=chat(workers=workers, redis={})).web_ui.server.container.resources.memory_gib

    assert memory(4) - memory(3) == memory(3) - memory(2) == 1.25


def test_replicas_do_not_migrate_by_themselves() -> None:
    stack = plan(webUi=chat(replicas=2, redis={}))
    assert stack.web_ui.server.container.env["ENABLE_DB_MIGRATIONS"] == "false" and stack.web_ui.migration


def test_sqlite_is_migrated_by_its_one_server() -> None:
    stack = plan(webUi=chat(database={"engine": "sqlite", "storageClass": "local-ssd"}))
    assert stack.web_ui.migration is None and "ENABLE_DB_MIGRATIONS" not in stack.web_ui.server.container.env


def test_sqlite_lives_on_the_class_of_databases() -> None:
    stack = plan(webUi=chat(database={"engine": "sqlite", "storageClass": "local-ssd"}))
    assert stack.web_ui.files and stack.web_ui.files.storage_class == "local-ssd"


def test_databases_can_have_a_class_of_their_own() -> None:
    storage = {**BASE["storage"], "databaseStorageClass": "ceph-block"}
    stack = plan(storage=storage)
    assert stack.postgres and stack.postgres.servers[0].claims[0].storage_class == "ceph-block"


def test_data_on_nfs_outlives_the_stack_by_itself() -> None:
    stack = plan()
    assert stack.nfs_class and stack.nfs_class.retain_data and not stack.retain_claims


def test_claims_of_a_class_that_is_not_ours_are_kept() -> None:
    assert plan(storage={"storageClass": "shared"}).retain_claims


def test_data_can_be_given_up_with_the_stack() -> None:
    assert not plan(storage={"storageClass": "shared", "retainData": False}).retain_claims


def test_the_operator_replaces_the_device_plugin() -> None:
    assert [a.name for a in plan(addOns={"gpuOperator": "managed"}).add_ons] == ["csiDriverNfs", "gpuOperator"]


def test_any_cluster_keeps_its_own_add_ons() -> None:
    stack = plan(
        target="kubernetes",
        cluster={"context": "lab"},
        gpuNodePools=[
            {"name": "h100", "gpu": "H100-80GB", "gpusPerNode": 8, "selector": {"pool": "h100"}, "nodeCount": 1}
        ],
    )
    assert {add_on.mode for add_on in stack.add_ons} == {"present"}


def test_without_gpus_nothing_of_nvidia_is_needed() -> None:
    stack = plan(gpuNodePools=None, models=None, ollama={"models": ["llama3.2:1b"]})
    assert stack.runtime_class is None and not [a for a in stack.add_ons if "gpu" in a.name or "nvidia" in a.name]


def test_a_quota_is_written_as_kubernetes_does() -> None:
    assert plan(quota={"gpus": 4, "memoryGib": 100}).quota == {
        "requests.memory": "100Gi",
        "requests.nvidia.com/gpu": "4",
    }


def test_a_pinned_image_is_used() -> None:
    stack = plan(engines={"vllm": {"image": "registry.local/vllm/vllm-openai:v0.31.0"}})
    assert stack.models[0].engine_version == "0.31.0"


def test_parsers_come_from_the_catalog() -> None:
    assert "--tool-call-parser=hermes" in plan().models[0].server.container.args


def test_the_stack_may_choose_another_parser() -> None:
    assert "--reasoning-parser=qwen3" in plan(models=[model(reasoningParser="qwen3")]).models[0].server.container.args


def test_a_full_pool_rolls_out_without_a_spare_gpu() -> None:
    rollout = plan(models=[model(pool="ada", tensorParallel=4)]).models[0].server.rollout
    assert (rollout.strategy, rollout.max_surge) == ("recreate", 0)


def test_unused_pools_are_pointed_out() -> None:
    assert any("pool ada has 4 GPUs that no model uses" in warning for warning in plan().warnings)
