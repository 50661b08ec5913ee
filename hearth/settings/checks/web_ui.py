"""What the web UI needs of its stores. Source: Open WebUI's documentation on scaling and multiple replicas."""

from __future__ import annotations

from collections.abc import Iterator

from hearth.problems import Path, Problem
from hearth.settings.checks.names import full_tag
from hearth.settings.stack import Settings
from hearth.settings.structure import nearest

_SEVERAL: tuple[Path, ...] = (("webUi", "replicas"), ("webUi", "workers"))
_DATABASE: Path = ("webUi", "database")


def several_need_redis(settings: Settings) -> Iterator[Problem]:
    """Sessions and WebSockets of several processes meet in Redis."""
    several = _several(settings)
    if several and settings.web_ui.redis is None:
        why = f"is required with {several}: sessions and WebSockets are shared through it"
        yield Problem(("webUi", "redis"), None, why, "add redis: {engine: valkey}", depends_on=_SEVERAL)


def several_need_postgres(settings: Settings) -> Iterator[Problem]:
    """SQLite has one writer."""
    several = _several(settings)
    if several and settings.web_ui.database.engine == "sqlite":
        why = f"cannot serve {several}: SQLite is for one process"
        yield Problem((*_DATABASE, "engine"), "sqlite", why, "write engine: postgres", depends_on=_SEVERAL)


def sqlite_on_block_storage(settings: Settings) -> Iterator[Problem]:
    """SQLite's locks do not work on NFS and other shared file systems, and the database breaks."""
    database, storage = settings.web_ui.database, settings.storage
    storage_class = database.storage_class or storage.database_storage_class
    # With several processes SQLite is refused anyway.
    if database.engine == "sqlite" and storage_class in (None, storage.storage_class) and not _several(settings):
        shared = "NFS" if storage.nfs else f"{storage.storage_class}, which is shared storage"
        yield Problem(
            (*_DATABASE, "storageClass"),
            database.storage_class,
            f"SQLite would be on {shared}, where its locks do not hold and the database breaks",
            "add storageClass with a class of block storage here, or write engine: postgres",
            depends_on=(_DATABASE, ("storage",), *_SEVERAL),
        )


def embedding_model_served(settings: Settings) -> Iterator[Problem]:
    """Documents are embedded by a model that this stack runs."""
    wanted = settings.web_ui.embedding_model
    tags = settings.ollama.models if settings.ollama else []
    if wanted is None or full_tag(wanted) in map(full_tag, tags):
        return
    meant = nearest(wanted, tags)
    remedy = f"{f'write {meant}, or ' if meant else ''}add {wanted} to hearth:ollama.models"
    depends: tuple[Path, ...] = (("ollama",),)
    yield Problem(("webUi", "embeddingModel"), wanted, "is not one of ollama.models", remedy, depends_on=depends)


def registered_people_are_no_admins(settings: Settings) -> Iterator[Problem]:
    """Whoever can reach the page would run it."""
    if settings.web_ui.sign_up and settings.web_ui.default_user_role == "admin":
        why = "signUp is true, so everybody who can reach the page would become an administrator"
        path: Path = ("webUi", "defaultUserRole")
        yield Problem(path, "admin", why, "write pending or user", depends_on=(("webUi", "signUp"),))


def _several(settings: Settings) -> str:
    """`3 replicas`, `2 workers`, both, or nothing."""
    counts = ((settings.web_ui.replicas, "replicas"), (settings.web_ui.workers, "workers"))
    return " and ".join(f"{count} {name}" for count, name in counts if count > 1)
