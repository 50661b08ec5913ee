"""How a stack's model is served: settings and the model's family become a request to its engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hearth.catalog.models import Parsers, catalog_model
from hearth.engines import sglang, vllm
from hearth.engines.flags import EngineTable, check_argument, first_with
from hearth.engines.serving import TEMPLATES, Request, Serving
from hearth.settings.models import Model

TEMPLATE_FILE = "chat_template.jinja"
_SERVE: Mapping[str, Callable[[Request, EngineTable], Serving]] = {"vllm": vllm.serve, "sglang": sglang.serve}


def serving_of(model: Model, context_length: int, table: EngineTable) -> Serving:
    """Arguments, environment and probes for one replica at the table's version of its engine."""
    known = catalog_model(model.source)
    family = known.parsers.get(model.engine, Parsers()) if known else Parsers()
    reasoning = model.reasoning_parser or first_with(family.reasoning, table.reasoning_parsers)
    tool_call = model.tool_call_parser or first_with(family.tool_call, table.tool_call_parsers)
    # The family's template is for tool calls; older versions may have neither it nor some of its arguments.
    template = chat_template_path(model) or (family.chat_template if tool_call else None)
    needed = (a for a in family.extra_args if check_argument(a, table.engine, table.version) is None)
    return _SERVE[model.engine](
        Request(
            source=model.source,
            served_name=model.served_name or model.name,
            context_length=context_length,
            tensor_parallel=model.tensor_parallel,
            pipeline_parallel=model.pipeline_parallel,
            data_parallel=model.data_parallel,
            expert_parallel=model.expert_parallel,
            gpu_memory_utilization=model.gpu_memory_utilization,
            kv_cache_dtype=None if model.kv_cache_dtype == "auto" else model.kv_cache_dtype,
            quantization=model.quantization,
            max_num_seqs=model.max_num_seqs,
            max_num_batched_tokens=model.max_num_batched_tokens,
            prefix_caching=model.prefix_caching,
            sleep_mode=model.sleep_mode,
            adapters=tuple(adapter.name for adapter in model.adapters),
            adapter_rank=model.adapter_rank,
            reasoning_parser=reasoning,
            tool_call_parser=tool_call,
            chat_template=template,
            extra=(*needed, *model.engine_args),
        ),
        table,
    )


def chat_template_path(model: Model) -> str | None:
    """Where the stack's template is in the container; None where it has none."""
    if model.chat_template is None:
        return None
    return f"{TEMPLATES}/{TEMPLATE_FILE}" if template_text(model) else model.chat_template


def template_text(model: Model) -> str | None:
    """The template, where the stack gives it as text and not as a path."""
    template = model.chat_template
    return template if template and "{" in template else None
