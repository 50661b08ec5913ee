from __future__ import annotations

from pathlib import Path

import pytest

from hearth.planning.stack import make_plan
from hearth.pulumi_engine import Diagnostic
from hearth.rehearsal.causes import engine_failures, settings_behind
from hearth.settings.loading import LoadedStack, load_stack

URN = "urn:pulumi:prod::hearth::hearth:index:InferenceTier$kubernetes:apps/v1:Deployment::chat-qwq-32b"
NO_GPU = "0/7 nodes are available: 1 Insufficient nvidia.com/gpu, 6 node(s) didn't match Pod's node affinity/selector."
NO_CPU = "0/7 nodes are available: 7 Insufficient cpu."
NO_MEMORY = "0/7 nodes are available: 7 Insufficient memory."
NO_QUOTA = 'pods "x" is forbidden: exceeded quota: quota, requested: requests.{}=8, used: requests.{}=0, limited: 4'
NO_ADDRESS = "No address is available for it"
UNBOUND = "0/7 nodes are available: pod has unbound immediate PersistentVolumeClaims."
ADDRESSES = "hearth:loadBalancer.addressPool"
DATABASE_CLASS = "hearth:storage.databaseStorageClass"
NO_CLASS = 'storageclass.storage.k8s.io "{}" not found'


@pytest.fixture(scope="module")
def loaded() -> LoadedStack:
    return load_stack(Path(__file__).parents[2], "prod", ["storage.databaseStorageClass=fast"])


@pytest.mark.parametrize(
    ("kind", "name", "message", "settings"),
    [
        ("Deployment", "chat-qwq-32b", NO_GPU, ("hearth:gpuNodePools[1].gpusPerNode", "hearth:models[2]")),
        ("Deployment", "chat-ollama", NO_GPU, ("hearth:gpuNodePools[1].gpusPerNode", "hearth:ollama")),
        ("Deployment", "chat-deepseek-r1", NO_CPU, ("hearth:gpuNodePools[0].cpusPerNode", "hearth:models[0]")),
        ("StatefulSet", "chat-redis", NO_CPU, ("hearth:cpuNodes.cpus", "hearth:webUi.redis")),
        ("Deployment", "chat-web-ui", NO_MEMORY, ("hearth:cpuNodes.memoryGib", "hearth:webUi")),
        ("Job", "chat-web-ui-migration", "DeadlineExceeded", ("hearth:webUi",)),
        ("Job", "chat-qwq-32b-download", "BackoffLimitExceeded", ("hearth:models[2]",)),
        ("Deployment", "x", NO_QUOTA.format("nvidia.com/gpu", "nvidia.com/gpu"), ("hearth:quota.gpus",)),
        ("Deployment", "x", NO_QUOTA.format("cpu", "cpu"), ("hearth:quota.cpus",)),
        ("Deployment", "x", NO_QUOTA.format("memory", "memory"), ("hearth:quota.memoryGib",)),
        ("PersistentVolumeClaim", "redis-data", NO_CLASS.format("fast"), (DATABASE_CLASS, "hearth:webUi.redis")),
        ("PersistentVolumeClaim", "x", NO_CLASS.format("hearth-nfs"), ("hearth:storage.nfs",)),
        ("Pod", "postgres-0", UNBOUND, (DATABASE_CLASS, "hearth:webUi.database")),
        ("Gateway", "chat-web-ui", NO_ADDRESS, (ADDRESSES, "hearth:webUi.exposure", "hearth:webUi")),
        ("Service", "web-ui-external", 'Failed to allocate IP for "x": no available IPs', (ADDRESSES, "hearth:webUi")),
        ("NodePatch", "chat-h200-gpu-02", "Node gpu-02 does not exist: a patch", ("hearth:gpuNodePools[0].nodes[1]",)),
        ("Release", "metallb", "not found", ("hearth:addOns",)),
        ("Widget", "unheard-of", "of", ()),
    ],
)
def test_settings_behind(loaded: LoadedStack, kind: str, name: str, message: str, settings: tuple[str, ...]) -> None:
    assert loaded.settings is not None
    assert settings_behind(kind, name, message, make_plan(loaded), loaded.settings) == settings


def failures(loaded: LoadedStack, *errors: Diagnostic) -> list[tuple[str, str]]:
    assert loaded.settings is not None
    found = engine_failures("up", errors, make_plan(loaded), loaded.settings)
    return [(failure.resource, failure.message) for failure in found]


def test_summary_of_the_engine_is_left_out(loaded: LoadedStack) -> None:
    errors = (Diagnostic("error", "is not ready", URN), Diagnostic("error", "update failed"))
    assert failures(loaded, *errors) == [("Deployment chat-qwq-32b", "is not ready")]


def test_error_of_the_program_is_kept(loaded: LoadedStack) -> None:
    assert failures(loaded, Diagnostic("error", "no such key")) == [("stack", "no such key")]


def test_words_of_the_cluster_stand_alone(loaded: LoadedStack) -> None:
    error = Diagnostic("error", "1 error occurred:\n\t* Deployment hearth/qwq-32b is not ready: x\n\n", URN)
    assert failures(loaded, error) == [("Deployment chat-qwq-32b", "Deployment hearth/qwq-32b is not ready: x")]
