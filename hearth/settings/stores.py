"""Stores of the web tier: Redis and the database."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from hearth.settings.base import Image, Means, Network, ObjectName, PositiveInt, Secret, StrictModel

PortNumber = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$"), Means("a host name or address", "redis-1.lan")
]


class ExternalServer(StrictModel):
    """A server that is there already; Hearth neither makes it nor backs it up."""

    url: Secret
    """Its address, with user, password and database."""
    networks: list[Network] = Field(default=[])
    """Addresses that it may have, for the NetworkPolicy; any address when left out."""


class ExternalRedis(ExternalServer):
    """A Redis or Valkey of one's own, for this stack alone."""

    port: PortNumber = 6379
    """The port of its URL."""
    sentinels: list[Host] = Field(default=[])
    """Hosts of its Sentinels; the host of the URL is then the name of the service that they watch."""
    sentinel_port: PortNumber = 26379
    """Port of every Sentinel."""


class ExternalPostgres(ExternalServer):
    """A Postgres of one's own, with the extension vector."""

    port: PortNumber = 5432
    """The port of its URL."""
    max_connections: PositiveInt | None = None
    """What it allows its user; a stack that may open more is refused. Not checked when left out."""


class Redis(StrictModel):
    """Sessions and WebSockets."""

    engine: Literal["redis", "valkey", "dragonfly", "external"] = "valkey"
    """All speak the same protocol; external is a server that is there already."""
    mode: Literal["single", "sentinel"] = "single"
    """One server, or three of which one is the master, with Sentinels that replace it within seconds."""
    external: ExternalRedis | None = None
    """Belongs to the engine external."""
    image: Image | None = None
    """The tested one when left out."""
    memory_gib: PositiveInt = 1
    """Memory of each server in GiB."""
    volume_gib: PositiveInt = 2
    """Size of each server's volume in GiB."""

    @property
    def url(self) -> SecretStr | None:
        """Of an external server."""
        return self.external.url if self.external else None


class Database(StrictModel):
    """Chats, users, settings and, with Postgres, the vectors of documents."""

    engine: Literal["postgres", "cloudnativePg", "sqlite", "external"] = "postgres"
    """One server, a cluster of CloudNativePG, a file, or a Postgres that is there already.

    sqlite is for one replica with one worker, on block storage."""
    external: ExternalPostgres | None = None
    """Belongs to the engine external."""
    instances: PositiveInt | None = None
    """Servers of the CloudNativePG cluster, one of them the primary; 3 when left out."""
    pool_size: int = Field(default=8, ge=1, le=100)
    """Connections that each worker of the web UI keeps; for a moment it opens half as many more."""
    image: Image | None = None
    """Of Postgres with pgvector; the tested one when left out."""
    memory_gib: PositiveInt = 2
    """Memory of each Postgres in GiB."""
    volume_gib: PositiveInt = 20
    """Size of each volume in GiB."""
    storage_class: ObjectName | None = None
    """An existing StorageClass for this volume; storage.databaseStorageClass when left out."""

    @property
    def in_postgres(self) -> bool:
        """Whether chats are in a Postgres, of whichever kind."""
        return self.engine != "sqlite"

    @property
    def url(self) -> SecretStr | None:
        """Of an external server."""
        return self.external.url if self.external else None
