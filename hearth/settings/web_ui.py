"""Open WebUI and its stores."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hearth.settings.base import Hostname, Image, Means, ObjectName, PositiveInt, Secret, StrictModel, Text


class Tls(StrictModel):
    """The certificate of the edge."""

    secret_name: Annotated[ObjectName, Means("the name of a Secret", "chat-tls")]
    """Secret of type kubernetes.io/tls in the stack's namespace."""
    cluster_issuer: ObjectName | None = None
    """A ClusterIssuer of cert-manager that fills this Secret."""


class Exposure(StrictModel):
    """How people reach the web UI."""

    type: Literal["loadBalancer", "ingress", "gateway", "none"] = "loadBalancer"
    """A Service of type LoadBalancer, an Ingress, a Gateway with an HTTPRoute, or nothing outside of the cluster."""
    class_name: ObjectName | None = None
    """IngressClass or GatewayClass; needed by the types ingress and gateway."""
    address: Annotated[Text, Means("one IP address", "192.168.33.240")] | None = None
    """A fixed address of the load balancer's pool (types loadBalancer and gateway)."""
    tls: Tls | None = None
    """The certificate (types ingress and gateway); plain HTTP when left out."""


class Redis(StrictModel):
    """Sessions and WebSockets."""

    engine: Literal["redis", "valkey"] = "valkey"
    """Both speak the same protocol."""
    image: Image | None = None
    """The tested one when left out."""
    memory_gib: PositiveInt = 1
    """Memory in GiB."""
    volume_gib: PositiveInt = 2
    """Size of its volume in GiB."""


class Database(StrictModel):
    """Chats, users, settings and, with Postgres, the vectors of documents."""

    engine: Literal["postgres", "sqlite"] = "postgres"
    """sqlite is for one replica with one worker, on block storage."""
    image: Image | None = None
    """Of Postgres with pgvector; the tested one when left out."""
    memory_gib: PositiveInt = 2
    """Memory of Postgres in GiB."""
    volume_gib: PositiveInt = 20
    """Size of its volume in GiB."""
    storage_class: ObjectName | None = None
    """An existing StorageClass for this volume; storage.databaseStorageClass when left out."""


class Admin(StrictModel):
    """The first account; it is made only while there are no users."""

    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$"), Means("an e-mail address", "admin@example.org")]
    """What the administrator signs in with."""
    name: Text = "Admin"
    """Shown in the chat."""
    password: Secret | None = None
    """Generated when left out; read it with: pulumi stack output --show-secrets adminPassword"""


class WebUi(StrictModel):
    """The chat people use."""

    image: Image | None = None
    """Of Open WebUI; the tested one when left out."""
    replicas: PositiveInt = 1
    """Pods; more than one needs redis and Postgres."""
    workers: PositiveInt = 1
    """Uvicorn workers in each replica; more than one needs redis and Postgres."""
    hostname: Hostname | None = None
    """The name people type; needed by the exposure types ingress and gateway."""
    exposure: Exposure = Field(default_factory=Exposure)
    """How people reach it."""
    sign_up: bool = False
    """People may register by themselves."""
    default_user_role: Literal["pending", "user", "admin"] = "pending"
    """What a newly registered person may do."""
    admin: Admin
    """The first account."""
    redis: Redis | None = None
    """Sessions and WebSockets of several replicas; none when left out."""
    database: Database = Field(default_factory=Database)
    """Where chats are kept."""
    embedding_model: Annotated[Text, Means("one of ollama.models", "nomic-embed-text")] | None = None
    """One of ollama.models; documents are embedded by it for retrieval."""
    files_volume_gib: PositiveInt = 50
    """Size of the volume of uploads, in GiB."""
    memory_gib_per_worker: float = Field(default=1.5, gt=0)
    """Memory of each worker in GiB."""
    cpus_per_worker: float = Field(default=0.5, gt=0)
    """CPUs that each worker requests."""
