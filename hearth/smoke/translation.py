"""How TranslateGemma is asked: each build of it takes a form of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

Dialect: TypeAlias = Literal["delimiters", "parts", "prose"]

TEXT = "The weather is nice today."
_FROM, _TO = ("en", "English"), ("de", "German")

_MARK = "translategemma"
_VLLM_COPIES = "infomaniak-ai/"


def dialect_of(source: str) -> Dialect | None:
    """That of a Hugging Face id or an Ollama tag; None where the model is not for translation."""
    organization, name = source.lower().rpartition("/")[::2]
    if _MARK not in name:
        return None
    if f"{organization}/" == _VLLM_COPIES:
        return "delimiters"
    return "parts" if organization == "google" else "prose"


def content(dialect: Dialect) -> str | list[dict[str, str]]:
    """What the user's one message holds, to have `TEXT` translated from English to German."""
    return _CONTENT[dialect]()


def _delimiters() -> str:
    """Of the copies for vLLM (model card of Infomaniak-AI/vllm-translategemma-4b-it)."""
    return f"<<<source>>>{_FROM[0]}<<<target>>>{_TO[0]}<<<text>>>{TEXT}"


def _parts() -> list[dict[str, str]]:
    """Of Google's own chat template (model card of google/translategemma-4b-it)."""
    return [{"type": "text", "source_lang_code": _FROM[0], "target_lang_code": _TO[0], "text": TEXT}]


def _prose() -> str:
    """Of Ollama's build, whose template adds nothing (https://ollama.com/library/translategemma)."""
    (source_code, source), (target_code, target) = _FROM, _TO
    return (
        f"You are a professional {source} ({source_code}) to {target} ({target_code}) translator. Your goal is to "
        f"accurately convey the meaning and nuances of the original {source} text while adhering to {target} grammar, "
        f"vocabulary, and cultural sensitivities.\nProduce only the {target} translation, without any additional "
        f"explanations or commentary. Please translate the following {source} text into {target}:\n\n\n{TEXT}"
    )


_CONTENT: Mapping[Dialect, Callable[[], str | list[dict[str, str]]]] = {
    "delimiters": _delimiters,
    "parts": _parts,
    "prose": _prose,
}
