"""What a model's repository says of it, wherever it is: config.json and the size of the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal, Protocol, cast

CONFIG = "config.json"
_QUANTIZATION = "hf_quant_config.json"
_INDEX = "model.safetensors.index.json"
_OTHER_FORMATS = {"*.gguf": "GGUF", "*.bin": ".bin", "*.pt": ".pt", "*.pth": ".pth", "*.onnx": "ONNX"}


class RepositoryError(Exception):
    """A repository that cannot be read or used: what, why and the remedy."""


class Repository(Protocol):
    """A model's files."""

    @property
    def origin(self) -> str:
        """Where it is, for people."""
        ...

    @property
    def revision(self) -> str | None:
        """The commit that is read; None where there is none."""
        ...

    def sizes(self) -> Mapping[str, int | None]:
        """Every file, and its bytes where they are known. Raises RepositoryError."""
        ...

    def read(self, file: str) -> bytes:
        """A file's content. Raises RepositoryError."""
        ...


@dataclass(frozen=True)
class Description:
    """What the files say."""

    config: Mapping[str, Any]
    """config.json, with the keys of hf_quant_config.json where quantisation is described there."""
    weights_bytes: int | None
    """Of the safetensors together; None where the repository has no weights at all."""
    weights_from: Literal["index", "files"]


@dataclass(frozen=True)
class Folder:
    """A model in a folder, as `huggingface-cli download --local-dir` leaves it."""

    path: Path
    revision: None = None

    @property
    def origin(self) -> str:
        return str(self.path)

    def sizes(self) -> Mapping[str, int | None]:
        try:
            return {file.name: file.stat().st_size for file in self.path.iterdir() if file.is_file()}
        except OSError as error:
            raise RepositoryError(f"{self.path} cannot be read: {error.strerror}") from None

    def read(self, file: str) -> bytes:
        try:
            return (self.path / file).read_bytes()
        except OSError as error:
            raise RepositoryError(f"{self.path / file} cannot be read: {error.strerror}") from None


def describe(repository: Repository) -> Description:
    """Raises RepositoryError for a repository without config.json, or with weights that engines do not load."""
    sizes = repository.sizes()
    if CONFIG not in sizes:
        why = _other_format(sizes) or "is it the folder or repository of a model?"
        raise RepositoryError(f"{repository.origin} has no {CONFIG}: {why}")
    config = _json(repository, CONFIG)
    if _QUANTIZATION in sizes and "quantization_config" not in config:
        config |= _json(repository, _QUANTIZATION)
    if _INDEX in sizes:
        index = _json(repository, _INDEX)
        if total := _total_size(index):
            return Description(config, total, "index")
        return Description(config, _sum(repository, sizes, _shards(repository, index)), "files")
    weights = _weight_files(sizes)
    if not weights and (other := _other_format(sizes)):
        raise RepositoryError(f"{repository.origin} has no safetensors: {other}")
    return Description(config, _sum(repository, sizes, weights) if weights else None, "files")


def _json(repository: Repository, file: str) -> dict[str, Any]:
    content = repository.read(file)
    try:
        value: object = json.loads(content)
    except ValueError:
        start = content[:40].decode(errors="replace").strip()
        raise RepositoryError(
            f"{file} of {repository.origin} is not JSON (it begins with {start!r}): is the file complete, and the "
            "endpoint a hub rather than a sign-in page?"
        ) from None
    if not isinstance(value, dict):
        raise RepositoryError(f"{file} of {repository.origin} is no JSON object: is it a model's?")
    return cast("dict[str, Any]", value)


def _total_size(index: Mapping[str, Any]) -> int | None:
    metadata = index.get("metadata")
    total = cast("dict[str, object]", metadata).get("total_size") if isinstance(metadata, dict) else None
    if isinstance(total, float) and total.is_integer():  # as some tools write it
        total = int(total)
    return total if isinstance(total, int) and total > 0 else None


def _shards(repository: Repository, index: Mapping[str, Any]) -> set[str]:
    shards = index.get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise RepositoryError(f"{_INDEX} of {repository.origin} has neither metadata.total_size nor a weight_map")
    return {str(shard) for shard in cast("dict[str, object]", shards).values()}


def _weight_files(sizes: Mapping[str, int | None]) -> set[str]:
    """The safetensors that engines load: model*.safetensors where there are any beside others (consolidated*)."""
    files = {file for file in sizes if file.endswith(".safetensors") and "/" not in file}
    return {file for file in files if file.startswith("model")} or files


def _sum(repository: Repository, sizes: Mapping[str, int | None], files: set[str]) -> int:
    total = 0
    for file in sorted(files):
        size = sizes.get(file)
        if size is None:
            raise RepositoryError(
                f"{repository.origin} does not tell the size of {file}: use a complete copy or mirror of the repository"
            )
        total += size
    return total


def _other_format(sizes: Mapping[str, int | None]) -> str | None:
    for pattern, name in _OTHER_FORMATS.items():
        if any(fnmatch(file, pattern) for file in sizes):
            return (
                f"its weights are {name}, which vLLM and SGLang do not load well: take the original model, or a "
                "conversion of it to safetensors"
            )
    return None
