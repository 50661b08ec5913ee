"""Backups as planned: what they may reach, what they mount, and whose tools they use."""

from __future__ import annotations

from typing import Any

import pytest

from hearth.planning.plan import BackupPlan, Plan
from hearth.workload import ClaimVolume, Outside, Workload
from tests.planning.stacks import chat, plan

BUCKET = {
    "endpoint": "https://s3.example.org:9000",
    "bucket": "chat-backups",
    "accessKey": "key",
    "secretKey": "secret",
}
SQLITE = chat(database={"engine": "sqlite", "storageClass": "block"})
EXTERNAL = chat(database={"engine": "external", "external": {"url": "postgresql://u:p@db.lan:5432/chat"}})


def planned(place: dict[str, Any] | None = None, **changes: Any) -> Plan:
    return plan(backup={"to": place or {"volume": {}}}, **changes)


def backup(place: dict[str, Any] | None = None, **changes: Any) -> BackupPlan:
    found = planned(place, **changes).backup
    assert found
    return found


def claims(workload: Workload) -> dict[str, bool]:
    """Whether each claim is only read."""
    containers = (*workload.before, workload.container)
    mounts = (mount for container in containers for mount in container.mounts)
    return {mount.volume.claim: mount.read_only for mount in mounts if isinstance(mount.volume, ClaimVolume)}


def test_nothing_is_backed_up_unless_wanted() -> None:
    assert plan().backup is None


def test_a_backup_runs_at_its_time_and_a_restore_never_by_itself() -> None:
    found = backup(timeZone="Asia/Seoul")
    assert found.create.schedule and found.restore.schedule
    assert (found.create.schedule.cron, found.create.schedule.time_zone) == ("0 2 * * *", "Asia/Seoul")
    assert not found.create.schedule.suspended and found.restore.schedule.suspended


def test_the_database_is_copied_by_its_own_image_and_files_by_the_web_uis() -> None:
    found = planned()
    assert found.backup and found.postgres
    dump, copy = found.backup.create.before[0], found.backup.create.container
    assert dump.image == found.postgres.servers[0].container.image
    assert copy.image == found.web_ui.server.container.image


def test_the_tools_of_an_external_server_can_be_chosen() -> None:
    image = "pgvector/pgvector:0.8.6-pg18"
    found = plan(webUi=EXTERNAL, backup={"to": {"volume": {}}, "toolsImage": image}).backup
    assert found and found.create.before[0].image == found.restore.before[1].image == image


def test_a_backup_only_reads_the_files_and_a_restore_writes_them() -> None:
    found = backup()
    assert claims(found.create) == {"web-ui-files": True, "web-ui-backups": False}
    assert claims(found.restore) == {"web-ui-files": False, "web-ui-backups": False}


def test_sqlite_is_copied_beside_the_web_ui_without_another_image() -> None:
    found = backup(webUi=SQLITE)
    assert found.create.before == found.restore.before == ()
    assert found.create.scheduling.near == "web-ui" and not claims(found.create)["web-ui-files"]


def test_uploads_in_a_bucket_are_left_to_it() -> None:
    found = planned(webUi=chat(uploads={"s3": BUCKET}))
    assert found.backup and set(claims(found.backup.create)) == {"web-ui-backups"}
    assert any("turn on versioning there" in warning for warning in found.warnings)


def test_a_bucket_needs_no_volume_and_is_reached_at_its_port_only() -> None:
    found = backup({"s3": {**BUCKET, "networks": ["10.1.0.0/16"]}})
    assert found.create.claims == () and not found.create.internet
    assert found.create.calls_outside == (Outside(9000, ("10.1.0.0/16",)),)


def test_a_prefix_keeps_stacks_apart() -> None:
    assert backup({"s3": BUCKET}).create.container.env["S3_PREFIX"] == "hearth-test"


def test_an_external_database_is_reached() -> None:
    found = backup(webUi=EXTERNAL)
    assert [outside.port for outside in found.create.calls_outside] == [5432] and found.create.calls == ()


def test_both_may_call_the_database() -> None:
    found = planned()
    assert found.postgres and {"web-ui-backup", "web-ui-restore"} <= set(found.postgres.servers[0].callers)


def test_without_backups_nobody_else_may_call_the_database() -> None:
    store = plan().postgres
    assert store and store.servers[0].callers == ("web-ui", "web-ui-migration")


def test_a_restore_ends_with_the_migration() -> None:
    found = planned()
    assert found.backup and found.web_ui.migration
    assert [step.name for step in found.backup.restore.before] == ["fetch", "restore-database"]
    assert found.backup.restore.container == found.web_ui.migration.container


def test_secrets_reach_only_the_containers_that_use_them() -> None:
    found = backup({"s3": BUCKET}).create
    assert found.before[0].secret_env == ("DATABASE_URL",)
    assert found.container.secret_env == ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.mark.parametrize(("changes", "classes"), [({}, "hearth-test-nfs"), ({"storageClass": "other"}, "other")])
def test_a_volume_is_of_the_stacks_class_or_of_its_own(changes: dict[str, str], classes: str) -> None:
    assert [claim.storage_class for claim in backup({"volume": changes}).create.claims] == [classes]


def test_backups_on_the_same_storage_are_warned_of() -> None:
    assert any("backups are on the same storage" in warning for warning in planned().warnings)
    assert not any("same storage" in warning for warning in planned({"volume": {"storageClass": "other"}}).warnings)


def test_a_volume_of_another_class_is_kept_when_the_stack_is_destroyed() -> None:
    assert planned({"volume": {"storageClass": "other"}}).retain_claims and not planned().retain_claims
