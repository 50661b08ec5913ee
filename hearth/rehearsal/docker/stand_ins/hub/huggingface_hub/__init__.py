"""A hub on which every model is one small file of weights and a config.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_COMMIT = "0" * 40
_FILES = {"config.json": b"{}", "model.safetensors": b"\x02" + bytes(7) + b"{}"}


@dataclass(frozen=True)
class Sibling:
    """A file of a model; its size is in bytes."""

    rfilename: str
    size: int


@dataclass(frozen=True)
class ModelInfo:
    """A revision."""

    sha: str
    siblings: tuple[Sibling, ...]


class HfApi:
    """The client, whatever endpoint and token it is given."""

    def __init__(self, **settings: object) -> None:
        """There is nothing to connect to."""

    def model_info(self, repo: str, **wanted: object) -> ModelInfo:
        return ModelInfo(_COMMIT, tuple(Sibling(name, len(content)) for name, content in _FILES.items()))

    def hf_hub_download(self, repo: str, filename: str, *, revision: str, local_dir: Path) -> str:
        """Write the file, and its commit where the library keeps it."""
        kept = Path(local_dir, ".cache", "huggingface", "download", f"{filename}.metadata")
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(f"{revision}\n", encoding="utf-8")
        path = Path(local_dir, filename)
        path.write_bytes(_FILES[filename])
        return str(path)
