"""The planner against measurements.yaml: what engines reported at their start, as published.

`python -m tests.planning.memory.test_measurements` prints them beside what the planner says.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from hearth.catalog.architecture import Architecture, FullAttention, LatentAttention
from hearth.catalog.config_json import read_architecture
from hearth.catalog.gpus import find_gpu
from hearth.catalog.models import find
from hearth.catalog.parameters import weight_bytes
from hearth.engines.flags import release
from hearth.planning.memory.context import at_version
from hearth.planning.memory.deployment import Deployment, Fit, Parallelism
from hearth.planning.memory.fit import fit, fit_cache
from hearth.planning.memory.weights import catalog_bytes, loaded_bytes

FILE = Path(__file__).parent / "measurements.yaml"
_COUNTED_BY_LAYER = (0, 21)
"""First version of vLLM whose tokens of a model with several kinds of layers are comparable."""
_TOKENS_WITHIN = 0.02
_TOO_SMALL_GIB = 0.1
_PROMISED_TOO_MUCH_GIB = 0.1
_MEDIAN_EXCESS_GIB = 0.35
_HIGH_EXCESS_GIB = 1.5
"""90th percentile."""


@dataclass(frozen=True)
class Measurement:
    """A row of measurements.yaml; its header says what the fields are."""

    source: str
    model: str
    gpu: str
    version: str
    engine: Any = "vllm"
    total_gib: float | None = None
    tp: int = 1
    pp: int = 1
    dp: int = 1
    ep: bool = False
    utilization: float | None = None
    context: int | None = None
    seqs: int | None = None
    batched_tokens: int | None = None
    kv_dtype: str = "auto"
    eager: bool = False
    weights: float | None = None
    kv: float | None = None
    tokens: int | None = None
    concurrency: float | None = None
    max_context: int | None = None
    starts: bool | None = None
    apart: Mapping[str, str] = field(default_factory=dict[str, str])
    note: str = ""

    def __str__(self) -> str:
        ways = (("tp", self.tp), ("pp", self.pp), ("dp", self.dp))
        sizes = "".join(f" {name}{size}" for name, size in ways if size > 1)
        return f"{self.source.split()[0]} {self.model.split('/')[-1]} {self.gpu}{sizes} {self.engine} {self.version}"

    @property
    def deployment(self) -> Deployment:
        architecture, weights = shape(self.model)
        gpu = find_gpu(self.gpu)
        return Deployment(
            model=self.model,
            architecture=at_version(architecture, self.engine, self.version),
            weights_bytes=weights,
            gpu=replace(gpu, usable_gib=self.total_gib or gpu.usable_gib),
            engine=self.engine,
            engine_version=self.version,
            parallelism=Parallelism(self.tp, self.pp, self.dp),
            expert_parallel=self.ep,
            context_length=self.context,
            gpu_memory_utilization=self.utilization,
            kv_cache_dtype=self.kv_dtype,
            max_num_seqs=self.seqs,
            max_num_batched_tokens=self.batched_tokens,
            enforce_eager=self.eager,
        )

    @property
    def predicted(self) -> Fit:
        return fit(self.deployment)

    @property
    def overhead(self) -> float | None:
        """GiB of the engine's share that went neither to weights nor to the cache."""
        if self.weights is None or self.kv is None:
            return None
        return self.predicted.budget_gib - self.weights - self.kv


@cache
def content() -> Mapping[str, Any]:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


@cache
def shape(model: str) -> tuple[Architecture, int]:
    """A model's shape, and the bytes that an engine loads."""
    if model not in content()["models"]:
        found = find(model)
        return found.architecture, catalog_bytes(found)
    entry = content()["models"][model]
    base = dict(find(entry["base"]).config) if "base" in entry else {}
    config = dict(entry.get("config", {}))
    if "text_config" in config:
        config["text_config"] = base | config["text_config"]
    else:
        config = base | config
    architecture = read_architecture(config)
    return architecture, loaded_bytes(architecture, weight_bytes(architecture))


def measurements() -> list[Measurement]:
    return [
        Measurement(source=group["source"], **(group.get("shared", {}) | row))
        for group in content()["measurements"]
        for row in group["rows"]
    ]


def that(condition: Callable[[Measurement], object]) -> pytest.MarkDecorator:
    """Parametrises a test with the measurements that have what it needs."""
    return pytest.mark.parametrize("row", [row for row in measurements() if condition(row)], ids=str)


def _uniform(row: Measurement) -> bool:
    """All layers hold each token of the context, so that tokens mean the same in every version."""
    kinds = (group.attention for group in shape(row.model)[0].layers)
    plain = all(isinstance(kind, FullAttention | LatentAttention) for kind in kinds)
    return plain or row.engine != "vllm" or release(row.version)[0] >= _COUNTED_BY_LAYER


def _cache(row: Measurement) -> Fit:
    """What the planner makes of the KV cache that the engine reported."""
    assert row.kv is not None
    return fit_cache(row.deployment, row.kv)


@that(lambda row: row.kv and row.tokens and _uniform(row))
def test_a_known_cache_holds_the_tokens_that_were_logged(row: Measurement) -> None:
    assert _cache(row).kv_cache_tokens == pytest.approx(row.tokens, rel=_TOKENS_WITHIN)


@that(lambda row: row.kv and row.concurrency and not _uniform(row))
def test_a_known_cache_holds_the_requests_that_were_logged(row: Measurement) -> None:
    assert _cache(row).max_concurrency == pytest.approx(row.concurrency, rel=_TOKENS_WITHIN)


@that(lambda row: row.max_context)
def test_a_known_cache_allows_the_context_that_was_logged(row: Measurement) -> None:
    assert _cache(row).max_context == pytest.approx(row.max_context, rel=_TOKENS_WITHIN)


@that(lambda row: row.context and not row.starts)
def test_what_did_not_start_does_not_fit(row: Measurement) -> None:
    assert not row.predicted.fits


@that(lambda row: row.context and row.starts)
def test_what_started_fits(row: Measurement) -> None:
    assert row.predicted.fits


@that(lambda row: row.weights and "weights" not in row.apart)
def test_a_rank_holds_the_weights_that_were_logged(row: Measurement) -> None:
    assert row.weights is not None
    assert row.predicted.weights_gib == pytest.approx(row.weights, rel=0, abs=0.3 + 0.03 * row.weights)


@that(lambda row: row.kv is not None and "overhead" not in row.apart)
def test_no_more_cache_is_promised_than_was_logged(row: Measurement) -> None:
    assert row.kv is not None
    assert row.predicted.kv_cache_gib <= max(0.0, row.kv) + _PROMISED_TOO_MUCH_GIB


@that(lambda row: row.overhead is not None and "overhead" not in row.apart)
def test_the_overhead_is_not_too_small(row: Measurement) -> None:
    assert row.overhead is not None
    assert row.predicted.overhead_gib >= row.overhead - _TOO_SMALL_GIB


def test_the_overhead_is_as_exact_as_documented() -> None:
    excess = excesses()
    assert statistics.median(excess) <= _MEDIAN_EXCESS_GIB
    assert statistics.quantiles(excess, n=10)[-1] <= _HIGH_EXCESS_GIB


def excesses() -> list[float]:
    """Predicted minus logged overhead, GiB."""
    rows = (row for row in measurements() if row.overhead is not None and "overhead" not in row.apart)
    return [row.predicted.overhead_gib - (row.overhead or 0.0) for row in rows]


def show() -> Iterator[str]:
    """One line a measurement: logged and predicted, GiB on one GPU."""
    yield f"{'':100} {'weights':>15} {'overhead':>15} {'KV cache':>15}  started, fits"
    for row in measurements():
        predicted = row.predicted
        logged = row.weights, row.overhead, row.kv
        reckoned = predicted.weights_gib, predicted.overhead_gib, predicted.kv_cache_gib
        pairs = zip(logged, reckoned, strict=True)
        figures = " ".join(f"{'' if a is None else format(a, '.2f'):>7} {b:7.2f}" for a, b in pairs)
        yield f"{row!s:100.100} {figures}  {row.starts!s:5} {predicted.fits}"


if __name__ == "__main__":
    print("\n".join(show()))  # noqa: T201
