"""A right stack file that the tests change."""

from __future__ import annotations

from dataclasses import dataclass

BASE = """
config:
  hearth:target: onprem
  hearth:gpuNodePools:
    - {name: h200, gpu: H200-141GB, gpusPerNode: 8, nodes: [gpu-01, gpu-02]}
    - {name: ada, gpu: RTX4090-24GB, gpusPerNode: 4, nodes: [gpu-03]}
  hearth:storage:
    nfs: {server: 192.168.33.11, share: /export/hearth}
  hearth:loadBalancer: {addressPool: ["192.168.33.240-192.168.33.250"]}
  hearth:models:
    - {name: deepseek-r1, source: deepseek-ai/DeepSeek-R1, engine: sglang, pool: h200, tensorParallel: 8,
       contextLength: 65536}
    - {name: qwq-32b, source: Qwen/QwQ-32B, engine: vllm, pool: ada, tensorParallel: 4, contextLength: 32768}
  hearth:ollama: {models: ["gemma3:4b", nomic-embed-text], pool: ada}
  hearth:webUi:
    replicas: 2
    admin: {email: admin@example.org}
    exposure: {type: loadBalancer}
    redis: {engine: valkey}
"""


@dataclass(frozen=True)
class Wrong:
    """Changes to a right stack file, and what has to be said about them."""

    changes: str
    key: str
    why: str
    remedy: str
    without: tuple[str, ...] = ()
