"""Open WebUI."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hearth.settings.base import Hostname, Image, Means, ObjectName, PositiveInt, Secret, StrictModel, Text
from hearth.settings.provision import Provision
from hearth.settings.services import (
    Banner,
    ContentExtraction,
    Evaluation,
    OpenIdConnect,
    Origin,
    Pipelines,
    SpeechToText,
    Uploads,
)
from hearth.settings.stores import Database, Redis


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
    name: Text | None = None
    """Its title, to which Open WebUI appends its own name; its licence does not allow to remove that."""
    locale: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,4})?$"), Means("a language tag", "ko-KR")] | None = (
        None
    )
    """Language of the pages until a person chooses one; the browser's when left out."""
    banners: list[Banner] = Field(default=[])
    """Notices above every chat."""
    replicas: PositiveInt = 1
    """Pods; more than one needs redis and Postgres."""
    workers: PositiveInt = 1
    """Uvicorn workers in each replica; more than one needs redis and Postgres."""
    hostname: Hostname | None = None
    """The name people type; needed by the exposure types ingress and gateway."""
    other_origins: list[Origin] = Field(default=[])
    """Further addresses under which people open it, such as https://chat.internal; from others it does not work."""
    exposure: Exposure = Field(default_factory=Exposure)
    """How people reach it."""
    sign_up: bool = False
    """People may register by themselves."""
    default_user_role: Literal["pending", "user", "admin"] = "pending"
    """What a newly registered person may do."""
    admin: Admin
    """The first account."""
    open_id_connect: OpenIdConnect | None = None
    """Sign-in through an identity provider."""
    redis: Redis | None = None
    """Sessions and WebSockets of several replicas; none when left out."""
    database: Database = Field(default_factory=Database)
    """Where chats are kept."""
    uploads: Uploads = Field(default_factory=Uploads)
    """Where uploaded files are kept."""
    embedding_model: (
        Annotated[Text, Means("one of ollama.models, or the served name of one of hearth:models", "nomic-embed-text")]
        | None
    ) = None
    """Embeds documents for retrieval; whole documents go to the chat's model when left out."""
    embedding_dimensions: int = Field(default=1536, ge=1, le=4000)
    """Length of vectors in Postgres: longer ones are cut without a word, and it cannot be changed once documents exist.
    """
    content_extraction: ContentExtraction | None = None
    """Reads uploaded documents; the web UI itself does when left out."""
    speech_to_text: SpeechToText | None = None
    """Turns speech into text; no microphone when left out."""
    pipelines: Pipelines | None = None
    """A Pipelines server; none when left out."""
    evaluation: Evaluation | None = None
    """Arena models; none when left out."""
    provision: Provision | None = None
    """Functions, model entries and groups that are there from the start; none when left out."""
    memory_gib_per_worker: float = Field(default=1.25, gt=0)
    """Memory of each worker in GiB: 0.8 measured under load, and half as much again for documents that it reads."""
    cpus_per_worker: float = Field(default=0.5, gt=0)
    """CPUs that each worker requests."""
