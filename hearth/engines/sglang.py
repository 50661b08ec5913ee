"""SGLang's OpenAI-compatible server, 0.4 and newer (https://docs.sglang.io/advanced_features/server_arguments.html)."""

from __future__ import annotations

from dataclasses import replace

from hearth.engines.arguments import Argument, Unsupported, render
from hearth.engines.flags import EngineTable, first_with, release
from hearth.engines.serving import ADAPTERS, CACHE, CACHES, OFFLINE, WEIGHTS, Metrics, Request, Serving
from hearth.workload import SECRET_FILES, Drain, Mount, SecretFilesVolume, Security

PORT = 30000
KEY_FILE = "engine.yaml"
"""SGLang takes its API key as an argument only; arguments can come from a YAML file, so the key stays in a Secret."""
KEY_VARIABLE = "SGLANG_API_KEY"
"""For versions that read no such file: the cluster puts the variable's value into the argument."""
ADAPTERS_SINCE = "0.5.4"
"""Requests choose an adapter by the model's name since then (sglang srt/entrypoints/openai/serving_base.py)."""
_FINISH_SECONDS = 60


def serve(request: Request, table: EngineTable) -> Serving:
    """Arguments, environment and probes for one replica, in the words of the table's version."""
    unsupported: tuple[Unsupported, ...] = ()
    if request.adapters and release(table.version) < release(ADAPTERS_SINCE):
        why = f"{table.title} has no names for adapters, so that a chat cannot choose one"
        unsupported = (Unsupported("adapters", why, f"remove them, or use SGLang {ADAPTERS_SINCE} or newer"),)
        request = replace(request, adapters=())
    args, unknown = render(_arguments(request), table)
    key_file = table.has("--config")
    key = ("--config", f"{SECRET_FILES}/{KEY_FILE}") if key_file else (f"--api-key=$({KEY_VARIABLE})",)
    env = {
        **OFFLINE,
        **CACHES,
        "SGLANG_CACHE_DIR": f"{CACHE}/sglang",
        "SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION": "false",
    }
    if request.source.startswith("openai/gpt-oss"):
        # Its vocabulary is not in the model's repository; the download puts it here.
        env["TIKTOKEN_ENCODINGS_BASE"] = f"{WEIGHTS}/tiktoken"
    return Serving(
        command=("sglang", "serve") if "sglang serve" in table.commands else ("python3", "-m", "sglang.launch_server"),
        args=(*key, *args, *request.extra),
        env=env,
        secret_env=() if key_file else (KEY_VARIABLE,),
        mounts=(Mount(SECRET_FILES, SecretFilesVolume((KEY_FILE,)), read_only=True),) if key_file else (),
        port=PORT,
        # Other paths want the key, and versions 0.4.10.post2 to 0.5.5.post2 answer here with a token, in a second.
        alive_path="/health",
        ready_path="/ready" if "/ready" in table.paths else "/health",
        metrics=Metrics(
            waiting=_metric(table, "num_queue_reqs"),
            running=_metric(table, "num_running_reqs"),
            kv_cache_usage=_metric(table, "token_usage"),
            time_to_first_token=_metric(table, "time_to_first_token_seconds"),
        ),
        security=Security(
            user=0,
            group=0,
            root_reason="SGLang's image keeps its Python packages and kernel caches where only root may write",
            read_only_root=False,
        ),
        drain=Drain(endpoint_seconds=15, engine_seconds=_FINISH_SECONDS, grace_seconds=_FINISH_SECONDS + 30),
        adapters=tuple(f"{request.served_name}:{name}" for name in request.adapters),
        unsupported=(*unsupported, *unknown),
    )


def _metric(table: EngineTable, name: str) -> str | None:
    return first_with([f"sglang_{name}", f"sglang:{name}"], table.metrics)


def _arguments(request: Request) -> list[Argument]:
    arguments = [
        Argument("", ("--model-path",), WEIGHTS),
        Argument("", ("--host",), "0.0.0.0"),
        Argument("", ("--port",), PORT),
        Argument("servedName", ("--served-model-name",), request.served_name),
        Argument("tensorParallel", ("--tensor-parallel-size", "--tp-size"), request.tensor_parallel),
        Argument("contextLength", ("--context-length",), request.context_length),
        Argument("", ("--enable-metrics",), optional=True),
    ]
    chosen: list[tuple[str, str, str | int | float | None]] = [
        ("gpuMemoryUtilization", "--mem-fraction-static", request.gpu_memory_utilization),
        ("kvCacheDtype", "--kv-cache-dtype", request.kv_cache_dtype),
        ("quantization", "--quantization", request.quantization),
        ("maxNumSeqs", "--max-running-requests", request.max_num_seqs),
        ("maxNumBatchedTokens", "--chunked-prefill-size", request.max_num_batched_tokens),
        ("chatTemplate", "--chat-template", request.chat_template),
        ("reasoningParser", "--reasoning-parser", request.reasoning_parser),
        ("toolCallParser", "--tool-call-parser", request.tool_call_parser),
        ("adapterRank", "--max-lora-rank", request.adapter_rank),
    ]
    arguments += [Argument(setting, (flag,), value) for setting, flag, value in chosen if value is not None]
    if request.pipeline_parallel > 1:
        flags = ("--pipeline-parallel-size", "--pp-size")
        arguments.append(Argument("pipelineParallel", flags, request.pipeline_parallel))
    if request.data_parallel > 1:
        arguments.append(Argument("dataParallel", ("--data-parallel-size", "--dp-size"), request.data_parallel))
    if request.expert_parallel:
        arguments += [
            # Without it, the size had no effect until 0.5.2.
            Argument("", ("--enable-ep-moe",), optional=True),
            Argument("expertParallel", ("--expert-parallel-size", "--ep-size"), request.tensor_parallel),
        ]
    if not request.prefix_caching:
        arguments.append(Argument("prefixCaching", ("--disable-radix-cache",)))
    if request.sleep_mode:
        arguments.append(Argument("sleepMode", ("--enable-memory-saver",)))
    if request.adapters:
        paths = tuple(f"{name}={ADAPTERS}/{name}" for name in request.adapters)
        arguments += [Argument("", ("--enable-lora",), optional=True), Argument("adapters", ("--lora-paths",), paths)]
    return arguments
