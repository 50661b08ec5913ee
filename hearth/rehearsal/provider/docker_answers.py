"""What the Docker engine's answers mean; the SDK is imported only where an engine is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def found(ask: Callable[[], Any]) -> Any:
    """The answer; None where the object does not exist."""
    from docker.errors import NotFound

    try:
        return ask()
    except NotFound:
        return None


def api_errors() -> tuple[type[Exception], ...]:
    """What the SDK raises when the engine refuses or does not answer."""
    import requests
    from docker.errors import DockerException

    return (DockerException, requests.RequestException)


def explanation(error: Exception) -> str:
    """The engine's own words where there are any."""
    return str(getattr(error, "explanation", None) or error)
