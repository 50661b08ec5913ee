"""Connections to OpenAI-compatible servers and to Ollama; those that the state does not name stay."""

from __future__ import annotations

from provision_api import Api
from provision_state import Ollama, OpenAi
from provision_step import Json, Step, differences, merged


def apply_openai(api: Api, wanted: OpenAi, step: Step) -> None:
    """Adds connections, and updates the keys and options of those that are there."""
    config: Json = api.get("/openai/config")
    urls: list[str] = list(config["OPENAI_API_BASE_URLS"] or [])
    keys: list[str] = list(config["OPENAI_API_KEYS"] or [])[: len(urls)]
    keys += [""] * (len(urls) - len(keys))
    options: Json = dict(config["OPENAI_API_CONFIGS"] or {})
    changes = _enabled(config["ENABLE_OPENAI_API"], wanted.enabled)
    for connection in wanted.connections:
        position = _position(urls, connection.url)
        if position == len(urls):
            urls.append(connection.url)
            keys.append("")
            changes.append(f"{connection.url} added")
        if connection.key is not None and keys[position] != connection.key:
            keys[position] = connection.key
            changes.append(f"key of {connection.url}")
        have: Json = options.get(str(position)) or {}
        changes += [f"{name} of {connection.url}" for name in differences(have, connection.config)]
        options[str(position)] = merged(have, connection.config)
    if changes:
        enabled = config["ENABLE_OPENAI_API"] if wanted.enabled is None else wanted.enabled
        form = {"OPENAI_API_BASE_URLS": urls, "OPENAI_API_KEYS": keys, "OPENAI_API_CONFIGS": options}
        api.post("/openai/config/update", {"ENABLE_OPENAI_API": enabled, **form})
        step.changed(*changes)


def apply_ollama(api: Api, wanted: Ollama, step: Step) -> None:
    """Adds servers."""
    config: Json = api.get("/ollama/config")
    urls: list[str] = list(config["OLLAMA_BASE_URLS"] or [])
    changes = _enabled(config["ENABLE_OLLAMA_API"], wanted.enabled)
    for url in wanted.urls:
        if _position(urls, url) == len(urls):
            urls.append(url)
            changes.append(f"{url} added")
    if changes:
        enabled = config["ENABLE_OLLAMA_API"] if wanted.enabled is None else wanted.enabled
        options: Json = config["OLLAMA_API_CONFIGS"] or {}
        form = {"OLLAMA_BASE_URLS": urls, "OLLAMA_API_CONFIGS": options}
        api.post("/ollama/config/update", {"ENABLE_OLLAMA_API": enabled, **form})
        step.changed(*changes)


def _enabled(current: bool, wanted: bool | None) -> list[str]:
    return [] if wanted is None or current == wanted else ["enabled"]


def _position(urls: list[str], url: str) -> int:
    """Where the URL is; the length if it is not there."""
    plain = [known.rstrip("/") for known in urls]
    return plain.index(url) if url in plain else len(urls)
