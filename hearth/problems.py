"""What is wrong with a stack file, in the words a user needs: where, which value, why, and what would be right."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]


def render_path(path: Path) -> str:
    """`("models", 2, "tensorParallel")` as `hearth:models[2].tensorParallel`; the empty path as `config`.

    A first part that has a namespace of its own (`aws:region`) keeps it.
    """
    if not path:
        return "config"
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text if ":" in str(path[0]) else f"hearth:{text}"


@dataclass(frozen=True)
class Problem:
    """One mistake in a stack file.

    `path` is the key that should be changed; `depends_on` are further keys that the finding rests on, so that it can be
    left out while one of those is itself wrong.
    """

    path: Path
    value: object
    why: str
    remedy: str
    depends_on: tuple[Path, ...] = ()
    line: int | None = None

    @property
    def key(self) -> str:
        return render_path(self.path)

    def at_line(self, line: int | None) -> Problem:
        return replace(self, line=line)


class ConfigurationError(Exception):
    """A stack file that cannot be deployed; carries every problem that was found."""

    def __init__(self, problems: Iterable[Problem], source: str) -> None:
        self.problems: Sequence[Problem] = tuple(problems)
        self.source = source
        super().__init__(render(self.problems, source))


def render(problems: Sequence[Problem], source: str) -> str:
    """All problems as plain text, three lines each, in the order of the file."""
    count = len(problems)
    lines = [f"{source}: {count} {'problem' if count == 1 else 'problems'}"]
    for problem in sorted(problems, key=lambda p: (p.line is None, p.line or 0)):
        where = f"{source}:{problem.line}: " if problem.line else ""
        shown = "" if problem.value is None else f" = {_shorten(problem.value)}"
        lines += [f"  {where}{problem.key}{shown}", f"    why:    {problem.why}", f"    remedy: {problem.remedy}"]
    return "\n".join(lines)


def as_json(problems: Sequence[Problem]) -> dict[str, object]:
    """All problems as plain values, for other programs."""
    shown = [{"key": p.key, "value": p.value, "why": p.why, "remedy": p.remedy, "line": p.line} for p in problems]
    return {"problems": shown}


def _shorten(value: object, limit: int = 80) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
