"""The scripts of backup and restore, against an S3-compatible server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.live import packages
from tests.scripts.backup_site import Site, boto_python, next_backup, object_server, titles
from tests.scripts.backup_site import succeed as must

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(packages.left_out() is not None, reason=packages.left_out() or ""),
]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with object_server(tmp_path_factory.mktemp("s3")) as url:
        yield url


@pytest.fixture
def bucket(objects: str, sqlite: Site) -> Site:
    sqlite.python = boto_python()
    sqlite.place = {
        "S3_ENDPOINT": objects,
        "S3_BUCKET": sqlite.root.name.lower().replace("_", "-"),
        "S3_REGION": "us-east-1",
        "S3_PREFIX": "hearth-test",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "marker-7c1",
    }
    return sqlite


def make_bucket(site: Site) -> Site:
    call = f"boto3.client('s3', endpoint_url='{site.place['S3_ENDPOINT']}', region_name='us-east-1')"
    must(site.run(site.python, "-c", f"import boto3; {call}.create_bucket(Bucket='{site.place['S3_BUCKET']}')"))
    return site


def test_rows_and_files_come_back(bucket: Site) -> None:
    name = make_bucket(bucket).back_up()
    subprocess.run(["rm", "-r", bucket.data], check=True)
    bucket.data.mkdir()
    bucket.restore(name)
    assert titles(bucket) == ["first"] and (bucket.data / "uploads/1_notes.txt").read_text() == "notes"


def test_only_the_newest_are_kept(bucket: Site) -> None:
    make_bucket(bucket).back_up()
    second, third = next_backup(bucket), next_backup(bucket)
    assert [backup["name"] for backup in bucket.list()] == [second, third]


def test_files_of_several_parts_come_back(bucket: Site) -> None:
    content = os.urandom(20 * 2**20)
    (bucket.data / "uploads/5_large").write_bytes(content)
    name = make_bucket(bucket).back_up()
    (bucket.data / "uploads/5_large").unlink()
    bucket.restore(name)
    assert (bucket.data / "uploads/5_large").read_bytes() == content


def test_other_objects_of_the_bucket_stay(bucket: Site) -> None:
    make_bucket(bucket).back_up()
    bucket.place = {**bucket.place, "S3_PREFIX": "hearth-other"}
    bucket.back_up()
    bucket.place = {**bucket.place, "S3_PREFIX": "hearth-test"}
    assert len(bucket.list()) == 1 and not bucket.list()[0]["problem"]


def test_a_missing_bucket_is_explained(bucket: Site) -> None:
    done = bucket.script("backup_web_ui.py")
    assert done.returncode == 1 and "correct hearth:backup.to.s3.bucket" in done.stdout
    assert "marker-7c1" not in done.stdout


def test_a_server_out_of_reach_is_explained(bucket: Site) -> None:
    bucket.place = {**bucket.place, "S3_ENDPOINT": "http://127.0.0.1:9"}
    done = bucket.script("backup_web_ui.py")
    assert done.returncode == 1 and "check hearth:backup.to.s3.endpoint" in done.stdout
