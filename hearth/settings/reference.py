"""The settings reference in Markdown: `python -m hearth.settings.reference > docs/settings.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from hearth.settings.shape import Shape, flow, settings_shape

_INTRODUCTION = """\
# Settings

What the `config` of a `Pulumi.<stack>.yaml` may say. This page is generated from the models in `hearth/settings`:
`python -m hearth.settings.reference > docs/settings.md`. Unknown keys are refused. Keys in bold are required.
"""


def reference_text() -> str:
    """What docs/settings.md holds."""
    return "\n".join([_INTRODUCTION, *_sections("hearth:", settings_shape())])


def _sections(name: str, section: Shape) -> Iterator[str]:
    """A table of the section's keys, then those of the sections below it."""
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    rows += [_row(key, shape) for key, shape in section.keys.items()]
    yield f"## {name}\n\n{section.about}\n\n" + "\n".join(rows) + "\n"
    for key, shape in section.keys.items():
        path = f"{name}{key}" if name.endswith(":") else f"{name}.{key}"
        below = shape.item if shape.kind == "list" else shape
        if below and below.keys:
            yield from _sections(f"{path}[]" if shape.kind == "list" else path, below)


def _row(key: str, shape: Shape) -> str:
    name = f"**`{key}`**" if shape.required else f"`{key}`"
    default = "" if shape.required or shape.default in (None, [], {}) else f"`{flow(shape.default)}`"
    return f"| {name} | {_escaped(_value(shape))} | {default} | {_escaped(shape.summary)} |"


def _value(shape: Shape) -> str:
    if shape.kind == "section":
        return "section"
    if shape.kind == "list" and shape.item:
        inner = "sections" if shape.item.kind == "section" else f"values, each {shape.item.words}"
        return f"list of {inner}"
    return shape.words


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference_text())
