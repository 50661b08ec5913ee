"""The strict base of every settings model, and the value types that several of them share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue


class StrictModel(BaseModel):
    """camelCase keys, unknown keys refused, values never coerced, instances immutable."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        strict=True,
        frozen=True,
        validate_default=False,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


@dataclass(frozen=True)
class Means:
    """What a value must be, in words and by an example; messages, JSON Schema and the reference show both."""

    words: str
    example: object

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        return schema if "$ref" in schema else {**schema, "examples": [self.example]}


def _pinned(image: str) -> str:
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    if digest:
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            raise ValueError("the digest after @ is not sha256: and 64 hexadecimal digits")
    elif not tag:
        raise ValueError("the image is not pinned: it has neither tag nor digest, so what runs changes by itself")
    elif tag in {"latest", "main", "nightly", "dev", "stable"}:
        raise ValueError(f"the image is not pinned: the tag {tag} moves, so what runs changes by itself")
    return image


def _network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(f"is not a network: {error}") from None
    if "/" not in text:
        raise ValueError(f"is an address without the size of a network, which for it alone is {network.compressed}")
    return text


Text = Annotated[str, StringConstraints(min_length=1), Means("text that is not empty", "text")]

Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=40),
    Means(
        "a name of at most 40 lower-case letters, digits and hyphens that starts with a letter and does not end with a "
        "hyphen",
        "chat",
    ),
]
"""A DNS label of at most 40 characters, so that names derived from it stay within 63."""

ObjectName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=253),
    Means("the name of a Kubernetes object (lower-case letters, digits, hyphens and dots)", "gpu-01"),
]
"""A DNS subdomain: what Kubernetes takes as the name of most objects."""

Hostname = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$", max_length=253),
    Means("a full DNS name in lower case", "chat.example.org"),
]

Image = Annotated[
    str,
    StringConstraints(pattern=r"^[^\s@]+(@\S+)?$"),
    AfterValidator(_pinned),
    Means("a container image with a released tag or a digest", "vllm/vllm-openai:v0.33.0"),
]
"""A container image with a tag that does not move, or a digest."""

Network = Annotated[
    str,
    AfterValidator(_network),
    Means("a network in CIDR notation", "10.1.2.0/24"),
]
"""IPv4 or IPv6; it goes into a NetworkPolicy."""

LabelKey = Annotated[
    str,
    StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"),
    Means("the key of a Kubernetes label", "nvidia.com/gpu.product"),
]
LabelValue = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"),
    Means("the value of a Kubernetes label (text; write true and numbers in quotes)", "NVIDIA-H200"),
]

PositiveInt = Annotated[int, Field(ge=1)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Labels = dict[LabelKey, LabelValue]
Secret = Annotated[
    SecretStr,
    WithJsonSchema(
        {
            "type": "object",
            "properties": {"secure": {"type": "string"}},
            "required": ["secure"],
            "additionalProperties": False,
        }
    ),
]
"""A value that is written with `pulumi config set --secret` and never shown."""
