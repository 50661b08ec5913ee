"""What a stack's evaluation renders for one pod, and how it is mapped to this machine.

Everything that runs in the live tests comes from the evaluated objects: command, arguments, environment, configuration
files and generated secrets. `Local` is the one place where something differs: paths, hosts and ports.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hearth.evaluation import Evaluation

IMAGE_ENVIRONMENT = {
    "ENV": "prod",
    "PORT": "8080",
    "DOCKER": "true",
    "USE_OLLAMA_DOCKER": "false",
    "USE_CUDA_DOCKER": "false",
    "OLLAMA_BASE_URL": "/ollama",
    "OPENAI_API_BASE_URL": "",
    "OPENAI_API_KEY": "",
    "WEBUI_SECRET_KEY": "",
    "SCARF_NO_ANALYTICS": "true",
    "DO_NOT_TRACK": "true",
    "ANONYMIZED_TELEMETRY": "false",
    "WHISPER_MODEL": "base",
    "RAG_EMBEDDING_MODEL": "sentence-transformers/all-MiniLM-L6-v2",
    "RAG_RERANKING_MODEL": "",
    "TIKTOKEN_ENCODING_NAME": "cl100k_base",
}
"""Variables that Open WebUI's image sets itself, those with paths left out (open-webui Dockerfile, 2026-08)."""


@dataclass(frozen=True)
class Rendered:
    """A container as its pod runs it."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    """Values of Secrets included."""
    files: Mapping[str, str]
    """Content by path, of ConfigMaps and Secrets that are mounted."""
    memory_mib: int
    """The limit."""
    replicas: int = 1


@dataclass(frozen=True)
class Local:
    """Where paths and addresses of a container are on this machine."""

    paths: Mapping[str, Path]
    hosts: Mapping[str, int]
    """Ports on 127.0.0.1 by `host:port` within the cluster."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """Whole arguments, or lines of configuration, that are replaced: ports to listen on."""

    def text(self, value: str) -> str:
        """`value` with every path and address replaced."""
        paths = "|".join(map(re.escape, sorted(self.paths, key=len, reverse=True)))
        if paths:
            value = re.sub(rf"(?<![\w./-])({paths})(?![\w-])", lambda match: str(self.paths[match[1]]), value)
        for host, port in self.hosts.items():
            value = re.sub(rf"(?<=[/@]){re.escape(host)}(?!\d)", f"127.0.0.1:{port}", value)
        return value

    def argument(self, value: str) -> str:
        return self.arguments.get(value, self.text(value))


def rendered(evaluation: Evaluation, workload: str) -> Rendered:
    """The main container of a Deployment, StatefulSet or Job; a Job's name may end in its hash.

    Raises KeyError where the stack has no such workload.
    """
    objects = [resource.inputs for resource in evaluation.kubernetes_objects()]
    for manifest in objects:
        name = manifest["metadata"]["name"]
        kind = manifest["kind"]
        if kind in ("Deployment", "StatefulSet") and name == workload:
            break
        if kind == "Job" and re.fullmatch(rf"{workload}-[0-9a-f]{{8}}", name):
            break
    else:
        raise KeyError(workload)
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    return replace(step(evaluation, pod, container), replicas=manifest["spec"].get("replicas", 1))


def step(evaluation: Evaluation, pod: Mapping[str, Any], container: Mapping[str, Any]) -> Rendered:
    """One container of a pod's spec."""
    objects = [resource.inputs for resource in evaluation.kubernetes_objects()]
    named = {(found["kind"], found["metadata"]["name"]): found for found in objects}
    return Rendered(
        argv=(*container.get("command", ()), *container.get("args", ())),
        env={entry["name"]: _value(entry, named) for entry in container.get("env", ())},
        files=dict(_files(pod, container, named)),
        memory_mib=_mib(container["resources"]["limits"]["memory"]),
    )


def _mib(quantity: str) -> int:
    return int(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


def _value(entry: Mapping[str, Any], named: Mapping[tuple[str, str], Any]) -> str:
    if "value" in entry:
        return entry["value"]
    reference = entry["valueFrom"]["secretKeyRef"]
    return _secret(named["Secret", reference["name"]])[reference["key"]]


def _secret(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in manifest["data"].items()}


def _files(
    pod: Mapping[str, Any], container: Mapping[str, Any], named: Mapping[tuple[str, str], Any]
) -> list[tuple[str, str]]:
    volumes = {volume["name"]: volume for volume in pod.get("volumes", ())}
    found: list[tuple[str, str]] = []
    for mount in container.get("volumeMounts", ()):
        volume = volumes[mount["name"]]
        if "configMap" in volume:
            content = named["ConfigMap", volume["configMap"]["name"]]["data"]
            keys = volume["configMap"].get("items")
        elif "secret" in volume:
            content = _secret(named["Secret", volume["secret"]["secretName"]])
            keys = volume["secret"].get("items")
        else:
            continue
        wanted = {item["key"]: item["path"] for item in keys} if keys else {key: key for key in content}
        found += [(f"{mount['mountPath']}/{path}", content[key]) for key, path in wanted.items()]
    return found
