"""SGLang's OpenAI-compatible server (flags of 0.5.23, https://docs.sglang.io/advanced_features/server_arguments.html)."""

from __future__ import annotations

from hearth.engines.serving import CACHE, CACHES, OFFLINE, SECRETS, WEIGHTS, Request, Serving
from hearth.workload import Drain, Mount, SecretFilesVolume, Security

PORT = 30000
MINIMUM = (0, 5)
"""First minor version with `sglang serve`, /ready and a drain on SIGTERM."""
KEY_FILE = "engine.yaml"
"""SGLang takes its API key as an argument only; arguments can come from a YAML file, so the key stays in a Secret."""
DEFAULT_SHARE = 0.88
"""About what SGLang computes by itself for weights and KV cache on cards of 80 GiB and more."""
_FINISH_SECONDS = 60


def serve(request: Request) -> Serving:
    """Arguments, environment and probes for one replica."""
    args = [
        "--config",
        f"{SECRETS}/{KEY_FILE}",
        f"--model-path={WEIGHTS}",
        "--host=0.0.0.0",
        f"--port={PORT}",
        f"--served-model-name={request.served_name}",
        f"--tensor-parallel-size={request.tensor_parallel}",
        f"--context-length={request.context_length}",
        "--enable-metrics",
    ]
    if request.gpu_memory_utilization:
        args.append(f"--mem-fraction-static={request.gpu_memory_utilization}")
    if request.reasoning_parser:
        args.append(f"--reasoning-parser={request.reasoning_parser}")
    if request.tool_call_parser:
        args.append(f"--tool-call-parser={request.tool_call_parser}")
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
        command=("sglang", "serve"),
        args=(*args, *request.extra),
        env=env,
        secret_env=(),
        mounts=(Mount(SECRETS, SecretFilesVolume((KEY_FILE,)), read_only=True),),
        port=PORT,
        alive_path="/health",
        ready_path="/ready",
        security=Security(
            user=0,
            group=0,
            root_reason="SGLang's image keeps its Python packages and kernel caches where only root may write",
            read_only_root=False,
        ),
        drain=Drain(endpoint_seconds=15, engine_seconds=_FINISH_SECONDS, grace_seconds=_FINISH_SECONDS + 30),
    )
