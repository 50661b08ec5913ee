"""Backups of the web tier, and the way back.

The copy of Postgres is made by the tools of its own image; everything else runs in Open WebUI's, which has Python and a
client of S3, runs as the user whom the files belong to, and is on the nodes anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from hearth.catalog.versions import version_of
from hearth.planning.plan import BackupPlan, StorePlan, WebUiPlan
from hearth.planning.scripts import SCRIPTS, script
from hearth.settings.backup import Backup, BackupBucket
from hearth.workload import (
    Claim,
    ClaimVolume,
    Container,
    FilesVolume,
    Mount,
    Outside,
    Resources,
    Schedule,
    Scheduling,
    ScratchVolume,
    Security,
    Workload,
)

NAME = "web-ui-backup"
RESTORE = "web-ui-restore"
DATABASE_CALLERS = (NAME, RESTORE)
"""Workloads that connect to the database."""

BUCKET_SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_CLAIM = "web-ui-backups"
_WORK = "/work"
_VOLUME = "/backups"
_LONGEST_SECONDS = 6 * 3600
_PYTHON = ("backup_store.py", "backup_manifest.py", "backup_web_ui.py", "restore_web_ui.py")
_SHELL = ("database_url.sh", "empty_database.sql", "backup_database.sh", "restore_database.sh")


@dataclass(frozen=True)
class BackupContext:
    """What a backup is made of, and where it runs."""

    stack: str
    namespace: str
    web_ui: WebUiPlan
    postgres: StorePlan | None
    """None with SQLite."""
    tools_image: str
    """Has pg_dump, pg_restore and psql."""
    storage_class: str
    """Of a volume of backups whose settings name none."""
    time_zone: str


def plan_backup(backup: Backup, context: BackupContext) -> BackupPlan:
    """A CronJob that makes backups, and a suspended one from which `hearth restore` makes its Jobs."""
    volume, claim = backup.to.volume, None
    if volume:
        claim = Claim(_CLAIM, volume.size_gib, volume.storage_class or context.storage_class, shared=False)
    create = _create(backup, context, claim)
    return BackupPlan(create, _restore(create, context))


def given_secrets(backup: Backup | None) -> Mapping[str, str]:
    """Values that the stack file gives, by variable."""
    bucket = backup.to.s3 if backup else None
    if bucket is None:
        return {}
    keys = (bucket.access_key.get_secret_value(), bucket.secret_key.get_secret_value())
    return dict(zip(BUCKET_SECRETS, keys, strict=True))


def _create(backup: Backup, context: BackupContext, claim: Claim | None) -> Workload:
    server, bucket = context.web_ui.server, backup.to.s3
    data = server.container.env["DATA_DIR"]
    env = {
        "TZ": context.time_zone,
        "HOME": "/tmp",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DATA_DIR": data,
        "DATABASE_ENGINE": "postgres" if context.postgres else "sqlite",
        "OPEN_WEBUI_VERSION": version_of(server.container.image),
        "BACKUP_STACK": context.stack,
        "BACKUP_KEEP": str(backup.keep),
        "BACKUP_WORK": _WORK,
        **(_bucket(bucket, context.namespace) if bucket else {"BACKUP_VOLUME": _VOLUME}),
    }
    work = Mount(_WORK, ScratchVolume(size_gib=backup.scratch_gib))
    mounts = [work, Mount("/tmp", ScratchVolume(size_gib=1)), _scripts(_PYTHON)]
    if context.web_ui.files:
        # SQLite locks the database while it is read.
        mounts.append(Mount(data, ClaimVolume(context.web_ui.files.name), read_only=context.postgres is not None))
    if claim:
        mounts.append(Mount(_VOLUME, ClaimVolume(claim.name)))
    peers, outside = (context.postgres.peers, context.postgres.calls_outside) if context.postgres else ((), ())
    return Workload(
        name=NAME,
        kind="cronjob",
        tier="backup",
        schedule=Schedule(backup.schedule, context.time_zone),
        before=(_dump(context, work),) if context.postgres else (),
        container=Container(
            name="back-up",
            image=server.container.image,
            resources=Resources(cpus=0.25, memory_gib=1, scratch_gib=backup.scratch_gib + 1),
            command=("python", f"{SCRIPTS}/backup_web_ui.py"),
            env=env,
            secret_env=BUCKET_SECRETS if bucket else (),
            mounts=tuple(mounts),
        ),
        security=Security(user=server.security.user, group=server.security.group),
        claims=(claim,) if claim else (),
        # A volume for one node is mounted where the web UI runs.
        scheduling=Scheduling(near=server.name if context.postgres is None else None),
        calls=peers,
        calls_outside=(*outside, *((_outside(bucket),) if bucket else ())),
        ready_timeout_seconds=_LONGEST_SECONDS,
    )


def _dump(context: BackupContext, work: Mount) -> Container:
    return Container(
        name="dump",
        image=context.tools_image,
        resources=Resources(cpus=0.25, memory_gib=0.5),
        command=("bash", f"{SCRIPTS}/backup_database.sh"),
        env={"HOME": "/tmp", "BACKUP_WORK": _WORK},
        secret_env=context.postgres.secret_env if context.postgres else (),
        mounts=(work, _scripts(_SHELL)),
    )


def _restore(create: Workload, context: BackupContext) -> Workload:
    """The files first, as a file that no row names does no harm; then the database; then the migration.

    Each is a step of its own: the command tells by them whether the old database is still in place.
    """
    fetch = replace(
        create.container,
        name="fetch",
        command=("python", f"{SCRIPTS}/restore_web_ui.py"),
        args=("list",),
        mounts=tuple(replace(mount, read_only=mount.path == SCRIPTS) for mount in create.container.mounts),
    )
    base = replace(create, name=RESTORE, claims=(), scheduling=Scheduling(near=create.scheduling.near))
    schedule = replace(create.schedule, suspended=True) if create.schedule else None
    migration = context.web_ui.migration
    if migration is None:
        return replace(base, schedule=schedule, container=fetch)
    database = replace(create.before[0], name="restore-database", command=("bash", f"{SCRIPTS}/restore_database.sh"))
    return replace(base, schedule=schedule, before=(fetch, database), container=migration.container)


def _scripts(names: tuple[str, ...]) -> Mount:
    return Mount(SCRIPTS, FilesVolume({name: script(name) for name in names}), read_only=True)


def _bucket(bucket: BackupBucket, namespace: str) -> Mapping[str, str]:
    return {
        "S3_ENDPOINT": bucket.endpoint,
        "S3_BUCKET": bucket.bucket,
        "S3_REGION": bucket.region,
        "S3_PREFIX": (bucket.prefix or namespace).strip("/"),
    }


def _outside(bucket: BackupBucket) -> Outside:
    parts = urlsplit(bucket.endpoint)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Outside(port, tuple(bucket.networks)) if bucket.networks else Outside(port)
