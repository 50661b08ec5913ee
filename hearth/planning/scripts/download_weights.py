"""Downloads one model to a volume; runs in a Job, with the engine image's python3 and huggingface_hub (0.34 or newer).

Environment:
  MODEL_SOURCE      org/name
  MODEL_REVISION    branch, tag or commit
  MODEL_DIRECTORY   where the volume is mounted
  HF_ENDPOINT       the hub or a mirror of it (https://huggingface.co when left out)
  HF_TOKEN          for gated models; optional
  EXPECTED_BYTES    size that the volume was planned for; optional
  TIKTOKEN_URL      where gpt-oss models' vocabulary is; optional
  PROGRESS_SECONDS  time between two lines of progress (10)
  RETRY_SECONDS     first pause after a failure; it doubles up to a minute (5)

A cut connection is resumed in the middle of a file. A run that was ended keeps every finished file; the files that were
on their way are fetched again.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import weights_volume as volume
from weights_selection import WEIGHTS, any_matches, matches, select_left_out
from weights_volume import GIB, Marker, Snapshot, say

T = TypeVar("T")

WORKERS = 8
FAILURES = 6
"""Failures in a row, without a further file finished, after which the download is given up."""
LONGEST_PAUSE_SECONDS = 60.0
EXPECTED_MARGIN = 1.1
"""The plan's margin on the volume: a model beyond it may not fit."""

LIBRARY_SETTINGS = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_XET": "1",  # Xet's chunks come from a host of their own, which a mirror does not replace
    "HF_HUB_DOWNLOAD_TIMEOUT": "30",
    "HF_HUB_ETAG_TIMEOUT": "30",
    "HF_HUB_VERBOSITY": "error",
}
"""Environment of huggingface_hub, where the container does not say otherwise."""

TIKTOKEN_SOURCES = ("openai/gpt-oss*",)
TIKTOKEN_FILE = Path("tiktoken", "o200k_base.tiktoken")
TIKTOKEN_URL = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
TIKTOKEN_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
"""Source of both: openai-harmony, public_encodings.rs."""


class Exit(IntEnum):
    """Exit codes; SETTINGS, ACCESS and NOT_FOUND do not go away by trying again."""

    SETTINGS = 2
    ACCESS = 3
    NOT_FOUND = 4
    NETWORK = 5
    DISK = 6
    CONTENT = 7
    TERMINATED = 128 + signal.SIGTERM


class DownloadError(Exception):
    """Ends the run with one line and an exit code."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Settings:
    """The environment, checked."""

    source: str
    revision: str
    root: Path
    endpoint: str
    token: str | None = field(repr=False)
    expected_bytes: float
    """0: not known."""
    tiktoken_url: str
    progress_seconds: float
    retry_seconds: float


def main() -> int:
    """Exit code of the run."""
    signal.signal(signal.SIGTERM, end_at_once)
    try:
        settings = read_settings(os.environ)
        if is_complete(settings):
            say(f"{settings.source} at {settings.revision} is complete in {settings.root}; nothing to do")
            return 0
        with volume.locked(settings.root, settings.progress_seconds):
            if is_complete(settings):
                say(f"{settings.source} at {settings.revision} was completed by another pod")
            else:
                download(settings)
        return 0
    except DownloadError as error:
        say(f"error: {hide_token(str(error))}")
        return error.code
    except OSError as error:
        say(f"error: {disk_error(error)}")
        return Exit.DISK


def end_at_once(_signal: int, _frame: FrameType | None) -> None:
    """Ends the process now: sys.exit would wait for the files on their way, longer than a pod is given."""
    say("terminated; finished files stay, the next run goes on from them")
    os._exit(Exit.TERMINATED)


def is_complete(settings: Settings) -> bool:
    """Whether there is nothing to do."""
    marker = volume.read_marker(settings.root)
    return marker is not None and marker.names(settings.source, settings.revision)


# Settings


def read_settings(env: Mapping[str, str]) -> Settings:
    """The environment as Settings. Raises DownloadError that names the variable."""
    root = Path(required(env, "MODEL_DIRECTORY"))
    if not (root.is_dir() and os.access(root, os.W_OK)):
        raise DownloadError(
            Exit.SETTINGS,
            f"MODEL_DIRECTORY {root} is not a folder that user {os.getuid()} may write to: is the volume mounted?",
        )
    return Settings(
        source=required(env, "MODEL_SOURCE"),
        revision=required(env, "MODEL_REVISION"),
        root=root,
        endpoint=(env.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/"),
        token=(env.get("HF_TOKEN") or "").strip() or None,
        expected_bytes=number(env, "EXPECTED_BYTES", 0),
        tiktoken_url=env.get("TIKTOKEN_URL") or TIKTOKEN_URL,
        progress_seconds=number(env, "PROGRESS_SECONDS", 10),
        retry_seconds=number(env, "RETRY_SECONDS", 5),
    )


def required(env: Mapping[str, str], name: str) -> str:
    """The variable's value. Raises DownloadError if it is not set."""
    if value := env.get(name):
        return value
    raise DownloadError(Exit.SETTINGS, f"{name} is not set")


def number(env: Mapping[str, str], name: str, default: float) -> float:
    """The variable as a number. Raises DownloadError if it is none."""
    text = env.get(name) or str(default)
    try:
        return float(text)
    except ValueError:
        raise DownloadError(Exit.SETTINGS, f"{name} is {text!r}, which is not a number") from None


def hide_token(text: str) -> str:
    """The text without the token."""
    token = (os.environ.get("HF_TOKEN") or "").strip()
    return text.replace(token, "[token]") if token else text


# Download


def download(settings: Settings) -> None:
    """Fetches, verifies and marks the revision. Raises DownloadError."""
    root = settings.root
    volume.remove_partial_files(root)
    say(f"asking {settings.endpoint} for {settings.source} at {settings.revision}")
    snapshot = with_retries(settings, lambda: ask_hub(settings))
    if settings.expected_bytes and snapshot.bytes > settings.expected_bytes * EXPECTED_MARGIN:
        say(
            f"warning: the model has {snapshot.bytes / GIB:.1f} GiB, its volume was planned for"
            f" {settings.expected_bytes / GIB:.1f} GiB: set weightsGib of the model, or sizeGib of the adapter"
        )
    volume.remove_marker(root)
    volume.remove_stale_files(root, snapshot)
    check_space(root, snapshot)
    with volume.progress(root, snapshot, settings.progress_seconds):
        with_retries(
            settings,
            lambda: fetch(settings, snapshot),
            finished=lambda: sum((root / file).exists() for file in snapshot.files),
        )
        if wrong := volume.wrong_files(root, snapshot):
            say(f"fetching again: {'; '.join(wrong.values())}")
            for file in wrong:
                volume.forget(root, file)
            with_retries(settings, lambda: fetch(settings, snapshot))
    if wrong := volume.wrong_files(root, snapshot):
        raise DownloadError(Exit.CONTENT, f"{'; '.join(wrong.values())}: is {settings.endpoint} a complete mirror?")
    if missing := volume.missing_shards(root):
        raise DownloadError(Exit.CONTENT, f"the index names files that {settings.source} does not have: {missing}")
    fetch_vocabulary(settings)
    volume.flush(root, snapshot)
    completed = datetime.now(UTC).isoformat(timespec="seconds")
    volume.write_marker(
        root,
        Marker(settings.source, settings.revision, snapshot.commit, snapshot.files, snapshot.bytes, completed),
    )
    say(f"complete: {settings.source} at commit {snapshot.commit}, {len(snapshot.files)} files, {snapshot.bytes} bytes")


def hub_api(settings: Settings) -> Any:
    """The library's client, whose methods are typed in part only. False: not even a token that the image may hold."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=settings.endpoint, token=settings.token or False)


def ask_hub(settings: Settings) -> Snapshot:
    """The revision's commit and files, less those that servers do not need."""
    info = hub_api(settings).model_info(settings.source, revision=settings.revision, files_metadata=True, timeout=30)
    sizes: dict[str, int] = {file.rfilename: file.size for file in info.siblings or () if file.size is not None}
    if unknown := [file.rfilename for file in info.siblings or () if file.size is None]:
        raise DownloadError(
            Exit.CONTENT,
            f"{settings.endpoint} does not tell the size of {unknown[0]}: use a mirror of the hub's whole API",
        )
    left_out = select_left_out(sizes)
    for rule, files in left_out:
        say(f"leaving out {len(files)} files, {sum(sizes[file] for file in files) / GIB:.1f} GiB: {rule.reason}")
    unwanted = {file for _, files in left_out for file in files}
    wanted = {file: size for file, size in sizes.items() if file not in unwanted}
    if info.sha is None or not any_matches(wanted, WEIGHTS):
        raise DownloadError(
            Exit.CONTENT,
            f"{settings.source} at {settings.revision} has no weights that vLLM or SGLang load (safetensors): name the"
            " original model instead of a conversion",
        )
    return Snapshot(info.sha, wanted)


def check_space(root: Path, snapshot: Snapshot) -> None:
    """Raises DownloadError if the rest of the files does not fit."""
    rest = snapshot.bytes - volume.bytes_present(root, snapshot)
    free = shutil.disk_usage(root).free
    if rest > free:
        raise DownloadError(
            Exit.DISK,
            f"{rest / GIB:.1f} GiB are still to come, the volume at {root} has {free / GIB:.1f} GiB free: enlarge it",
        )


def fetch(settings: Settings, snapshot: Snapshot) -> None:
    """Fetches every file that is not there yet; the first error ends it when the files on their way have ended."""
    fetch_file = partial(
        hub_api(settings).hf_hub_download, settings.source, revision=snapshot.commit, local_dir=settings.root
    )
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(fetch_file, file) for file in snapshot.files]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        pool.shutdown(cancel_futures=True)
    for future in done:
        future.result()


def fetch_vocabulary(settings: Settings) -> None:
    """Fetches what SGLang needs to serve gpt-oss offline and the repository has not; vLLM carries it. Never raises."""
    from huggingface_hub.utils import get_session

    path = settings.root / TIKTOKEN_FILE
    if not matches(settings.source, TIKTOKEN_SOURCES) or path.exists():
        return
    try:
        response = get_session().get(settings.tiktoken_url, timeout=30)
        response.raise_for_status()
        if (digest := hashlib.sha256(response.content).hexdigest()) != TIKTOKEN_SHA256:
            raise ValueError(f"its SHA-256 is {digest}")
        path.parent.mkdir(exist_ok=True)
        volume.replace(path, response.content)
        say(f"vocabulary of gpt-oss: {path}")
    except Exception as error:  # of the HTTP client, as in with_retries
        say(
            f"warning: no vocabulary from {settings.tiktoken_url} ({one_line(error)}); vLLM does not need it, SGLang"
            " cannot serve this model without it: allow the egress or set TIKTOKEN_URL to a copy"
        )


# Errors


def with_retries(settings: Settings, action: Callable[[], T], *, finished: Callable[[], int] = lambda: 0) -> T:
    """The action's result. Raises DownloadError after FAILURES in a row while `finished` does not rise."""
    failures, before, pause = 0, finished(), settings.retry_seconds
    while True:
        try:
            return action()
        except DownloadError:
            raise
        except Exception as error:  # whatever the library's HTTP client raises: requests, httpx or httpx2 by version
            if permanent := permanent_error(settings, error):
                raise permanent from error
            reason = one_line(list(causes(error))[-1])
        if (now := finished()) > before:
            failures, before, pause = 0, now, settings.retry_seconds
        failures += 1
        if failures == FAILURES:
            raise DownloadError(
                Exit.NETWORK,
                f"{settings.endpoint} (HF_ENDPOINT) cannot be reached or breaks off, {FAILURES} times in a row:"
                f" {reason}; allow the egress to it, or set hearth:huggingFace.endpoint to a mirror",
            )
        say(f"failed: {hide_token(reason)}; trying again in {pause:.0f} s")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def permanent_error(settings: Settings, error: Exception) -> DownloadError | None:
    """What no further try can change; None for what one may."""
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    what = f"{settings.source} at {settings.revision}"
    page = f"{settings.endpoint}/{settings.source}"
    remedy = "set a token: pulumi config set --secret --path hearth:huggingFace.token"
    for cause in causes(error):
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            return DownloadError(Exit.DISK, disk_error(cause))
        if isinstance(cause, HFValidationError):
            return DownloadError(Exit.SETTINGS, f"MODEL_SOURCE {settings.source} is not an org/name")
        if isinstance(cause, RevisionNotFoundError):
            return DownloadError(Exit.NOT_FOUND, f"{settings.source} has no revision {settings.revision}: see {page}")
        if isinstance(cause, GatedRepoError):
            accept = "accept the licence on its page with the token's account"
            return DownloadError(Exit.ACCESS, f"{what} is gated: {accept if settings.token else remedy} ({page})")
        if status == 403:
            return DownloadError(
                Exit.ACCESS, f"{page} is forbidden: the token may not read it, or a proxy is in the way"
            )
        if status == 401 and settings.token:
            return DownloadError(Exit.ACCESS, f"the hub refuses the token for {what}: it is wrong or may not read it")
        if status == 401:
            return DownloadError(Exit.ACCESS, f"{what} does not exist or is private: check the name, or {remedy}")
        if isinstance(cause, RepositoryNotFoundError) or status == 404:
            return DownloadError(Exit.NOT_FOUND, f"{settings.endpoint} has no {what}: check the source and revision")
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def one_line(error: BaseException) -> str:
    """The error's kind and text, cut to what a log line bears."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def disk_error(error: OSError) -> str:
    """What failed on the volume, and what to do."""
    remedy = "enlarge it" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check it, its locks and its permissions"
    return f"the volume fails: {error}: {remedy}"


if __name__ == "__main__":
    for name, value in LIBRARY_SETTINGS.items():
        os.environ.setdefault(name, value)
    sys.exit(main())
