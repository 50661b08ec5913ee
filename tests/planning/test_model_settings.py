"""What a model's settings come to: arguments, volumes, Jobs, steps."""

from __future__ import annotations

from typing import Any

import pytest

from hearth.engines.flags import newest, oldest
from hearth.planning.plan import ModelPlan
from hearth.workload import ClaimVolume, FilesVolume
from tests.engines.rendered import option
from tests.planning.stacks import model, plan

MOE = {"source": "Qwen/Qwen3-30B-A3B", "tensorParallel": 2}
TWO_GPUS = {"tensorParallel": 2}
"""SGLang's buffers for adapters leave one GPU too little."""
LEGAL = {"name": "legal", "source": "acme/legal-lora", "revision": "v2", "sizeGib": 3}
TAX = {"name": "tax", "source": "acme/tax-lora"}


def planned(**changes: Any) -> ModelPlan:
    return plan(models=[model(**changes)]).models[0]


def arguments(**changes: Any) -> tuple[str, ...]:
    return planned(**changes).server.container.args


@pytest.mark.parametrize(
    ("engine", "changes", "argument"),
    [
        ("vllm", {"servedName": "chat"}, "--served-model-name=chat"),
        ("vllm", {"tensorParallel": 2}, "--tensor-parallel-size=2"),
        ("vllm", {"pipelineParallel": 2}, "--pipeline-parallel-size=2"),
        ("vllm", {"dataParallel": 2}, "--data-parallel-size=2"),
        ("vllm", {**MOE, "expertParallel": True}, "--enable-expert-parallel"),
        ("vllm", {"contextLength": 4096}, "--max-model-len=4096"),
        ("vllm", {"gpuMemoryUtilization": 0.95}, "--gpu-memory-utilization=0.95"),
        ("vllm", {"kvCacheDtype": "fp8"}, "--kv-cache-dtype=fp8"),
        ("vllm", {"quantization": "fp8"}, "--quantization=fp8"),
        ("vllm", {"maxNumSeqs": 32}, "--max-num-seqs=32"),
        ("vllm", {"maxNumBatchedTokens": 4096}, "--max-num-batched-tokens=4096"),
        ("vllm", {"prefixCaching": False}, "--no-enable-prefix-caching"),
        ("vllm", {"sleepMode": True}, "--enable-sleep-mode"),
        ("vllm", {"adapters": [LEGAL]}, "legal=/adapters/legal"),
        ("vllm", {"adapters": [LEGAL], "adapterRank": 64}, "--max-lora-rank=64"),
        ("vllm", {"reasoningParser": "qwen3"}, "--reasoning-parser=qwen3"),
        ("vllm", {"toolCallParser": "qwen3_xml"}, "--tool-call-parser=qwen3_xml"),
        ("vllm", {"chatTemplate": "/templates/qwq.jinja"}, "--chat-template=/templates/qwq.jinja"),
        ("vllm", {"engineArgs": ["--seed=1"]}, "--seed=1"),
        ("sglang", {"pipelineParallel": 2}, "--pipeline-parallel-size=2"),
        ("sglang", {"dataParallel": 2}, "--data-parallel-size=2"),
        ("sglang", {**MOE, "expertParallel": True}, "--expert-parallel-size=2"),
        ("sglang", {"contextLength": 4096}, "--context-length=4096"),
        ("sglang", {"gpuMemoryUtilization": 0.9}, "--mem-fraction-static=0.9"),
        ("sglang", {"kvCacheDtype": "fp8_e4m3"}, "--kv-cache-dtype=fp8_e4m3"),
        ("sglang", {"quantization": "fp8"}, "--quantization=fp8"),
        ("sglang", {"maxNumSeqs": 32}, "--max-running-requests=32"),
        ("sglang", {"maxNumBatchedTokens": 4096}, "--chunked-prefill-size=4096"),
        ("sglang", {"prefixCaching": False}, "--disable-radix-cache"),
        ("sglang", {"sleepMode": True}, "--enable-memory-saver"),
        ("sglang", {"adapters": [LEGAL], **TWO_GPUS}, "legal=/adapters/legal"),
        ("sglang", {"adapters": [LEGAL], "adapterRank": 64, **TWO_GPUS}, "--max-lora-rank=64"),
        ("sglang", {"chatTemplate": "chatml"}, "--chat-template=chatml"),
    ],
)
def test_a_setting_becomes_an_argument(engine: str, changes: dict[str, Any], argument: str) -> None:
    assert argument in arguments(engine=engine, **changes)


@pytest.mark.parametrize("image", [oldest("vllm"), newest("vllm")])
def test_the_version_of_the_image_chooses_the_flags(image: str) -> None:
    stack = plan(engines={"vllm": {"image": f"vllm/vllm-openai:v{image}"}})
    args = stack.models[0].server.container.args
    assert ("--enable-reasoning" in args, "--shutdown-timeout=60" in args) == (image == "0.8.0", image != "0.8.0")


def test_a_gpu_of_a_stage_is_a_gpu_of_the_replica() -> None:
    found = planned(tensorParallel=2, pipelineParallel=2, dataParallel=2)
    assert (found.gpus_per_replica, found.server.container.resources.gpus) == (8, 8)


def test_the_longest_context_is_what_fits() -> None:
    found = planned(contextLength="auto")
    assert 20_000 < found.context_length < 40_960 and found.context_length % 256 == 0
    assert option(found.server.container.args, "max-model-len") == str(found.context_length)


def test_the_longest_context_is_no_longer_than_the_model_allows() -> None:
    assert planned(contextLength="auto", tensorParallel=4).context_length == 40_960


def test_users_at_once_share_the_cache() -> None:
    found = planned(contextLength="auto", concurrentUsers=4)
    assert found.context_length < planned(contextLength="auto").context_length / 3
    assert found.memory.max_concurrency >= 4


def test_the_next_longer_context_would_not_fit() -> None:
    longest = planned(contextLength="auto", concurrentUsers=2).context_length
    with pytest.raises(Exception, match=f"contextLength: {longest} "):
        planned(contextLength=longest + 256, concurrentUsers=2)


def test_positions_that_are_scaled_by_an_argument_allow_more() -> None:
    scaled = ['--hf-overrides={"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}']
    assert planned(contextLength=65_536, tensorParallel=4, engineArgs=scaled).context_length == 65_536


def test_a_model_outside_the_catalog_is_served_with_its_size() -> None:
    found = planned(source="acme/x", weightsGib=30, contextLength=4096)
    assert (found.weights_gib, found.memory.kv_cache_gib) == (30, 0.0)


def test_the_size_of_the_stack_goes_before_the_catalogs() -> None:
    assert planned(weightsGib=20).downloads[0].claim.size_gib == 22


@pytest.mark.parametrize("image", ["registry.local/vllm-openai:office-7", f"vllm/vllm-openai@sha256:{'0' * 64}"])
def test_an_image_that_tells_no_version_is_taken_for_the_newest(image: str) -> None:
    found = plan(engines={"vllm": {"image": image}}).models[0]
    assert "--shutdown-timeout=60" in found.server.container.args


def test_each_adapter_has_a_volume_of_its_size() -> None:
    claims = [download.claim for download in planned(adapters=[LEGAL, TAX]).downloads]
    assert [claim.name for claim in claims] == ["qwq-weights", "qwq-legal-weights", "qwq-tax-weights"]
    assert [claim.size_gib for claim in claims][1:] == [4, 3]


def test_an_adapter_is_downloaded_to_its_volume() -> None:
    download = planned(adapters=[LEGAL]).downloads[1]
    [mount] = [m for m in download.job.container.mounts if isinstance(m.volume, ClaimVolume)]
    env = download.job.container.env
    assert (download.job.name, download.job.claims) == ("qwq-legal-download", (download.claim,))
    assert (mount.path, mount.volume) == ("/adapters/legal", ClaimVolume("qwq-legal-weights"))
    assert (env["MODEL_SOURCE"], env["MODEL_REVISION"], env["MODEL_DIRECTORY"]) == (
        "acme/legal-lora",
        "v2",
        "/adapters/legal",
    )


def test_a_server_waits_for_its_adapters_and_reads_them() -> None:
    server = planned(adapters=[LEGAL, TAX]).server
    assert [step.name for step in server.before] == [
        "wait-for-weights",
        "wait-for-adapter-legal",
        "wait-for-adapter-tax",
    ]
    mounted = {m.path: m.read_only for m in server.container.mounts if isinstance(m.volume, ClaimVolume)}
    assert mounted == {"/weights": True, "/adapters/legal": True, "/adapters/tax": True}


def test_an_adapter_may_be_called_weights() -> None:
    server = planned(adapters=[{**TAX, "name": "weights"}]).server
    mounts = {m.path: m.volume for m in server.container.mounts if isinstance(m.volume, ClaimVolume)}
    assert [step.name for step in server.before] == ["wait-for-weights", "wait-for-adapter-weights"]
    assert mounts["/weights"] != mounts["/adapters/weights"]


@pytest.mark.parametrize(("engine", "name"), [("vllm", "legal"), ("sglang", "qwq:legal")])
def test_an_adapter_is_known_by_the_name_that_requests_use(engine: str, name: str) -> None:
    assert planned(engine=engine, adapters=[LEGAL], **TWO_GPUS).adapters == (name,)


def test_sglangs_names_of_adapters_are_pointed_out() -> None:
    stack = plan(models=[model(engine="sglang", adapters=[LEGAL], **TWO_GPUS)])
    assert any("choose qwq:legal" in warning for warning in stack.warnings)


def test_a_template_is_mounted_as_a_file() -> None:
    template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    container = planned(chatTemplate=template).server.container
    [mount] = [m for m in container.mounts if isinstance(m.volume, FilesVolume)]
    path = option(container.args, "chat-template")
    assert isinstance(mount.volume, FilesVolume)
    assert {f"{mount.path}/{name}": text for name, text in mount.volume.files.items()} == {path: template}


def test_a_template_of_the_image_is_not_mounted() -> None:
    mounts = planned(chatTemplate="/templates/qwq.jinja").server.container.mounts
    assert not [m for m in mounts if isinstance(m.volume, FilesVolume)]
