"""vLLM's OpenAI-compatible server, 0.8 and newer (https://docs.vllm.ai/en/latest/cli/serve)."""

from __future__ import annotations

from hearth.engines.arguments import Argument, render
from hearth.engines.flags import EngineTable, first_with
from hearth.engines.serving import ADAPTERS, CACHE, CACHES, OFFLINE, WEIGHTS, Metrics, Request, Serving
from hearth.workload import Drain, Security

PORT = 8000
_FINISH_SECONDS = 60


def serve(request: Request, table: EngineTable) -> Serving:
    """Arguments, environment and probes for one replica, in the words of the table's version."""
    args, unsupported = render(_arguments(request), table)
    drains = table.has("--shutdown-timeout")
    finish = _FINISH_SECONDS if drains else 0
    return Serving(
        # The images' entry point changed between versions; this command is in all of them.
        command=("vllm", "serve"),
        args=(WEIGHTS, *args, *request.extra),
        env={
            **OFFLINE,
            **CACHES,
            "VLLM_CACHE_ROOT": f"{CACHE}/vllm",
            # It asks for the user's name, which a user without an entry in /etc/passwd has only from here.
            "USER": "vllm",
            "VLLM_NO_USAGE_STATS": "1",
            # Seconds; Open WebUI keeps an idle connection for 15 s, and must not meet one that is closed already.
            "VLLM_HTTP_TIMEOUT_KEEP_ALIVE": "30",
            # The paths /sleep and /wake_up are served in this mode only.
            **({"VLLM_SERVER_DEV_MODE": "1"} if request.sleep_mode else {}),
        },
        secret_env=("VLLM_API_KEY",),
        mounts=(),
        port=PORT,
        alive_path="/health",
        ready_path="/health",
        metrics=Metrics(
            waiting=first_with(["vllm:num_requests_waiting"], table.metrics),
            running=first_with(["vllm:num_requests_running"], table.metrics),
            kv_cache_usage=first_with(["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"], table.metrics),
            time_to_first_token=first_with(["vllm:time_to_first_token_seconds"], table.metrics),
        ),
        security=Security(user=2000, group=0),
        drain=Drain(endpoint_seconds=15, engine_seconds=finish, grace_seconds=_FINISH_SECONDS + 30),
        adapters=request.adapters,
        unsupported=unsupported,
    )


def _arguments(request: Request) -> list[Argument]:
    arguments = [
        Argument("", ("--host",), "0.0.0.0"),
        Argument("", ("--port",), PORT),
        Argument("servedName", ("--served-model-name",), request.served_name),
        Argument("tensorParallel", ("--tensor-parallel-size",), request.tensor_parallel),
        Argument("contextLength", ("--max-model-len",), request.context_length),
        Argument("", ("--shutdown-timeout",), _FINISH_SECONDS, optional=True),
    ]
    chosen: list[tuple[str, str, str | int | float | None]] = [
        ("gpuMemoryUtilization", "--gpu-memory-utilization", request.gpu_memory_utilization),
        ("kvCacheDtype", "--kv-cache-dtype", request.kv_cache_dtype),
        ("quantization", "--quantization", request.quantization),
        ("maxNumSeqs", "--max-num-seqs", request.max_num_seqs),
        ("maxNumBatchedTokens", "--max-num-batched-tokens", request.max_num_batched_tokens),
        ("chatTemplate", "--chat-template", request.chat_template),
        ("pipelineParallel", "--pipeline-parallel-size", _above_one(request.pipeline_parallel)),
        ("dataParallel", "--data-parallel-size", _above_one(request.data_parallel)),
    ]
    arguments += [Argument(setting, (flag,), value) for setting, flag, value in chosen if value is not None]
    if request.expert_parallel:
        arguments.append(Argument("expertParallel", ("--enable-expert-parallel",)))
    if not request.prefix_caching:
        arguments.append(Argument("prefixCaching", ("--no-enable-prefix-caching",)))
    if request.sleep_mode:
        arguments.append(Argument("sleepMode", ("--enable-sleep-mode",)))
    if request.adapters:
        modules = tuple(f"{name}={ADAPTERS}/{name}" for name in request.adapters)
        arguments += [Argument("adapters", ("--enable-lora",)), Argument("adapters", ("--lora-modules",), modules)]
    if request.adapter_rank:
        arguments.append(Argument("adapterRank", ("--max-lora-rank",), request.adapter_rank))
    if request.reasoning_parser:
        arguments += [
            # Needed beside the parser until 0.9, refused since 0.10.
            Argument("", ("--enable-reasoning",), optional=True),
            Argument("reasoningParser", ("--reasoning-parser",), request.reasoning_parser),
        ]
    if request.tool_call_parser:
        arguments += [
            Argument("toolCallParser", ("--enable-auto-tool-choice",)),
            Argument("toolCallParser", ("--tool-call-parser",), request.tool_call_parser),
        ]
    return arguments


def _above_one(size: int) -> int | None:
    return size if size > 1 else None
