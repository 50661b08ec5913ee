"""Models and the engines that serve them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hearth.settings.base import Image, Means, Name, PositiveInt, Secret, StrictModel, Text

EngineName = Literal["vllm", "sglang"]

ContextLength = Annotated[
    Annotated[int, Field(ge=1)] | Literal["auto"],
    Means("a whole number of tokens, at least 1, or auto", 32768),
]

ServedName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$"),
    Means("a name without spaces (letters, digits and . _ : / -)", "QwQ-32B"),
]

OllamaTag = Annotated[
    str,
    Field(pattern=r"^([A-Za-z0-9._-]+(:[0-9]+)?/)?([A-Za-z0-9._-]+/)?[A-Za-z0-9._-]+(:[A-Za-z0-9._-]+)?$"),
    Means("a tag of Ollama's library, of the form model:size", "gemma3:4b"),
]


ModelSource = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$"),
    Means("a Hugging Face id of the form organisation/model", "Qwen/QwQ-32B"),
]
Revision = Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]+$"), Means("a branch, tag or commit", "main")]


class Adapter(StrictModel):
    """A LoRA adapter, served under a name of its own beside its model."""

    name: Annotated[Name, Means("a name of at most 40 lower-case letters, digits and hyphens", "legal")]
    """Name in the API and in the chat; with SGLang it follows the model's, as in qwq-32b:legal."""
    source: ModelSource
    """Hugging Face id of the adapter."""
    revision: Revision = "main"
    """Branch, tag or commit of the source."""
    size_gib: PositiveInt = 2
    """Size of its volume in GiB."""


class Model(StrictModel):
    """A large model on GPUs of one pool."""

    name: Annotated[Name, Means("a name of at most 40 lower-case letters, digits and hyphens", "qwq-32b")]
    """Name of its workload and, unless servedName says otherwise, of the model in the API."""
    source: ModelSource
    """Hugging Face id, such as Qwen/QwQ-32B."""
    revision: Revision = "main"
    """Branch, tag or commit of the source."""
    engine: EngineName
    """The server that runs it."""
    pool: Annotated[Name, Means("the name of a GPU node pool", "h200")]
    """The GPU node pool it runs on."""
    served_name: ServedName | None = None
    """Name of the model in the API and in the chat; `name` when left out."""
    replicas: PositiveInt = 1
    """Servers of this model, each on GPUs of its own."""
    tensor_parallel: PositiveInt = 1
    """GPUs that share each layer of one replica; they are on one node."""
    pipeline_parallel: PositiveInt = 1
    """Stages of consecutive layers of one replica, each on tensorParallel GPUs of the same node."""
    data_parallel: PositiveInt = 1
    """Copies inside one server, each on tensorParallel x pipelineParallel GPUs of the same node."""
    expert_parallel: bool = False
    """Each GPU holds whole experts of a mixture-of-experts model instead of a slice of each."""
    context_length: ContextLength
    """Longest prompt and answer together, in tokens; auto: the longest that concurrentUsers can use at once."""
    concurrent_users: PositiveInt = 1
    """Requests of the full context length that the KV cache of one replica must hold at once."""
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=0.98)
    """Share of a GPU's memory for the engine (SGLang: weights and KV cache); its version's default when left out."""
    kv_cache_dtype: Annotated[str, Field(pattern=r"^[a-z0-9_]+$"), Means("a KV cache type of the engine", "fp8")] = (
        "auto"
    )
    """Type of the KV cache, as the engine names it (8 bits: fp8 with vLLM, fp8_e4m3 with SGLang); auto: the model's."""
    quantization: Text | None = None
    """Way in which weights are quantised or read, such as fp8 or awq; what the checkpoint says when left out."""
    max_num_seqs: PositiveInt | None = None
    """Requests that one replica handles at once; the engine's own choice when left out."""
    max_num_batched_tokens: PositiveInt | None = None
    """Tokens that one step handles (SGLang: chunked prefill size); the engine's own choice when left out."""
    prefix_caching: bool = True
    """Keep the KV cache of common beginnings, such as a system prompt."""
    sleep_mode: bool = False
    """Let an operator put the server to sleep, so that it gives its GPU memory back until it is woken."""
    adapters: list[Adapter] = Field(default=[])
    """LoRA adapters, each served beside the model under a name of its own."""
    adapter_rank: PositiveInt | None = None
    """Highest rank of the adapters; the engine's own default when left out."""
    weights_gib: float | None = Field(default=None, gt=0)
    """Size of the weights in GiB, for a model that the catalog does not have, or in place of the catalog's."""
    attention_heads: PositiveInt | None = None
    """Number of attention heads, for a model that the catalog does not have."""
    reasoning_parser: Text | None = None
    """The engine's reasoning parser; the catalog's when left out."""
    tool_call_parser: Text | None = None
    """The engine's tool-call parser; the catalog's when left out."""
    chat_template: Text | None = None
    """A Jinja template as text, or its path in the engine's image; the model's own when left out."""
    engine_args: list[Annotated[Text, Means("one argument", "--seed=1")]] = Field(default=[])
    """Further arguments; the engine's version must know them."""

    @property
    def gpus(self) -> int:
        """GPUs of one replica."""
        return self.tensor_parallel * self.pipeline_parallel * self.data_parallel


class Engine(StrictModel):
    """The pinned image of an engine."""

    image: Image
    """With a tag that does not move, or a digest."""


PipPackage = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?==[A-Za-z0-9.+!]+$"),
    Means("a Python package with its version", "pillow==12.3.0"),
]
AptPackage = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?$"),
    Means("a package of Debian or Ubuntu, with its version after = where it matters", "ffmpeg"),
]
Registry = Annotated[
    str,
    Field(pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$"),
    Means("a registry without https://, and a folder in it", "registry.lan:5000/hearth"),
]


class ImageBuild(StrictModel):
    """An image built on the engine's own, with the stack's time zone and what is named here."""

    pip_packages: list[PipPackage] = Field(default=[])
    """Python packages to add."""
    apt_packages: list[AptPackage] = Field(default=[])
    """Packages of the image's distribution to add."""
    registry: Registry | None = None
    """Where the image is pushed to, from where clusters take it; not pushed when left out (target docker)."""


class BuiltEngine(StrictModel):
    """The pinned image of an engine, and what is added to it."""

    image: Image | None = None
    """With a tag that does not move, or a digest; the tested one when left out."""
    build: ImageBuild | None = None
    """Build an image on that one; it serves as it is when left out. Needs a Docker engine where Pulumi runs."""


class Engines(StrictModel):
    """Images of the engines; the versions that Hearth was tested with when left out."""

    vllm: BuiltEngine | None = None
    """For models with engine vllm."""
    sglang: Engine | None = None
    """For models with engine sglang."""
    ollama: Engine | None = None
    """For the light models."""


class HuggingFace(StrictModel):
    """Where weights come from."""

    endpoint: Annotated[
        str,
        Field(pattern=r"^https?://[^\s/]+(/\S*)?$"),
        Means("a URL that starts with https:// or http://", "https://hf-mirror.com"),
    ] = "https://huggingface.co"
    """The hub or a mirror of it, such as https://hf-mirror.com."""
    token: Secret | None = None
    """For gated models: pulumi config set --secret --path hearth:huggingFace.token"""


class Ollama(StrictModel):
    """Light models, all on one Ollama server."""

    models: list[OllamaTag] = Field(min_length=1)
    """Tags of Ollama's library, such as gemma3:4b."""
    pool: Name | None = None
    """GPU node pool; CPU nodes when left out."""
    gpus: PositiveInt = 1
    """GPUs of that pool."""
    context_length: PositiveInt = 8192
    """Tokens; Ollama's own default depends on the GPU it finds."""
    keep_alive: Annotated[
        str, Field(pattern=r"^(-1|[0-9]+(s|m|h))$"), Means('a number with s, m or h, or "-1" in quotes', "30m")
    ] = "30m"
    """How long an idle model stays loaded; -1 for ever."""
    cpus: PositiveInt = 2
    """CPUs that its server requests."""
    memory_gib: PositiveInt | None = None
    """Host memory in GiB; computed from the largest model when left out."""
    volume_gib: PositiveInt | None = None
    """Size of the volume in GiB; computed from the catalog when left out."""
