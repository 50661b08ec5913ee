"""`hearth fit`: whether a model fits on GPUs, before anything is bought, downloaded or started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from hearth.answers import print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hearth.planning.memory.deployment import Fit

_WRONG_USAGE = 2


def fit(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            show_default=False,
            help="A model of the catalog (hearth catalog list) by Hugging Face id or short name; any label with "
            "--model-config.",
        ),
    ] = "",
    gpu: Annotated[
        str | None, typer.Option(metavar="GPU", help="Product and memory, such as H100-80GB (hearth catalog gpus).")
    ] = None,
    count: Annotated[int, typer.Option(metavar="N", help="GPUs of one replica.")] = 1,
    context: Annotated[
        int | None,
        typer.Option(metavar="L", help="Tokens of prompt and answer; the model's longest when left out."),
    ] = None,
    engine: Annotated[str, typer.Option(metavar="E", help="The server: vllm or sglang.")] = "vllm",
    engine_version: Annotated[
        str | None, typer.Option(metavar="V", help="Such as 0.10.2; the version that Hearth pins when left out.")
    ] = None,
    gpu_memory_utilization: Annotated[
        float | None,
        typer.Option(
            metavar="U",
            help="Share of a GPU's memory for the engine (SGLang: --mem-fraction-static); the version's own default "
            "when left out.",
        ),
    ] = None,
    tensor_parallel: Annotated[
        int | None, typer.Option(metavar="T", help="Ranks that share each layer; all GPUs when left out.")
    ] = None,
    pipeline_parallel: Annotated[int, typer.Option(metavar="P", help="Stages of consecutive layers.")] = 1,
    data_parallel: Annotated[int, typer.Option(metavar="D", help="Copies inside one server.")] = 1,
    expert_parallel: Annotated[
        bool, typer.Option("--expert-parallel", help="Each GPU holds whole experts instead of a slice of each.")
    ] = False,
    kv_cache_dtype: Annotated[str, typer.Option(metavar="D", help="As the engine names it: auto, fp8 ...")] = "auto",
    max_num_seqs: Annotated[
        int | None, typer.Option(metavar="S", help="Requests at once; the version's own default when left out.")
    ] = None,
    max_num_batched_tokens: Annotated[
        int | None, typer.Option(metavar="B", help="Tokens of one step (SGLang: --chunked-prefill-size).")
    ] = None,
    enforce_eager: Annotated[bool, typer.Option("--enforce-eager", help="Without CUDA graphs.")] = False,
    model_config: Annotated[
        Path | None, typer.Option(metavar="FILE_OR_DIR", help="A config.json, or the folder that has it.")
    ] = None,
    weights_gib: Annotated[
        float | None,
        typer.Option(
            metavar="W",
            help="Size of all weights in GiB; when left out the catalog's, that of the files beside config.json, or "
            "what its sizes add up to.",
        ),
    ] = None,
    kv_cache_gib: Annotated[
        float | None,
        typer.Option(metavar="X", help="A known KV cache of each GPU in GiB: show what it holds; --gpu is optional."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout; docs/fit.md explains its keys.")
    ] = False,
) -> None:
    """Show whether a model fits on GPUs, the longest context, and how many users at once.

    Ends with 0 when it fits, 1 when it does not, 2 when the question is wrong.
    """
    from hearth.catalog.config_json import ConfigError
    from hearth.catalog.models import CatalogError
    from hearth.catalog.repository import RepositoryError
    from hearth.planning.memory import fit as memory
    from hearth.planning.memory.checks import find_misfits
    from hearth.planning.memory.question import Question, WrongQuestionError
    from hearth.planning.memory.remedies import find_remedies

    question = Question(
        model=model,
        gpu=gpu,
        count=count,
        context=context,
        engine=engine,
        engine_version=engine_version,
        gpu_memory_utilization=gpu_memory_utilization,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        data_parallel=data_parallel,
        expert_parallel=expert_parallel,
        kv_cache_dtype=kv_cache_dtype,
        max_num_seqs=max_num_seqs,
        max_num_batched_tokens=max_num_batched_tokens,
        enforce_eager=enforce_eager,
        model_config=model_config,
        weights_gib=weights_gib,
        kv_cache_gib=kv_cache_gib,
    )
    try:
        deployment = question.deployment()
    except (WrongQuestionError, ConfigError, CatalogError, RepositoryError, LookupError) as wrong:
        _refuse([str(wrong.args[0])], as_json)
    if misfits := list(find_misfits(deployment)):
        _refuse([f"{_OPTIONS[m.field]} {m.value}: {m.why}; {m.remedy}" for m in misfits], as_json)
    answer = memory.fit(deployment) if kv_cache_gib is None else memory.fit_cache(deployment, kv_cache_gib)
    remedies: list[str] = []
    if not answer.fits and kv_cache_gib is None:
        remedies = [f"{_OPTIONS[r.field]} {r.value}: {r.because}" for r in find_remedies(deployment, count)]
    if as_json:
        print_json(_document(answer, remedies))
    else:
        from hearth.presentation.memory_bar import show_fit

        show_fit(deployment, answer, remedies, whole_gpu=kv_cache_gib is None)
    if not answer.fits:
        raise typer.Exit(1)


_OPTIONS = {
    "tensor_parallel": "--tensor-parallel",
    "pipeline_parallel": "--pipeline-parallel",
    "kv_cache_dtype": "--kv-cache-dtype",
    "context_length": "--context",
    "gpu": "--gpu",
    "gpu_memory_utilization": "--gpu-memory-utilization",
    "max_num_seqs": "--max-num-seqs",
}
"""Option of each field of a deployment that can be a misfit or a remedy."""


def _document(answer: Fit, remedies: Sequence[str]) -> dict[str, object]:
    return {
        "fits": answer.fits,
        "reason": answer.reason,
        "weights_gib_per_gpu": round(answer.weights_gib, 3),
        "overhead_gib_per_gpu": round(answer.overhead_gib, 3),
        "kv_cache_gib_per_gpu": round(answer.kv_cache_gib, 3),
        "kv_cache_needed_gib_per_gpu": round(answer.kv_needed_gib, 3),
        "free_gib_per_gpu": round(max(0.0, answer.total_gib - answer.budget_gib), 3),
        "total_gib_per_gpu": answer.total_gib,
        "kv_cache_tokens": answer.kv_cache_tokens,
        "context_length": answer.context_length,
        "max_context": answer.max_context,
        "max_concurrency": round(answer.max_concurrency, 2),
        "max_num_seqs": answer.max_num_seqs,
        "remedies": remedies,
        "notes": answer.notes,
    }


def _refuse(lines: Sequence[str], as_json: bool) -> NoReturn:
    """End with what is wrong: as text on stderr, or as a document with the same first keys as an answer."""
    if as_json:
        print_json({"fits": False, "reason": "; ".join(lines), "wrong_usage": lines})
    else:
        typer.echo("\n".join(f"hearth fit: {line}" for line in lines), err=True)
    raise typer.Exit(_WRONG_USAGE)
