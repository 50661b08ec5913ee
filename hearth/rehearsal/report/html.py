"""The report as one HTML page, and its picture as one SVG file; neither refers to anything outside of itself."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from hearth.rehearsal.report.model import Report
from hearth.rehearsal.report.picture import draw


def render_page(report: Report) -> str:
    """The whole report, readable in light and dark."""
    return _environment().get_template("page.html.jinja").render(report=report, picture=draw(report))


def render_picture(report: Report) -> str:
    """Nodes by GPUs, coloured by model."""
    return _environment().get_template("picture.svg.jinja").render(picture=draw(report))


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("hearth.rehearsal.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
