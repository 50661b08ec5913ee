"""Each wrong stack file is one problem that names the key, why it is wrong and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import yaml

from hearth.problems import render
from hearth.settings.loading import LoadedStack
from tests.settings.stack_files import Wrong

Load = Callable[..., LoadedStack]


DIGEST = "sha256:" + "0" * 63
CASES: Mapping[str, Wrong] = {
    # keys
    "unknown top-level key": Wrong("modells: []", "hearth:modells", "no key modells", "remove it"),
    "misspelt top-level key": Wrong(
        "timezone: Asia/Seoul", "hearth:timezone", "there is no key timezone", "write timeZone instead"
    ),
    "misspelt key of a list entry": Wrong(
        "models[0].contextLenght: 4096",
        "hearth:models[0].contextLenght",
        "no key contextLenght here",
        "write contextLength instead; hearth:models[0] takes name, source",
        without=("models[0].contextLength",),
    ),
    "misspelt section": Wrong(
        "webUi.redi: {engine: valkey}",
        "hearth:webUi.redi",
        "no key redi",
        "write redis instead",
        without=("webUi.redis",),
    ),
    "key nothing resembles": Wrong("webUi.colour: blue", "hearth:webUi.colour", "no key colour", "remove it"),
    "key twice under two spellings": Wrong(
        "ollama.Models: [x]", "hearth:ollama.Models", "models is given already", "remove it"
    ),
    # missing
    "no target": Wrong("{}", "hearth:target", "is required", "add hearth:target: onprem", without=("target",)),
    "no storage": Wrong("{}", "hearth:storage", "is required", "add hearth:storage: {nfs:", without=("storage",)),
    "no web UI": Wrong("{}", "hearth:webUi", "is required", "add hearth:webUi: {admin: {email:", without=("webUi",)),
    "no context length": Wrong(
        "{}",
        "hearth:models[1].contextLength",
        "is required: longest prompt and answer",
        "add contextLength: 32768",
        without=("models[1].contextLength",),
    ),
    "no admin e-mail": Wrong(
        "webUi.admin: {}", "hearth:webUi.admin.email", "is required", "add email: admin@example.org"
    ),
    "empty section": Wrong("storage: null", "hearth:storage", "is empty", "write hearth:storage: {nfs:"),
    # types and values
    "word for a number": Wrong(
        "models[0].tensorParallel: eight",
        "hearth:models[0].tensorParallel",
        "is text, where a whole number of at least 1 is needed",
        "write tensorParallel: 1",
    ),
    "number in quotes": Wrong(
        'webUi.replicas: "3"', "hearth:webUi.replicas", "is text, where a whole number", "without quotes: replicas: 3"
    ),
    "fraction for a whole number": Wrong(
        "webUi.replicas: 2.5", "hearth:webUi.replicas", "is a number, where a whole number", "write replicas: 1"
    ),
    "boolean for a number": Wrong(
        "webUi.replicas: true", "hearth:webUi.replicas", "is true or false, where a whole number", "write replicas: 1"
    ),
    "word for a boolean": Wrong(
        'webUi.signUp: "yes"', "hearth:webUi.signUp", "is text, where true or false is needed", "signUp: true"
    ),
    "number for text": Wrong(
        "models[0].revision: 123", "hearth:models[0].revision", "is a whole number, where a branch", "quotes"
    ),
    "entry for a list": Wrong(
        "ollama.models: nomic-embed-text",
        "hearth:ollama.models",
        "is text, where a list with at least one entry is needed",
        "models: [nomic-embed-text]",
    ),
    "text for a section": Wrong("cpuNodes: three", "hearth:cpuNodes", "where a section with the keys count", "write"),
    "section for a list": Wrong(
        "models: {name: x}", "hearth:models", "is a mapping, where a list is needed", "make it a list"
    ),
    "text for a list entry": Wrong("models[1]: qwq", "hearth:models[1]", "is text, where a section", "name: qwq-32b"),
    "wrong entry of a list": Wrong(
        "gpuNodePools[0].nodes[1]: 7", "hearth:gpuNodePools[0].nodes[1]", "is a whole number, where the name", "gpu-01"
    ),
    "zero replicas": Wrong(
        "webUi.replicas: 0", "hearth:webUi.replicas", "is not a whole number of at least 1", "replicas: 1"
    ),
    "too much memory utilization": Wrong(
        "models[0].gpuMemoryUtilization: 1.2",
        "hearth:models[0].gpuMemoryUtilization",
        "is not a number above 0 and at most 0.98",
        "gpuMemoryUtilization: 0.9",
    ),
    "not a number at all": Wrong(
        "webUi.cpusPerWorker: .nan", "hearth:webUi.cpusPerWorker", "is not a number above 0", "cpusPerWorker: 0.9"
    ),
    "unknown target": Wrong("target: docker", "hearth:target", "is not one of onprem, kubernetes", "choose one of"),
    "misspelt engine": Wrong(
        "models[0].engine: sg-lang", "hearth:models[0].engine", "is not one of vllm, sglang", "write engine: sglang"
    ),
    "unknown add-on mode": Wrong(
        "addOns.metallb: enabled", "hearth:addOns.metallb", "is not one of managed, present, off", "one of managed"
    ),
    "no tags": Wrong("ollama.models: []", "hearth:ollama.models", "list with at least one entry", "gemma3:4b"),
    "name with capitals": Wrong(
        "models[0].name: DeepSeek_R1", "hearth:models[0].name", "is not a name of at most 40 lower-case", "qwq-32b"
    ),
    "source without organisation": Wrong(
        "models[1].source: QwQ-32B", "hearth:models[1].source", "of the form organisation/model", "source: Qwen/QwQ-32B"
    ),
    "relative share": Wrong(
        "storage.nfs.share: export/x", "hearth:storage.nfs.share", "is not an absolute path", "share: /export/models"
    ),
    "endpoint without scheme": Wrong(
        "huggingFace.endpoint: hf-mirror.com", "hearth:huggingFace.endpoint", "is not a URL", "https://hf-mirror.com"
    ),
    "hostname with a scheme": Wrong(
        "webUi.hostname: https://chat.example.org",
        "hearth:webUi.hostname",
        "is not a full DNS name",
        "chat.example.org",
    ),
    "keep-alive without a unit": Wrong(
        'ollama.keepAlive: "30"', "hearth:ollama.keepAlive", "is not a number with s, m or h", "keepAlive: 30m"
    ),
    "tag with a space": Wrong(
        "ollama.models[0]: gemma3 4b", "hearth:ollama.models[0]", "is not a tag of Ollama's library", "gemma3:4b"
    ),
    "unpinned image": Wrong(
        "engines.vllm.image: vllm/vllm-openai", "hearth:engines.vllm.image", "is not pinned", "released tag"
    ),
    "moving tag": Wrong(
        "webUi.image: ghcr.io/open-webui/open-webui:main", "hearth:webUi.image", "the tag main moves", "released tag"
    ),
    "short digest": Wrong(
        f"engines.ollama.image: ollama/ollama@{DIGEST}", "hearth:engines.ollama.image", "64 hexadecimal", "released tag"
    ),
    "label key with a space": Wrong(
        "gpuNodePools[1]: {name: ada, gpu: RTX4090-24GB, gpusPerNode: 4, nodeCount: 1, selector: {gpu model: ada}}",
        "hearth:gpuNodePools[1].selector.gpu model",
        "gpu model is not the key of a Kubernetes label",
        "write nvidia.com/gpu.product",
    ),
    "label value that is a boolean": Wrong(
        "gpuNodePools[1]: {name: ada, gpu: RTX4090-24GB, gpusPerNode: 4, nodeCount: 1, selector: {gpu: true}}",
        "hearth:gpuNodePools[1].selector.gpu",
        "is true or false, where the value of a Kubernetes label",
        "quotes",
    ),
    # names
    "models of one name": Wrong(
        "models[1].name: deepseek-r1", "hearth:models[1].name", "hearth:models[0].name has this name already", "another"
    ),
    "pools of one name": Wrong(
        "gpuNodePools[1].name: h200\nmodels[1].pool: h200\nollama.pool: h200",
        "hearth:gpuNodePools[1].name",
        "hearth:gpuNodePools[0].name has this name already",
        "another name",
    ),
    "node in two pools": Wrong(
        "gpuNodePools[1].nodes: [gpu-03, gpu-01]",
        "hearth:gpuNodePools[1].nodes[1]",
        "hearth:gpuNodePools[0].nodes[0] has this name already",
        "remove one",
    ),
    "model named like a tier": Wrong(
        "models[0].name: redis", "hearth:models[0].name", "clash with the workloads of Hearth's own redis", "choose"
    ),
    "model named like a migration": Wrong(
        "models[0].name: web-ui-migration",
        "hearth:models[0].name",
        "Hearth's own web-ui",
        "does not begin with web-ui-",
    ),
    "model named like another's download": Wrong(
        "models[1].name: deepseek-r1-download", "hearth:models[1].name", "downloads the weights of", "-download"
    ),
    "unknown pool": Wrong(
        "models[0].pool: h20",
        "hearth:models[0].pool",
        "not the name of a GPU node pool",
        "write h200; the pools are h200",
    ),
    "unknown pool of Ollama": Wrong(
        "ollama.pool: cpu", "hearth:ollama.pool", "not the name of a GPU node pool", "the pools are h200, ada"
    ),
    "served name of two models": Wrong(
        "models[1].servedName: deepseek-r1",
        "hearth:models[1].servedName",
        "hearth:models[0].name is served by this name already",
        "another servedName",
    ),
    "served name of a tag": Wrong(
        'models[1].servedName: "gemma3:4b"', "hearth:models[1].servedName", "hearth:ollama.models[0]", "servedName"
    ),
    "tag twice": Wrong(
        'ollama.models: [nomic-embed-text, "nomic-embed-text:latest"]',
        "hearth:ollama.models[1]",
        "hearth:ollama.models[0] has this name already",
        "remove one",
    ),
    # cluster
    "unknown GPU": Wrong(
        "gpuNodePools[0].gpu: H200", "hearth:gpuNodePools[0].gpu", "not a GPU of the catalog", "write H200-141GB"
    ),
    "pool without nodes": Wrong(
        "gpuNodePools[0].nodes: []", "hearth:gpuNodePools[0].nodes", "the pool has no nodes", "add nodes: [gpu-01"
    ),
    "nodes and selector": Wrong(
        "gpuNodePools[0].selector: {a: b}\ngpuNodePools[0].nodeCount: 2",
        "hearth:gpuNodePools[0].selector",
        "names its nodes already",
        "remove selector",
    ),
    "selector without count": Wrong(
        "gpuNodePools[0]: {name: h200, gpu: H200-141GB, gpusPerNode: 8, selector: {a: b}}",
        "hearth:gpuNodePools[0].nodeCount",
        "required beside selector",
        "add nodeCount: 2",
    ),
    "count beside nodes": Wrong(
        "gpuNodePools[0].nodeCount: 3", "hearth:gpuNodePools[0].nodeCount", "names its 2 nodes already", "remove"
    ),
    "no context with target kubernetes": Wrong(
        "{target: kubernetes, gpuNodePools: [], models: [], ollama: {models: [x, y]}, webUi.embeddingModel: x}",
        "hearth:cluster.context",
        "is required with target kubernetes",
        "kubectl config get-contexts",
        without=("loadBalancer",),
    ),
    "named nodes with target kubernetes": Wrong(
        "target: kubernetes\ncluster: {context: c}\n"
        "gpuNodePools[1]: {name: ada, gpu: L4-24GB, gpusPerNode: 1, nodeCount: 1, selector: {a: b}}",
        "hearth:gpuNodePools[0].nodes",
        "changes no nodes with target kubernetes",
        "selector: {nvidia.com/gpu.product",
        without=("loadBalancer",),
    ),
    "storage from two sources": Wrong(
        "storage.storageClass: nfs-csi", "hearth:storage.storageClass", "has nfs already", "remove either"
    ),
    "storage from nowhere": Wrong("storage: {}", "hearth:storage", "neither nfs nor storageClass", "add nfs:"),
    "NFS without its driver": Wrong(
        "addOns.csiDriverNfs: 'off'", "hearth:addOns.csiDriverNfs", "needs csi-driver-nfs", "managed or present"
    ),
    "two GPU add-ons": Wrong(
        "addOns: {gpuOperator: managed, nvidiaDevicePlugin: managed}",
        "hearth:addOns.nvidiaDevicePlugin",
        "installs a device plugin of its own",
        "off",
    ),
    "abbreviated time zone": Wrong("timeZone: KST", "hearth:timeZone", "is not an IANA time zone", "Asia/Seoul"),
    "city for a time zone": Wrong(
        "timeZone: Seoul", "hearth:timeZone", "not an IANA time zone", "timeZone: Asia/Seoul"
    ),
    # network
    "pool that is not one": Wrong(
        "loadBalancer.addressPool: [192.168.33.240]",
        "hearth:loadBalancer.addressPool[0]",
        "is neither a range nor a CIDR",
        "192.168.33.240-192.168.33.250",
    ),
    "reversed range": Wrong(
        "loadBalancer.addressPool: [192.168.33.250-192.168.33.240]",
        "hearth:loadBalancer.addressPool[0]",
        "is reversed",
        "write a range",
    ),
    "range of two families": Wrong(
        'loadBalancer.addressPool: ["192.168.33.240-fd00::1"]',
        "hearth:loadBalancer.addressPool[0]",
        "mixes IPv4 and IPv6",
        "write a range",
    ),
    "range with a wrong address": Wrong(
        "loadBalancer.addressPool: [192.168.33.240-192.168.33.256]",
        "hearth:loadBalancer.addressPool[0]",
        "192.168.33.256 is not an IP address",
        "write a range",
    ),
    "CIDR with host bits": Wrong(
        "loadBalancer.addressPool: [192.168.33.241/28]", "hearth:loadBalancer.addressPool[0]", "not a CIDR", "CIDR such"
    ),
    "overlapping ranges": Wrong(
        "loadBalancer.addressPool: [192.168.33.240/28, 192.168.33.250-192.168.34.3]",
        "hearth:loadBalancer.addressPool[1]",
        "overlaps hearth:loadBalancer.addressPool[0]",
        "one entry only",
    ),
    "load balancer without addresses": Wrong(
        "{}", "hearth:loadBalancer", "MetalLB has no address to give", "addressPool:", without=("loadBalancer",)
    ),
    "addresses without MetalLB": Wrong(
        "addOns.metallb: 'off'", "hearth:addOns.metallb", "addressPool is for MetalLB", "remove hearth:loadBalancer"
    ),
    "addresses with target kubernetes": Wrong(
        "{target: kubernetes, cluster: {context: c}, gpuNodePools: [], models: [], ollama: {models: [x]}}",
        "hearth:loadBalancer",
        "leaves the addresses of the cluster alone",
        "addOns.metallb: managed or present",
    ),
    "fixed address elsewhere": Wrong(
        "webUi.exposure.address: 10.0.0.1", "hearth:webUi.exposure.address", "is not in loadBalancer", "192.168.33.240-"
    ),
    "fixed address that is none": Wrong(
        "webUi.exposure.address: chat", "hearth:webUi.exposure.address", "is not an IP address", "192.168.33.240"
    ),
    "fixed address of nothing": Wrong(
        "webUi.exposure: {type: none, address: 192.168.33.241}",
        "hearth:webUi.exposure.address",
        "exposure by none has no address",
        "remove it",
    ),
    "ingress without hostname": Wrong(
        "webUi.exposure: {type: ingress, className: nginx}",
        "hearth:webUi.hostname",
        "required with exposure type ingress",
        "add hostname: chat.example.org",
    ),
    "gateway without class": Wrong(
        "{webUi.exposure: {type: gateway}, webUi.hostname: chat.example.org}",
        "hearth:webUi.exposure.className",
        "required with exposure type gateway",
        "kubectl get gatewayclass",
    ),
    "TLS on a load balancer": Wrong(
        "webUi.exposure.tls: {secretName: chat-tls}",
        "hearth:webUi.exposure.tls",
        "belongs to exposure type ingress or gateway",
        "type: gateway",
    ),
    # engines
    "no model at all": Wrong("models: []", "hearth:models", "no model at all", "hearth:ollama", without=("ollama",)),
    "image of another engine": Wrong(
        "engines.sglang.image: vllm/vllm-openai:v0.33.0",
        "hearth:engines.sglang.image",
        "is an image of vllm",
        "write an image of sglang",
    ),
    "argument with a setting of its own": Wrong(
        "models[1].engineArgs: [--seed=1, --max-model-len=4096]",
        "hearth:models[1].engineArgs[1]",
        "Hearth sets --max-model-len itself",
        "the setting contextLength",
    ),
    "argument with underscores": Wrong(
        "models[0].engineArgs: [--tp_size, '4']",
        "hearth:models[0].engineArgs[0]",
        "--tensor-parallel-size",
        "tensorParallel",
    ),
    "argument that is Hearth's": Wrong(
        "models[0].engineArgs: [--port 80]", "hearth:models[0].engineArgs[0]", "sets --port itself", "remove it"
    ),
    # web UI
    "replicas without Redis": Wrong(
        "{}",
        "hearth:webUi.redis",
        "is required with 2 replicas",
        "add redis: {engine: valkey}",
        without=("webUi.redis",),
    ),
    "workers without Redis": Wrong(
        "{webUi.replicas: 1, webUi.workers: 4}",
        "hearth:webUi.redis",
        "is required with 4 workers",
        "add redis",
        without=("webUi.redis",),
    ),
    "replicas on SQLite": Wrong(
        "webUi.database.engine: sqlite",
        "hearth:webUi.database.engine",
        "cannot serve 2 replicas",
        "write engine: postgres",
    ),
    "SQLite on NFS": Wrong(
        "{webUi.replicas: 1, webUi.database: {engine: sqlite}}",
        "hearth:webUi.database.storageClass",
        "SQLite would be on NFS, where its locks do not hold",
        "block storage",
    ),
    "SQLite on a shared class": Wrong(
        "{webUi.replicas: 1, webUi.database: {engine: sqlite}, storage: {storageClass: cephfs}}",
        "hearth:webUi.database.storageClass",
        "SQLite would be on cephfs, which is shared storage",
        "engine: postgres",
    ),
    "embedding model that nobody serves": Wrong(
        "webUi.embeddingModel: nomic-embed",
        "hearth:webUi.embeddingModel",
        "not one of ollama.models",
        "nomic-embed-text",
    ),
    "everybody an administrator": Wrong(
        "{webUi.signUp: true, webUi.defaultUserRole: admin}",
        "hearth:webUi.defaultUserRole",
        "everybody who can reach the page",
        "pending or user",
    ),
    # secrets
    "token in plain text": Wrong(
        "huggingFace.token: hf_planted",
        "hearth:huggingFace.token",
        "secret in plain text",
        "pulumi config set --stack test --secret --path 'hearth:huggingFace.token'",
    ),
    "token under a misspelt key": Wrong(
        "huggingFace.tokn: planted", "hearth:huggingFace.tokn", "there is no key tokn here", "write token instead"
    ),
    "token instead of its section": Wrong(
        "huggingFace: planted", "hearth:huggingFace", "is text, where a section", "hearth:huggingFace: {endpoint:"
    ),
    "password in plain text": Wrong(
        "webUi.admin.password: planted", "hearth:webUi.admin.password", "secret in plain text", "--secret --path"
    ),
    "password that is a number": Wrong(
        "webUi.admin.password: 20261121", "hearth:webUi.admin.password", "is not an encrypted value", "--secret --path"
    ),
    "encrypted setting": Wrong(
        "webUi.hostname: {secure: v1:abc}", "hearth:webUi.hostname", "a plan cannot read it", "plain text"
    ),
    "encrypted section": Wrong(
        "models: {secure: v1:abc}", "hearth:models", "a plan cannot read it", "encrypt only the secrets"
    ),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_wrong_stack_file_is_one_problem(case: Wrong, load_changed: Load) -> None:
    loaded = load_changed(yaml.safe_load(case.changes), case.without)

    assert [problem.key for problem in loaded.problems] == [case.key], render(loaded.problems, loaded.source)
    problem = loaded.problems[0]
    assert case.why in problem.why
    assert case.remedy in problem.remedy
    assert problem.line is not None or case.without


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_message_has_no_jargon_and_no_secret(case: Wrong, load_changed: Load) -> None:
    loaded = load_changed(yaml.safe_load(case.changes), case.without)

    text = render(loaded.problems, loaded.source).lower()
    for forbidden in ("input should", "pydantic", "validation error", "ctx", "nonetype", "dict", "planted", "20261121"):
        assert forbidden not in text
