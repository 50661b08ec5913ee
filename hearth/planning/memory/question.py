"""A question in plain values, as `hearth fit` takes it, made into a Deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from hearth.catalog.architecture import Architecture
from hearth.catalog.config_json import read_architecture
from hearth.catalog.gpus import Gpu, find_gpu
from hearth.catalog.models import find
from hearth.catalog.parameters import weight_bytes
from hearth.catalog.repository import Folder, describe
from hearth.catalog.versions import images, version_of
from hearth.engines.flags import UnknownVersion, release
from hearth.planning.memory.context import at_version
from hearth.planning.memory.deployment import GIB, Deployment, EngineName, Parallelism
from hearth.planning.memory.weights import catalog_bytes, loaded_bytes

ANY_GPU = "H100-80GB"
"""Decides the engine's defaults where the KV cache is given and no GPU is named."""

MOST = 10**9
"""Larger numbers are typing errors."""


class WrongQuestionError(ValueError):
    """A question that has no answer: which option, why, and what would be right."""

    def __init__(self, option: str, value: object, why: str, remedy: str) -> None:
        super().__init__(f"{option} {value}: {why}; {remedy}")
        self.option = option


@dataclass(frozen=True)
class Question:
    """Options of `hearth fit`; None where they were left out."""

    model: str
    gpu: str | None
    count: int
    context: int | None
    engine: str
    engine_version: str | None
    gpu_memory_utilization: float | None
    tensor_parallel: int | None
    pipeline_parallel: int
    data_parallel: int
    expert_parallel: bool
    kv_cache_dtype: str
    max_num_seqs: int | None
    max_num_batched_tokens: int | None
    enforce_eager: bool
    model_config: Path | None
    weights_gib: float | None
    kv_cache_gib: float | None

    def deployment(self) -> Deployment:
        """The question as a Deployment.

        Raises WrongQuestionError, LookupError (no such model or GPU), ConfigError (a config.json that makes no
        sense) or RepositoryError (a folder without one).
        """
        self._check_numbers()
        name, architecture, weights = self._model()
        engine = self._engine()
        version = self._version(engine)
        return Deployment(
            model=name,
            architecture=at_version(architecture, engine, version),
            weights_bytes=weights,
            gpu=self._gpu(),
            engine=engine,
            engine_version=version,
            parallelism=self._parallelism(),
            expert_parallel=self.expert_parallel,
            context_length=self.context,
            gpu_memory_utilization=self.gpu_memory_utilization,
            kv_cache_dtype=self.kv_cache_dtype,
            max_num_seqs=self.max_num_seqs,
            max_num_batched_tokens=self.max_num_batched_tokens,
            enforce_eager=self.enforce_eager,
        )

    def _check_numbers(self) -> None:
        counts = {
            "--count": self.count,
            "--context": self.context,
            "--tensor-parallel": self.tensor_parallel,
            "--pipeline-parallel": self.pipeline_parallel,
            "--data-parallel": self.data_parallel,
            "--max-num-seqs": self.max_num_seqs,
            "--max-num-batched-tokens": self.max_num_batched_tokens,
        }
        for option, number in counts.items():
            if number is not None and not 1 <= number <= MOST:
                why = f"is not between 1 and {MOST:,}"
                raise WrongQuestionError(option, number, why, "give a number of that range")
        for option, gib in (("--weights-gib", self.weights_gib), ("--kv-cache-gib", self.kv_cache_gib)):
            if gib is not None and not 0 < gib < MOST:
                raise WrongQuestionError(option, gib, "is no size above zero", "give a size in GiB, such as 61.0")
        share = self.gpu_memory_utilization
        if share is not None and not 0 < share <= 1:
            raise WrongQuestionError(
                "--gpu-memory-utilization", share, "is not above 0 and at most 1", "give a share such as 0.9"
            )

    def _model(self) -> tuple[str, Architecture, int]:
        """Name, shape and bytes to load: as given, else of the files or the catalog, else counted from the shape."""
        if not self.model.strip():
            raise WrongQuestionError("MODEL", "is missing", "the weights depend on it", "name one, such as Qwen3-8B")
        given = round(self.weights_gib * GIB) if self.weights_gib else None
        if self.model_config is None:
            found = find(self.model)
            return found.source, found.architecture, given or catalog_bytes(found)
        config, stored = _read(self.model_config)
        architecture = read_architecture(config)
        return self.model, architecture, given or loaded_bytes(architecture, stored or weight_bytes(architecture))

    def _gpu(self) -> Gpu:
        if self.gpu is None and self.kv_cache_gib is None:
            raise WrongQuestionError("--gpu", "is missing", "the memory depends on it", "name one, such as H100-80GB")
        return find_gpu(self.gpu or ANY_GPU)

    def _engine(self) -> EngineName:
        for name in get_args(EngineName):
            if self.engine.lower() == name:
                return name
        known = " or ".join(get_args(EngineName))
        raise WrongQuestionError("--engine", self.engine, "Hearth does not know this engine", f"choose {known}")

    def _version(self, engine: EngineName) -> str:
        version = (self.engine_version or version_of(images()[engine])).removeprefix("v")
        try:
            release(version)
        except UnknownVersion:
            raise WrongQuestionError("--engine-version", version, "is no version", "write it as 0.10.2") from None
        return version

    def _parallelism(self) -> Parallelism:
        others = self.pipeline_parallel * self.data_parallel
        if self.tensor_parallel is None and self.count % others:
            raise WrongQuestionError(
                "--count",
                self.count,
                f"cannot be divided evenly over {self.pipeline_parallel} pipeline stages x {self.data_parallel} copies",
                f"use a multiple of {others}, or set --tensor-parallel",
            )
        asked = Parallelism(self.tensor_parallel or self.count // others, self.pipeline_parallel, self.data_parallel)
        if asked.gpus > self.count:
            raise WrongQuestionError(
                "--count",
                self.count,
                f"is less than the {asked.gpus} GPUs that tensor parallel {asked.tensor} x pipeline parallel "
                f"{asked.pipeline} x data parallel {asked.data} take",
                f"use --count {asked.gpus} or smaller sizes",
            )
        return asked


def _read(path: Path) -> tuple[Mapping[str, object], int | None]:
    """The content of config.json, and the size of the weights where the folder tells it."""
    if path.is_dir():
        described = describe(Folder(path))
        return described.config, described.weights_bytes
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else f"is no JSON ({error})"
        remedy = "name a config.json, or the folder that has it"
        raise WrongQuestionError("--model-config", path, str(why), remedy) from None
    if not isinstance(content, dict):
        raise WrongQuestionError("--model-config", path, "is no JSON object", "name the model's config.json")
    return cast("dict[str, object]", content), None
