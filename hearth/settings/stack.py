"""The whole of what a stack file may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hearth.settings.backup import Backup
from hearth.settings.base import Means, Name, StrictModel, Text
from hearth.settings.cluster import AddOns, Cluster, CpuNodes, GpuNodePool, LoadBalancer, Quota, Storage
from hearth.settings.docker import WEB_UI_PORT, Docker
from hearth.settings.models import Engines, HuggingFace, Model, Ollama
from hearth.settings.web_ui import WebUi

_STORAGE = {"nfs": {"server": "192.168.33.11", "share": "/export/models"}}


class Settings(StrictModel):
    """The keys under `hearth:` in a stack file."""

    target: Literal["onprem", "kubernetes", "docker"]
    """onprem: Hearth prepares nodes and add-ons; kubernetes: it stays within its namespace; docker: one host."""
    namespace: Name | None = None
    """`hearth-<stack>` when left out; names of containers begin with it."""
    time_zone: Annotated[Text, Means("an IANA time zone", "Asia/Seoul")] = "UTC"
    """IANA name, such as Asia/Seoul."""
    cluster: Cluster = Field(default_factory=Cluster)
    """The cluster to deploy to."""
    docker: Docker = Field(default_factory=Docker)
    """The engine to deploy to (target docker)."""
    gpu_node_pools: list[GpuNodePool] = Field(default=[])
    """Nodes with GPUs, by product."""
    cpu_nodes: CpuNodes = Field(default_factory=CpuNodes)
    """Nodes without GPUs."""
    add_ons: AddOns = Field(default_factory=AddOns)
    """Third-party parts of the cluster."""
    load_balancer: LoadBalancer | None = None
    """Addresses for Services of type LoadBalancer."""
    storage: Annotated[Storage, Means("a section with nfs or storageClass", _STORAGE)] = Field(default_factory=Storage)
    """Where weights, chats and databases live; required but with target docker."""
    quota: Quota | None = None
    """An upper bound for the namespace; none when left out."""
    hugging_face: HuggingFace = Field(default_factory=HuggingFace)
    """Where weights come from."""
    engines: Engines = Field(default_factory=Engines)
    """Images of the engines."""
    models: list[Model] = Field(default=[])
    """Large models on vLLM or SGLang."""
    ollama: Ollama | None = None
    """Light models; no Ollama server when left out."""
    web_ui: WebUi
    """The chat people use."""
    backup: Backup | None = None
    """Copies of chats and files; none when left out."""

    @property
    def published_ports(self) -> dict[str, int]:
        """Ports of the Docker host by workload; the web UI has one unless the stack says that nobody reaches it."""
        return ({} if self.web_ui.exposure.type == "none" else {"web-ui": WEB_UI_PORT}) | self.docker.publish
