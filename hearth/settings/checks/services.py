"""Services of the web UI: who embeds, transcribes and reads documents."""

from __future__ import annotations

from collections.abc import Iterator

from hearth.catalog.models import catalog_model
from hearth.problems import Path, Problem
from hearth.settings.checks.names import full_tag
from hearth.settings.checks.web_ui import chat_model_names
from hearth.settings.stack import Settings
from hearth.settings.structure import nearest

_SPEECH: Path = ("webUi", "speechToText")
_EMBEDDING: Path = ("webUi", "embeddingModel")
_MODELS: tuple[Path, ...] = (("models",), ("ollama",))


def embedding_model_served(settings: Settings) -> Iterator[Problem]:
    """Documents are embedded by a model that this stack runs."""
    wanted = settings.web_ui.embedding_model
    tags = settings.ollama.models if settings.ollama else []
    served = _served(settings)
    if wanted is None or wanted in served or full_tag(wanted) in map(full_tag, tags):
        return
    meant = nearest(wanted, [*tags, *served])
    remedy = f"{f'write {meant}, or ' if meant else ''}add {wanted} to hearth:ollama.models"
    why = "is not one of ollama.models, nor served by one of hearth:models"
    yield Problem(_EMBEDDING, wanted, why, remedy, depends_on=_MODELS)


def vectors_fit(settings: Settings) -> Iterator[Problem]:
    """Open WebUI cuts longer vectors without a word, and finds less."""
    chat = settings.web_ui
    model = _served(settings).get(chat.embedding_model or "")
    known = catalog_model(model) if model else None
    length = known.architecture.hidden_size if known else 0
    if length > chat.embedding_dimensions and chat.database.engine != "sqlite":
        why = f"vectors of {chat.embedding_model} have {length} dimensions, and longer ones are cut without a word"
        remedy = f"write embeddingDimensions: {length}" if length <= 4000 else "choose a smaller embedding model"
        depends: tuple[Path, ...] = (_EMBEDDING, ("models",), ("webUi", "database"))
        path: Path = ("webUi", "embeddingDimensions")
        yield Problem(path, chat.embedding_dimensions, why, remedy, depends_on=depends)


def one_speech_to_text(settings: Settings) -> Iterator[Problem]:
    """A served model or a server: not both, not neither."""
    speech = settings.web_ui.speech_to_text
    if speech is None:
        return
    keys: tuple[Path, ...] = ((*_SPEECH, "model"), (*_SPEECH, "server"))
    if speech.model and speech.server:
        why = f"has model already: {speech.model} turns speech into text"
        yield Problem((*_SPEECH, "server"), None, why, "remove either model or server", depends_on=keys)
    elif not speech.model and not speech.server:
        why = "says neither model nor server"
        remedy = "add server: {}, or model with the name of a Whisper model of hearth:models"
        yield Problem(_SPEECH, None, why, remedy, depends_on=keys)


def speech_model_served(settings: Settings) -> Iterator[Problem]:
    """Ollama transcribes nothing."""
    speech = settings.web_ui.speech_to_text
    if speech is None or speech.model is None:
        return
    served = _served(settings)
    path: Path = (*_SPEECH, "model")
    if speech.model not in served:
        meant = nearest(speech.model, served)
        remedy = f"write {meant}, or " if meant else ""
        remedy += "add a Whisper model to hearth:models, or write server: {} for a server of its own"
        why = "is not served by one of hearth:models"
        yield Problem(path, speech.model, why, remedy, depends_on=_MODELS)
    elif speech.model == settings.web_ui.embedding_model:
        why = "is the embedding model, which turns no speech into text"
        yield Problem(path, speech.model, why, "name a Whisper model", depends_on=(_EMBEDDING,))


def speech_model_readable(settings: Settings) -> Iterator[Problem]:
    """The server reads CTranslate2's format only."""
    speech = settings.web_ui.speech_to_text
    server = speech.server if speech else None
    if server and server.model.lower().startswith("openai/"):
        path: Path = (*_SPEECH, "server", "model")
        why = "is not in CTranslate2's format, which the server reads"
        size = server.model.rpartition("/")[2].removeprefix("whisper-")
        remedy = f"write a conversion such as Systran/faster-whisper-{size}, or serve this one by hearth:models"
        yield Problem(path, server.model, why, remedy)


def something_to_chat_with(settings: Settings) -> Iterator[Problem]:
    """Models that embed or transcribe answer nobody."""
    if (settings.models or settings.ollama) and not chat_model_names(settings):
        why = "every model of the stack embeds documents or transcribes speech, and none is left to chat with"
        remedy = 'add a chat model to hearth:models, or to ollama: {models: ["gemma3:4b"]}'
        depends: tuple[Path, ...] = (("ollama",), _EMBEDDING, _SPEECH)
        yield Problem(("models",), None, why, remedy, depends_on=depends)


def _served(settings: Settings) -> dict[str, str]:
    """Source of each of hearth:models by the name it is served under."""
    return {model.served_name or model.name: model.source for model in settings.models}
