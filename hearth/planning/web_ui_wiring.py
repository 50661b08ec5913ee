"""Which model or service does what for the web UI, and whose API key it needs for that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hearth.planning.plan import ModelPlan, OllamaPlan, ServicePlan
from hearth.planning.services import EXTRACTION, PIPELINES, SPEECH
from hearth.settings.checks.names import full_tag
from hearth.settings.web_ui import WebUi
from hearth.workload import Peer


@dataclass(frozen=True)
class Endpoint:
    """A server of an OpenAI API: its base URL, the model that is asked for, and whose key it takes."""

    url: str
    model: str
    key_of: str


@dataclass(frozen=True)
class Wiring:
    """Models and services by what they are for; None where nobody does it, or where Ollama does."""

    chat: tuple[ModelPlan, ...]
    """Models that people chat with; those that only embed or transcribe would fail as such."""
    ollama: OllamaPlan | None
    chat_tags: tuple[str, ...]
    """Ollama's models that people chat with, as full tags."""
    embeddings: Endpoint | None
    speech: Endpoint | None
    extraction: ServicePlan | None
    pipelines: ServicePlan | None
    peers: tuple[Peer, ...]
    """All of them, as servers that the web UI calls."""

    @property
    def keys(self) -> Mapping[str, tuple[str, ...]]:
        """Variables that hold API keys, each with the models and services whose keys it joins."""
        return {variable: names for variable, names in self._keys() if names}

    def _keys(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        chat = [model.name for model in self.chat]
        yield "OPENAI_API_KEYS", (*chat, *((self.pipelines.name,) if self.pipelines else ()))
        yield "RAG_OPENAI_API_KEY", (self.embeddings.key_of,) if self.embeddings else ()
        yield "AUDIO_STT_OPENAI_API_KEY", (self.speech.key_of,) if self.speech else ()
        yield "DOCLING_API_KEY", (self.extraction.name,) if self.extraction and self.extraction.key else ()


def wire(
    web_ui: WebUi, models: Sequence[ModelPlan], ollama: OllamaPlan | None, services: Sequence[ServicePlan]
) -> Wiring:
    """Who does what, as the settings say."""
    by_name = {service.name: service for service in services}
    served = {model.served_name: model for model in models}
    speech = web_ui.speech_to_text
    embeddings = served.get(web_ui.embedding_model or "")
    tags = map(full_tag, ollama.models if ollama else ())
    transcribing = served.get(speech.model or "") if speech else None
    servers = [*(model.server for model in models), *(service.server for service in services)]
    if ollama:
        servers.append(ollama.server)
    return Wiring(
        chat=tuple(model for model in models if model not in (embeddings, transcribing)),
        ollama=ollama,
        chat_tags=tuple(tag for tag in tags if tag != full_tag(web_ui.embedding_model or "")),
        embeddings=_endpoint(embeddings) if embeddings else None,
        speech=_endpoint(transcribing) if transcribing else _own_speech(web_ui, by_name.get(SPEECH)),
        extraction=by_name.get(EXTRACTION),
        pipelines=by_name.get(PIPELINES),
        peers=tuple(Peer(server.name, server.ports[0].number) for server in servers),
    )


def _endpoint(model: ModelPlan) -> Endpoint:
    return Endpoint(model.url, model.served_name, model.name)


def _own_speech(web_ui: WebUi, service: ServicePlan | None) -> Endpoint | None:
    speech = web_ui.speech_to_text
    return Endpoint(service.url, speech.server.model, service.name) if service and speech and speech.server else None
