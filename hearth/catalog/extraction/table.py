"""The table of the variables that Open WebUI's source files read."""

from __future__ import annotations

from collections.abc import Mapping

from hearth.catalog.extraction.config_values import config_values
from hearth.catalog.extraction.environment import Module, Read, first
from hearth.catalog.open_webui import Variable

_CONFIG_FILE = "config.py"
_CONFIG_TABLE = "DEFAULT_CONFIG"


def variables(sources: Mapping[str, str]) -> dict[str, Variable]:
    """Every variable that the files read, by name; `sources` has their text by path inside the package.

    Raises NotUnderstoodError, and SyntaxError for text that is not Python.
    """
    readers = {path: text for path, text in sources.items() if "environ" in text or "getenv" in text}
    modules = [Module(path, text) for path, text in sorted(readers.items())]
    found: dict[str, list[tuple[str, Read]]] = {}
    for module in modules:
        for read in module.reads():
            found.setdefault(read.name, []).append((module.path, read))
    values = {
        key: names
        for module in modules
        if module.path == _CONFIG_FILE
        for key, names in config_values(module, _CONFIG_TABLE).items()
    }
    return {
        name: Variable(
            type=first((read.type for _, read in reads if read.type != "text"), "text"),
            default=first((read.default for _, read in reads if read.default is not None), None),
            modules=tuple(dict.fromkeys(path for path, _ in reads)),
            config=tuple(sorted(key for key, names in values.items() if name in names)),
        )
        for name, reads in sorted(found.items())
    }
