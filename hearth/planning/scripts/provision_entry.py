"""Reading one object of a JSON file: every mistake is noted with its path, and what nobody reads is one too."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

T = TypeVar("T")
Json = dict[str, Any]


class StateError(Exception):
    """The state cannot be used; one line for each mistake."""


@dataclass
class Source:
    """Where files and secrets come from, and the mistakes found so far."""

    folder: Path
    env: Mapping[str, str]
    secrets: list[str] = field(default_factory=list[str], repr=False)
    mistakes: list[str] = field(default_factory=list[str])


class Entry:
    """One object of the file; keys are taken out one by one, and those left over are mistakes."""

    def __init__(self, value: Any, path: str, source: Source) -> None:
        self.path = path
        self.source = source
        self.value: Json = {}
        if isinstance(value, dict):
            self.value = cast(Json, value)
        else:
            self.wrong(path or "the file", value, "an object")
        self._known: set[str] = set()

    def wrong(self, path: str, value: Any, expected: str) -> None:
        """Notes a mistake."""
        shown = json.dumps(value, ensure_ascii=False)
        self.source.mistakes.append(f"{path} is {shown[:60]}, and has to be {expected}")

    def take(self, key: str, kind: type[T], expected: str) -> T | None:
        """The key's value if it is there and of this kind."""
        self._known.add(key)
        value = self.value.get(key)
        if value is None or isinstance(value, kind):
            return value
        self.wrong(self._at(key), value, expected)
        return None

    def text(self, key: str) -> str | None:
        """A string that may be left out."""
        return self.take(key, str, "a string")

    def required(self, key: str) -> str:
        """A string that has to be there."""
        value = self.take(key, str, "a string")
        if self.value.get(key) in (None, ""):
            self.source.mistakes.append(f"{self._at(key)} is missing")
        return value or ""

    def flag(self, key: str) -> bool | None:
        """true or false, or left out."""
        return self.take(key, bool, "true or false")

    def mapping(self, key: str) -> Json:
        """An object; empty if it is left out."""
        return cast(Json, self.take(key, dict, "an object") or {})

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of strings, or None if it is left out."""
        value = cast("list[Any] | None", self.take(key, list, "a list of strings"))
        if value is None:
            return None
        if not all(isinstance(item, str) and item for item in value):
            self.wrong(self._at(key), value, "a list of strings")
            return ()
        return tuple(value)

    def choice(self, key: str, choices: tuple[str, ...], default: str) -> str:
        """One of a few words."""
        value = self.text(key) or default
        if value not in choices:
            self.wrong(self._at(key), value, f"one of {', '.join(choices)}")
        return value

    def variable(self, key: str) -> str | None:
        """The value of the environment variable that the key names."""
        name = self.text(key)
        return None if name is None else self.secret(self._at(key), name)

    def secret(self, path: str, name: Any) -> str:
        """The value of an environment variable; it is kept out of the output."""
        value = self.source.env.get(name) if isinstance(name, str) else None
        if not value:
            self.source.mistakes.append(f"{path} names the variable {name}, which is not set")
            return ""
        self.source.secrets.append(value)
        return value

    def file(self, key: str) -> Path | None:
        """A file beside the state."""
        name = self.text(key)
        if name is None:
            return None
        path = self.source.folder / name
        if Path(name).name != name or not path.is_file():
            self.source.mistakes.append(f"{self._at(key)} is {name}, and no such file is in {self.source.folder}")
            return None
        return path

    def child(self, key: str) -> Entry | None:
        """An object of its own, or None if it is left out."""
        value = cast("Json | None", self.take(key, dict, "an object"))
        return None if value is None else Entry(value, self._at(key), self.source)

    def each(self, key: str, parse: Callable[[Entry], T], identity: str) -> tuple[T, ...]:
        """Every entry of a list; two with the same identity are a mistake."""
        items = cast("list[Any]", self.take(key, list, "a list") or [])
        entries = [Entry(item, f"{self._at(key)}[{index}]", self.source) for index, item in enumerate(items)]
        seen: set[str] = set()
        for entry in entries:
            name = entry.value.get(identity)
            if isinstance(name, str) and name.lower() in seen:
                self.source.mistakes.append(f"{entry.path}.{identity} is {name}, as is an entry before it")
            seen.add(str(name).lower())
        parsed = tuple(parse(entry) for entry in entries)
        for entry in entries:
            entry.finish()
        return parsed

    def finish(self) -> None:
        """Notes the keys that nobody took."""
        for key in self.value.keys() - self._known:
            known = ", ".join(sorted(self._known))
            self.source.mistakes.append(f"{self._at(key)} is not a key of the state; there are: {known}")

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key
