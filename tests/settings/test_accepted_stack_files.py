"""What looks unusual and is right all the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from hearth.problems import render
from hearth.settings.loading import LoadedStack, load_stack

Load = Callable[..., LoadedStack]
REPOSITORY = Path(__file__).parents[2]

KUBERNETES = "target: kubernetes\ncluster: {context: staging}\n"
CASES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "the base": ("{}", ()),
    "off without quotes is text": ("addOns.gpuOperator: 'off'", ()),
    "no models but light ones": ("models: []", ()),
    "models but no light ones": ("{}", ("ollama",)),
    "IPv6 addresses": ('loadBalancer.addressPool: ["fd00::/120", "fd00:1::1-fd00:1::ff"]', ()),
    "addresses that touch": ("loadBalancer.addressPool: [192.168.33.0/25, 192.168.33.128/25]", ()),
    "fixed address at the edge": ("webUi.exposure.address: 192.168.33.250", ()),
    "another load balancer": ("addOns.metallb: 'off'", ("loadBalancer",)),
    "MetalLB with pools of its own": ("addOns.metallb: present", ("loadBalancer",)),
    "nothing exposed": ("webUi.exposure: {type: none}", ("loadBalancer",)),
    "ingress": (
        "webUi.exposure: {type: ingress, className: nginx}\nwebUi.hostname: chat.example.org",
        ("loadBalancer",),
    ),
    "gateway with TLS": (
        "webUi.exposure: {type: gateway, className: envoy, tls: {secretName: chat-tls}}\nwebUi.hostname: chat.go.kr",
        (),
    ),
    "one replica needs no Redis": ("webUi.replicas: 1", ("webUi.redis",)),
    "SQLite on block storage": (
        "webUi.replicas: 1\nwebUi.database: {engine: sqlite, storageClass: local-path}",
        ("webUi.redis",),
    ),
    "SQLite on the class for databases": (
        "webUi.replicas: 1\nwebUi.database: {engine: sqlite}\nstorage.databaseStorageClass: local-path",
        (),
    ),
    "selected nodes": (
        KUBERNETES
        + "gpuNodePools: [{name: h200, gpu: H200-141GB, gpusPerNode: 8, selector: {gpu: h200}, nodeCount: 2}]\n"
        + "models[1].pool: h200\nollama.pool: h200",
        ("loadBalancer",),
    ),
    "pool of addresses with target kubernetes": (
        KUBERNETES + "addOns.metallb: present\ngpuNodePools: []\nmodels: []\nollama: {models: [gemma3]}",
        (),
    ),
    "whole number for a number": ("models[0].weightsGib: 642", ()),
    "image by digest": (f"engines.vllm.image: registry.local:5000/vllm/vllm-openai@sha256:{'0' * 64}", ()),
    "image of a mirror with a port": ("engines.sglang.image: registry.local:5000/mirror/engine:v1", ()),
    "embedding model by its short name": ("webUi.embeddingModel: nomic-embed-text:latest", ()),
    "free engine arguments": ("models[0].engineArgs: [--seed, '1', --trust-remote-code]", ()),
    "context as long as it gets": ("models[0].contextLength: auto\nmodels[0].concurrentUsers: 4", ()),
    "every option of a model": (
        "models[1].pipelineParallel: 1\nmodels[1].dataParallel: 1\nmodels[1].expertParallel: false\n"
        "models[1].kvCacheDtype: fp8\nmodels[1].quantization: fp8\nmodels[1].maxNumSeqs: 64\n"
        "models[1].maxNumBatchedTokens: 4096\nmodels[1].prefixCaching: false\nmodels[1].sleepMode: true\n"
        "models[1].adapters: [{name: legal, source: acme/legal, revision: v1, sizeGib: 3}]\n"
        "models[1].adapterRank: 32\nmodels[1].chatTemplate: '{{ messages }}'",
        (),
    ),
    "adapters of the same source": (
        "models[1].adapters: [{name: one, source: acme/x}, {name: two, source: acme/x, revision: v2}]",
        (),
    ),
    "adapter with the longest names": (
        f"models[1].name: m{'x' * 39}\nmodels[1].adapters: [{{name: thirteenchars, source: acme/x}}]",
        (),
    ),
    "the same source twice": ("models[1].source: deepseek-ai/DeepSeek-R1", ()),
    "tag of another registry": ('ollama.models: ["hf.co/unsloth/gemma-3-4b-it-GGUF:Q4_K_M"]', ()),
    "model that idles for ever": ('ollama.keepAlive: "-1"', ()),
}


@pytest.mark.parametrize(("changes", "without"), [pytest.param(*case, id=name) for name, case in CASES.items()])
def test_a_right_stack_file_has_no_problem(changes: str, without: tuple[str, ...], load_changed: Load) -> None:
    loaded = load_changed(yaml.safe_load(changes), without)

    assert not loaded.problems, render(loaded.problems, loaded.source)


@pytest.mark.parametrize("stack", ["dev", "prod", "small"])
def test_the_stacks_of_this_repository_are_right(stack: str) -> None:
    loaded = load_stack(REPOSITORY, stack)

    assert not loaded.problems, render(loaded.problems, loaded.source)
