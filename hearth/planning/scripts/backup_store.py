"""Where backups lie: a folder of a volume, or a bucket of an S3-compatible server. Both hold objects by key.

Environment: BACKUP_VOLUME, or S3_ENDPOINT, S3_BUCKET, S3_REGION, S3_PREFIX, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.
"""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

_FOLDER = "hearth"
"""Within the volume, which may hold folders of its file system as well."""
_BATCH = 1000
"""Objects that S3 deletes in one request."""
_UNREACHABLE = ("EndpointConnectionError", "ConnectTimeoutError", "ConnectionClosedError", "ReadTimeoutError")


class StoreError(Exception):
    """The store refuses or fails; the message says what, why, and what to do."""


class Store(Protocol):
    """Objects by key. Every method raises StoreError when the store fails."""

    @property
    def place(self) -> str:
        """For people."""
        ...

    def sizes(self) -> dict[str, int]:
        """Bytes of every object."""
        ...

    def put(self, key: str, source: Path) -> None:
        """Stores a file, whole or not at all."""
        ...

    def fetch(self, key: str, target: Path) -> None:
        """Writes an object to a file."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Removes objects; those that are gone already are no error."""
        ...


class Folder:
    """A folder; an object that is being written has a name of its own until it is whole."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def place(self) -> str:
        return f"the volume at {self._root.parent}"

    def sizes(self) -> dict[str, int]:
        with self._explained("listed"):
            files = (path for path in self._root.rglob("*") if path.is_file())
            return {path.relative_to(self._root).as_posix(): path.stat().st_size for path in files}

    def put(self, key: str, source: Path) -> None:
        target = self._root / key
        with self._explained(f"written to ({key})"):
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f"{target.name}.part")
            shutil.copyfile(source, part)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(target)

    def fetch(self, key: str, target: Path) -> None:
        with self._explained(f"copied from ({key} to {target})"):
            shutil.copyfile(self._root / key, target)

    def delete(self, keys: Iterable[str]) -> None:
        with self._explained("cleared"):
            for key in keys:
                path = self._root / key
                path.unlink(missing_ok=True)
                with suppress(OSError):  # not empty, or gone
                    path.parent.rmdir()

    @contextmanager
    def _explained(self, done: str) -> Generator[None]:
        try:
            yield
        except OSError as error:
            remedy = "enlarge it" if error.errno in {28, 122} else "check it and its permissions"
            raise StoreError(f"{self.place} cannot be {done}: {error.strerror or error}; {remedy}") from error


class Bucket:
    """A bucket, below a prefix."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        import boto3
        from botocore.config import Config

        self._endpoint, self._bucket = environment["S3_ENDPOINT"], environment["S3_BUCKET"]
        self._prefix = f"{environment['S3_PREFIX']}/"
        self._s3: Any = boto3.client(
            "s3",
            endpoint_url=self._endpoint,
            region_name=environment["S3_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            config=Config(
                s3={"addressing_style": "path"},
                retries={"mode": "standard", "max_attempts": 5},
                connect_timeout=10,
                # Servers other than Amazon's may not know the checksums that the client would add.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    @property
    def place(self) -> str:
        return f"bucket {self._bucket} at {self._endpoint}"

    def sizes(self) -> dict[str, int]:
        with self._explained("list"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            found = (entry for page in pages for entry in page.get("Contents", ()))
            return {entry["Key"].removeprefix(self._prefix): entry["Size"] for entry in found}

    def put(self, key: str, source: Path) -> None:
        with self._explained(f"write {key} to"):
            self._s3.upload_file(str(source), self._bucket, self._prefix + key)

    def fetch(self, key: str, target: Path) -> None:
        with self._explained(f"read {key} from"):
            self._s3.download_file(self._bucket, self._prefix + key, str(target))

    def delete(self, keys: Iterable[str]) -> None:
        objects = [{"Key": self._prefix + key} for key in keys]
        with self._explained("delete from"):
            for start in range(0, len(objects), _BATCH):
                batch = {"Objects": objects[start : start + _BATCH], "Quiet": True}
                failed = self._s3.delete_objects(Bucket=self._bucket, Delete=batch).get("Errors", [])
                if failed:
                    raise StoreError(f"{self.place} does not delete {failed[0]['Key']}: {failed[0]['Message']}")

    @contextmanager
    def _explained(self, action: str) -> Generator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError, OSError) as error:
            raise StoreError(f"cannot {action} {self.place}: {error}; {_remedy(error)}") from error


def _remedy(error: BaseException) -> str:
    text = f"{type(error).__name__} {error}"
    if any(name in text for name in (*_UNREACHABLE, "Could not connect")):
        return "check hearth:backup.to.s3.endpoint and that the cluster may reach it"
    if "NoSuchBucket" in text:
        return "make the bucket, or correct hearth:backup.to.s3.bucket"
    if any(code in text for code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403")):
        return "check hearth:backup.to.s3 accessKey and secretKey, and that they may list, read, write and delete there"
    return "see the message of the server"


def open_store(environment: Mapping[str, str]) -> Store:
    """The store that the environment names. Raises StoreError when it names none."""
    if volume := environment.get("BACKUP_VOLUME"):
        return Folder(Path(volume, _FOLDER))
    if environment.get("S3_ENDPOINT"):
        return Bucket(environment)
    raise StoreError("neither BACKUP_VOLUME nor S3_ENDPOINT is set")
