"""Stack files whose parts do not go together."""

from __future__ import annotations

from collections.abc import Mapping

from tests.settings.stack_files import Wrong

COMBINATIONS: Mapping[str, Wrong] = {
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
}
