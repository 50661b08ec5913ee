"""Whether each model can run as asked: its size, parallel sizes, memory, engine version and arguments.

Each check explains itself with its arithmetic; checks skip what another check or the settings have already found wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches

from hearth.catalog.versions import version_of
from hearth.engines.flags import EngineTable, UnknownVersion, check_argument, engine_table, newest, oldest
from hearth.planning.memory.remedies import STEP, Remedy, find_remedies
from hearth.planning.model_memory import POSITIONS, UNKNOWN_SHARE, ModelMemory
from hearth.planning.models import JudgedModel
from hearth.planning.pools import PoolPlans
from hearth.problems import Path, Problem
from hearth.settings.checks.engines import deciding_setting
from hearth.settings.models import Model
from hearth.settings.stack import Settings

ENGINE_GIB = 1.0
"""Least that an engine takes beside the weights: published start-up logs show 0.4 to 7 GiB."""
_POOLS: Path = ("gpuNodePools",)
_KEYS: Mapping[str, str] = {
    "tensor_parallel": "tensorParallel",
    "pipeline_parallel": "pipelineParallel",
    "context_length": "contextLength",
    "kv_cache_dtype": "kvCacheDtype",
    "gpu_memory_utilization": "gpuMemoryUtilization",
    "max_num_seqs": "maxNumSeqs",
    "max_num_batched_tokens": "maxNumBatchedTokens",
    "gpu": "pool",
}
"""Setting of each field of a deployment."""


def find_model_problems(
    settings: Settings, pools: PoolPlans, judged: Mapping[str, JudgedModel], images: Mapping[str, str]
) -> Iterator[Problem]:
    """Everything that would keep a model's server from starting."""
    for engine in sorted({model.engine for model in settings.models}):
        yield from _engine_known(engine, images[engine])
    for index, model in enumerate(settings.models):
        path: Path = ("models", index)
        found = judged.get(model.name)
        if found is None:
            if model.pool in pools.by_name:
                yield _size_unknown(path, model)
            continue
        yield from _misfits(path, found.memory)
        yield from _fits(path, model, found.memory, pools)
        if found.memory.deployment is None:
            yield from _outside_catalog(path, model, found.memory, pools)
        yield from _experts(path, model, found.memory)
        yield from _settings_known(path, model, found)
        yield from _arguments_known(path, model, found.table)


def _size_unknown(path: Path, model: Model) -> Problem:
    return Problem(
        (*path, "source"),
        model.source,
        "the catalog does not know this model, so its memory, volume and start-up time cannot be computed",
        f"run: python -m hearth catalog add {model.source} (or check the spelling; weightsGib and attentionHeads in "
        "this model do without its shape)",
    )


def _misfits(path: Path, memory: ModelMemory) -> Iterator[Problem]:
    for misfit in memory.misfits:
        key, remedy = _KEYS[misfit.field], misfit.remedy
        if key == "contextLength" and memory.deployment:
            longest, flags = memory.deployment.architecture.max_context, POSITIONS[memory.deployment.engine]
            remedy = f"choose at most {longest}, or scale its positions with engineArgs: {flags[0]}={{...}}"
        yield Problem((*path, key), misfit.value, misfit.why, remedy, depends_on=(path, _POOLS))


def _experts(path: Path, model: Model, memory: ModelMemory) -> Iterator[Problem]:
    """vLLM refuses expert parallel for a dense model (vllm 0.33.0 vllm/config/model.py)."""
    if model.expert_parallel and memory.deployment and not memory.deployment.architecture.parameters.experts:
        why = f"{model.source} has no experts that GPUs could hold"
        yield Problem((*path, "expertParallel"), True, why, "remove it", depends_on=((*path, "source"),))


def _fits(path: Path, model: Model, memory: ModelMemory, pools: PoolPlans) -> Iterator[Problem]:
    deployment, fit, pool = memory.deployment, memory.fit, pools.by_name[model.pool]
    if deployment is None or fit is None or fit.fits or model.gpus > pool.gpus_per_node:
        return
    least = replace(deployment, context_length=STEP) if model.context_length == "auto" else deployment
    tried = find_remedies(least, pool.gpus_per_node)
    # A replica is on one node.
    remedies = [r for r in tried if r.field != "tensor_parallel" or _gpus(r, model) <= pool.gpus_per_node]
    shorter = any(remedy.field == "context_length" for remedy in remedies)
    key = "contextLength" if shorter or model.context_length == "auto" else "tensorParallel"
    value = model.context_length if key == "contextLength" else model.tensor_parallel
    proposed = [_spelled(remedy) for remedy in remedies]
    if model.concurrent_users > 1 and fit.kv_cache_tokens:
        alone = int(fit.max_concurrency)
        proposed.append(f"concurrentUsers: {alone} (at this context)" if alone else "fewer concurrentUsers")
    otherwise = "use a pool with larger GPUs, or a smaller or quantised model"
    remedy = "; or ".join(proposed) or otherwise
    yield Problem((*path, key), value, f"{deployment.model}: {fit.reason}", remedy, depends_on=(path, _POOLS))


def _gpus(remedy: Remedy, model: Model) -> int:
    """GPUs of a replica with another tensor-parallel size."""
    return int(str(remedy.value)) * model.pipeline_parallel * model.data_parallel


def _spelled(remedy: Remedy) -> str:
    return f"{_KEYS[remedy.field]}: {remedy.value} ({remedy.because})"


def _outside_catalog(path: Path, model: Model, memory: ModelMemory, pools: PoolPlans) -> Iterator[Problem]:
    """What can be said of a model whose size is all that is known."""
    if model.attention_heads and model.attention_heads % model.tensor_parallel:
        allowed = ", ".join(str(n) for n in (1, 2, 4, 8, 16) if model.attention_heads % n == 0)
        yield Problem(
            (*path, "tensorParallel"),
            model.tensor_parallel,
            f"{model.source} has {model.attention_heads} attention heads, "
            f"and {model.attention_heads} is not divisible by {model.tensor_parallel}",
            f"choose one of {allowed}",
        )
    if model.context_length == "auto":
        yield Problem(
            (*path, "contextLength"),
            "auto",
            f"the catalog does not know the shape of {model.source}, so its longest context cannot be computed",
            f"run: python -m hearth catalog add {model.source}, or give a number of tokens",
        )
    pool = pools.by_name[model.pool]
    share = model.gpu_memory_utilization or UNKNOWN_SHARE
    budget, weights = share * pool.gpu_usable_gib, memory.weights_gib / model.gpus
    if budget - weights < ENGINE_GIB and model.gpus <= pool.gpus_per_node:
        yield Problem(
            (*path, "tensorParallel"),
            model.tensor_parallel,
            f"each GPU of pool {pool.name} has {pool.gpu_usable_gib:.1f} GiB x {share} = {budget:.1f} GiB for the "
            f"engine; the weights take {memory.weights_gib:.1f} / {model.gpus} = {weights:.1f} GiB of it "
            f"and the engine itself at least {ENGINE_GIB:.1f} GiB",
            "use more GPUs for a replica, a pool with larger GPUs, or a smaller or quantised model",
            depends_on=(path, _POOLS),
        )


def _engine_known(engine: str, image: str) -> Iterator[Problem]:
    version = version_of(image)
    try:
        engine_table(engine, version or newest(engine))
    except UnknownVersion as unknown:
        yield Problem(
            ("engines", engine, "image"),
            image,
            str(unknown),
            f"use {engine} {oldest(engine)} to {newest(engine)}, whose flags Hearth knows",
        )


def _settings_known(path: Path, model: Model, found: JudgedModel) -> Iterator[Problem]:
    """Settings whose flag, or whose value, the pinned version does not know."""
    rests_on: tuple[Path, ...] = (("engines",), (*path, "engine"))
    explained = {_KEYS[misfit.field] for misfit in found.memory.misfits}
    parsers = {
        "reasoningParser": (model.reasoning_parser, found.table.reasoning_parsers),
        "toolCallParser": (model.tool_call_parser, found.table.tool_call_parsers),
    }
    for setting, (name, known) in parsers.items():
        if name and known and name not in known:
            explained.add(setting)
            near = get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
            yield Problem(
                (*path, setting),
                name,
                f"{found.table.title} has no such parser",
                f"choose one of {', '.join(near)}; or remove it, and the catalog's is used",
                depends_on=rests_on,
            )
    given = model.model_dump(by_alias=True)
    for unsupported in found.serving.unsupported:
        if unsupported.setting not in explained:
            where, value = (*path, unsupported.setting), given.get(unsupported.setting)
            yield Problem(where, value, unsupported.why, unsupported.remedy, depends_on=rests_on)


def _arguments_known(path: Path, model: Model, table: EngineTable) -> Iterator[Problem]:
    for position, argument in enumerate(model.engine_args):
        if deciding_setting(argument, model.engine) is not None:
            continue  # The settings' own check refuses it.
        misfit = check_argument(argument, table.engine, table.version)
        if misfit:
            where: Path = (*path, "engineArgs", position)
            yield Problem(where, argument, misfit.why, misfit.remedy, depends_on=((*path, "engine"), ("engines",)))
