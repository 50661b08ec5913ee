"""InferenceTier: the servers of one model, behind an API key of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_random import RandomPassword

from components.runtimes import Need, Runtime
from hearth.engines.sglang import KEY_FILE
from hearth.workload import Workload

_KEY_LENGTH = 40


@dataclass(frozen=True)
class InferenceTierArgs:
    """The servers, the base URL of their OpenAI API, and where they run."""

    server: Workload
    url: str
    runtime: Runtime
    depends_on: Sequence[Need] = ()
    """The weights, and what pods with GPUs need."""


class InferenceTier(pulumi.ComponentResource):
    """vLLM or SGLang. The key reaches vLLM as a variable and SGLang as a file, never as an argument.

    >>> tier = InferenceTier("qwq", InferenceTierArgs(model.server, model.url, runtime, depends_on=[weights.ready]))
    """

    api_key: pulumi.Output[str]
    """Secret."""
    url: str
    ready: Need

    def __init__(self, name: str, args: InferenceTierArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hearth:index:InferenceTier", name, None, opts)
        key = RandomPassword(name, length=_KEY_LENGTH, special=False, opts=pulumi.ResourceOptions(parent=self))
        self.api_key = key.result
        self.url = args.url
        self.ready = args.runtime.run(
            name,
            args.server,
            parent=self,
            secrets={"VLLM_API_KEY": key.result, KEY_FILE: key.result.apply(_key_file)},
            depends_on=args.depends_on,
        ).ready
        self.register_outputs({"apiKey": self.api_key, "url": self.url})


def _key_file(key: str) -> str:
    """The YAML file from which SGLang reads arguments."""
    return f'api-key: "{key}"\n'
