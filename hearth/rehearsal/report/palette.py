"""Letters and colours of workloads with GPUs, the same in every rendering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase

from hearth.rehearsal.report.model import Report

_LETTERS = ascii_uppercase + ascii_lowercase
_COLOURS = (
    "#3b6fd4",
    "#d9772b",
    "#1f9d8a",
    "#a64fc0",
    "#c83f4e",
    "#8a7a12",
    "#2f8fc4",
    "#8f6246",
    "#c7548f",
    "#5c7f32",
)
"""Neighbours differ in hue and lightness; white text on each has a contrast of 3:1 or more."""


@dataclass(frozen=True)
class Mark:
    """How a workload is shown. Letters keep workloads apart where colours repeat or are missing."""

    letter: str
    colour: str


def marks(report: Report) -> Mapping[str, Mark]:
    """A mark for each workload with GPUs: those of the plan first, in its order."""
    planned = [model.workload for model in report.models]
    found = [pod.workload for pod in report.landscape.pods if pod.gpus]
    return _marks(list(dict.fromkeys([*planned, *found])))


def _marks(workloads: Sequence[str]) -> dict[str, Mark]:
    return {
        workload: Mark(_LETTERS[position % len(_LETTERS)], _COLOURS[position % len(_COLOURS)])
        for position, workload in enumerate(workloads)
    }
