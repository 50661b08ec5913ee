"""What tests ask about rendered arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hearth.catalog.versions import images, version_of
from hearth.engines.flags import EngineTable, check_argument, newest, oldest

ENGINES = ("vllm", "sglang")
_WITHOUT_VALUE = ("switch", "pair")
_WITH_VALUE = ("value", "list")


def pinned(engine: str) -> str:
    """The version that Hearth uses where a stack names none."""
    return version_of(images()[engine])


def checked_versions(engine: str) -> tuple[str, ...]:
    """Oldest, pinned, newest."""
    return tuple(dict.fromkeys((oldest(engine), pinned(engine), newest(engine))))


def option(args: Sequence[str], name: str) -> str | None:
    """Value of `--name=value`; the argument after a bare `--name`; None without the flag."""
    for position, argument in enumerate(args):
        flag, equals, value = argument.partition("=")
        if flag == f"--{name}":
            return value if equals else "".join(args[position + 1 : position + 2])
    return None


def not_understood(args: Sequence[str], table: EngineTable) -> Iterator[str]:
    """Arguments that this version has no flag for, or that have a value too many or too few."""
    for position, argument in enumerate(args):
        if not argument.startswith("-"):
            continue
        name, equals, _ = argument.partition("=")
        following = args[position + 1 : position + 2]
        valued = bool(equals) or any(not other.startswith("-") for other in following)
        flag = table.flags.get(name)
        if flag is None:
            yield f"{argument}: no such flag"
        elif valued and flag.kind in _WITHOUT_VALUE:
            yield f"{argument}: takes no value"
        elif not valued and flag.kind in _WITH_VALUE:
            yield f"{argument}: has no value"
        elif misfit := check_argument(argument, table.engine, table.version):
            yield misfit.why
