from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from hearth.rehearsal.report.html import render_page, render_picture
from hearth.rehearsal.report.model import (
    Chart,
    Edge,
    Failure,
    Landscape,
    Model,
    Node,
    Phase,
    Pod,
    Report,
    Service,
    Volume,
    as_json,
)
from hearth.rehearsal.report.palette import marks
from hearth.rehearsal.report.picture import WIDTH, Card, draw
from hearth.rehearsal.report.terminal import show


def pod(workload: str, node: str | None, gpus: int = 0, state: str = "Ready", trouble: str | None = None) -> Pod:
    return Pod(f"{workload}-{node}", "hearth", workload, node, state, gpus, 2.0, 8.0, trouble)


def model(workload: str, gpus: int = 1) -> Model:
    return Model(workload, "vllm", "0.33.0", "h200", 1, gpus, 32768, 66.0, 5.1, 125.8, 139.8)


REPORT = Report(
    stack="prod",
    kubernetes="v1.36.3",
    provider="pulumi-kubernetes 4.34.2",
    phases=(Phase("up", 12.34, True, {"create": 104}), Phase("second up", 2.0, True, {"same": 104})),
    failures=(),
    landscape=Landscape(
        nodes=(Node("gpu-01", "h200", "H200-141GB", 8, 128, 1024), Node("cpu-01", None, None, 0, 16, 64)),
        pods=(
            pod("r1", "gpu-01", 5),
            pod("oss", "gpu-01", 1),
            pod("web-ui", "cpu-01"),
            pod("pull", "cpu-01", 0, "Completed"),
        ),
        volumes=(Volume("r1-weights", "nfs", 706, "ReadWriteMany", True),),
        services=(Service("r1", "ClusterIP", "10.96.0.7", (8000,)),),
        edges=(Edge("Gateway", "web-ui", ("chat.example.org",), "192.168.33.240", True),),
    ),
    models=(model("r1", 5), model("oss")),
    kinds={"kubernetes:apps/v1:Deployment": 5, "pulumi:pulumi:Stack": 1},
    charts=(Chart("metallb", "0.16.1", "metallb-system", "https://metallb.github.io/metallb"),),
    left=(),
    unproven={"GPUs": "counted by the scheduler"},
)
SETTINGS = ("hearth:models[0]",)
BROKEN = replace(
    REPORT,
    failures=(
        Failure("up", "Deployment <r1>", "0/2 nodes are available: 1 Insufficient nvidia.com/gpu", SETTINGS),
    ),
)


def printed(report: Report, *, terminal: bool = False) -> str:
    output = io.StringIO()
    colours = "truecolor" if terminal else None
    show(report, Console(file=output, width=100, force_terminal=terminal, color_system=colours, highlight=False))
    return output.getvalue()


@pytest.mark.parametrize(
    "part",
    [
        r"r1-gpu-01 +gpu-01 +Ready +5",
        r"pull-cpu-01 +cpu-01 +Completed",
        r"6 of 8 GPUs used",
        r"r1-weights +nfs +706 +ReadWriteMany +Bound",
        r"r1 +10\.96\.0\.7 +8000",
        r"Gateway +web-ui +192\.168\.33\.240 +chat\.example\.org",
        r"5 Deployment",
        r"up +12\.3 +create 104 +held",
        r"second up +2\.0 +same 104 +held",
        r"GPUs +counted by the scheduler",
        r"metallb 0\.16\.1",
        r"The rehearsal of prod held: 4 of 4 pods",
    ],
)
def test_terminal_shows(part: str) -> None:
    assert re.search(part, printed(REPORT))


def test_terminal_has_one_cell_for_each_gpu() -> None:
    row = next(line for line in printed(REPORT).splitlines() if line.strip().startswith("gpu-01"))
    assert re.findall(r"\b[AB]\b|□", row) == ["A"] * 5 + ["B"] + ["□"] * 2


def test_terminal_colours_cells_by_model() -> None:
    red, green, blue = (int(marks(REPORT)["r1"].colour[start : start + 2], 16) for start in (1, 3, 5))
    assert printed(REPORT, terminal=True).count(f"48;2;{red};{green};{blue}m A ") == 6  # five GPUs and the legend


def test_piped_output_has_no_escape_sequences() -> None:
    assert "\x1b" not in printed(REPORT)


def test_piped_output_keeps_to_its_width() -> None:
    assert max(map(len, printed(REPORT).splitlines())) <= 100


@pytest.mark.parametrize("part", ["Insufficient nvidia.com/gpu", "hearth:models[0]", "The rehearsal of prod failed"])
def test_terminal_names_failures(part: str) -> None:
    assert part in printed(BROKEN)


@pytest.mark.parametrize("part", ["Insufficient nvidia.com/gpu", "hearth:models[0]", "rehearsal failed", "&lt;r1&gt;"])
def test_page_names_failures(part: str) -> None:
    assert part in render_page(BROKEN)


def test_page_loads_nothing() -> None:
    page = render_page(REPORT)
    assert not re.search(r"(src|href)=|url\(|@import|<script|<link", page)


def test_page_says_what_is_not_proven() -> None:
    assert "counted by the scheduler" in render_page(REPORT)


def test_page_of_a_failure_before_the_first_pod() -> None:
    empty = replace(BROKEN, landscape=Landscape((), (), (), (), ()), models=(), kinds={})
    assert "rehearsal failed" in render_page(empty)


def test_picture_is_well_formed() -> None:
    assert ElementTree.fromstring(render_picture(BROKEN)).tag == "{http://www.w3.org/2000/svg}svg"


def test_picture_has_each_models_colour() -> None:
    picture = render_picture(REPORT)
    assert all(mark.colour in picture for mark in marks(REPORT).values())


def test_picture_adapts_to_dark_surroundings() -> None:
    assert "prefers-color-scheme: dark" in render_picture(REPORT)


def cards(gpus_of_nodes: list[int]) -> list[Card]:
    nodes = tuple(Node(f"n-{i}", f"pool-{gpus}", "GPU", gpus, 64, 512) for i, gpus in enumerate(gpus_of_nodes))
    report = replace(REPORT, landscape=replace(REPORT.landscape, nodes=nodes, pods=()))
    return [card for section in draw(report).sections for card in section.cards]


@pytest.mark.parametrize("gpus", [[1], [4] * 5, [8] * 3, [16], [1, 2, 4, 8, 8, 16]])
def test_nodes_keep_within_the_picture(gpus: list[int]) -> None:
    assert all(card.x >= 0 and card.x + card.width <= WIDTH for card in cards(gpus))


@pytest.mark.parametrize("gpus", [[4] * 5, [8] * 3, [1, 2, 4, 8, 8, 16]])
def test_nodes_do_not_overlap(gpus: list[int]) -> None:
    def apart(one: Card, other: Card) -> bool:
        return (
            one.x + one.width <= other.x
            or other.x + other.width <= one.x
            or one.y + one.height <= other.y
            or other.y + other.height <= one.y
        )

    found = cards(gpus)
    assert all(apart(one, other) for number, one in enumerate(found) for other in found[:number])


@pytest.mark.parametrize("gpus", [1, 4, 7, 8, 16])
def test_picture_has_every_gpu(gpus: int) -> None:
    (card,) = cards([gpus])
    assert len(card.blocks) == gpus


def test_gpus_of_a_pod_are_one_block() -> None:
    blocks = draw(REPORT).sections[0].cards[0].blocks
    assert [len(block.separators) + 1 for block in blocks] == [5, 1, 1, 1]


def test_marks_differ_where_colours_repeat() -> None:
    many = replace(REPORT, models=tuple(model(f"m-{number}") for number in range(52)))
    letters = [mark.letter for workload, mark in marks(many).items() if workload.startswith("m-")]
    assert len(set(letters)) == 52


@pytest.mark.parametrize(("report", "succeeded"), [(REPORT, True), (BROKEN, False)])
def test_json_says_whether_it_held(report: Report, succeeded: bool) -> None:
    assert json.loads(json.dumps(as_json(report)))["succeeded"] is succeeded


def test_json_has_the_use_of_each_pool() -> None:
    assert as_json(REPORT)["pools"] == [{"pool": "h200", "gpu": "H200-141GB", "nodes": 1, "used": 6, "total": 8}]
