"""vLLM's OpenAI-compatible server (flags of 0.33, https://docs.vllm.ai/en/latest/cli/serve)."""

from __future__ import annotations

from hearth.engines.serving import CACHE, CACHES, OFFLINE, WEIGHTS, Request, Serving
from hearth.workload import Drain, Security

PORT = 8000
MINIMUM = (0, 18)
"""First version with --shutdown-timeout; without it every rollout cuts answers off."""
DEFAULT_SHARE = 0.9
"""Share of a GPU's memory; below vLLM's own default of 0.92, which leaves little for anything else on the GPU."""
_FINISH_SECONDS = 60


def serve(request: Request) -> Serving:
    """Arguments, environment and probes for one replica."""
    share = request.gpu_memory_utilization or DEFAULT_SHARE
    args = [
        WEIGHTS,
        "--host=0.0.0.0",
        f"--port={PORT}",
        f"--served-model-name={request.served_name}",
        f"--tensor-parallel-size={request.tensor_parallel}",
        f"--max-model-len={request.context_length}",
        f"--gpu-memory-utilization={share}",
        f"--shutdown-timeout={_FINISH_SECONDS}",
    ]
    if request.reasoning_parser:
        args.append(f"--reasoning-parser={request.reasoning_parser}")
    if request.tool_call_parser:
        args += ["--enable-auto-tool-choice", f"--tool-call-parser={request.tool_call_parser}"]
    return Serving(
        command=(),
        args=(*args, *request.extra),
        env={
            **OFFLINE,
            **CACHES,
            "VLLM_CACHE_ROOT": f"{CACHE}/vllm",
            # It asks for the user's name, which a user without an entry in /etc/passwd has only from here.
            "USER": "vllm",
            "VLLM_NO_USAGE_STATS": "1",
        },
        secret_env=("VLLM_API_KEY",),
        mounts=(),
        port=PORT,
        alive_path="/health",
        ready_path="/health",
        security=Security(user=2000, group=0),
        drain=Drain(endpoint_seconds=15, engine_seconds=_FINISH_SECONDS, grace_seconds=_FINISH_SECONDS + 30),
    )
