"""Stack files with a key or a value that is wrong by itself, and with secrets in the wrong place."""

from __future__ import annotations

from collections.abc import Mapping

from tests.settings.stack_files import Wrong

DIGEST = "sha256:" + "0" * 63
VALUES: Mapping[str, Wrong] = {
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
    "unknown target": Wrong("target: swarm", "hearth:target", "is not one of onprem, kubernetes, docker", "choose one"),
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
