"""What the README and the guides say, held against the project."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from hearth.planning.stack import make_plan
from hearth.settings.loading import load_stack

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def _yaml(text: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


MERGED = {"hearth:webUi", "hearth:storage"}
"""Sections of which the guides show some keys."""
EXAMPLES = [
    pytest.param(page.name, example, id=page.name)
    for page in PAGES[1:]
    for example in _yaml(page.read_text(encoding="utf-8"))
]
"""Parts of a stack file that the guides show."""
DOCKER: dict[str, Any] = {
    "hearth:target": "docker",
    "hearth:cpuNodes": {"cpus": 16, "memoryGib": 64},
    "hearth:storage": {"retainData": True},
    "hearth:gpuNodePools": [{"name": "local", "gpu": "RTX4090-24GB", "gpusPerNode": 1}],
    "hearth:models": [
        {"name": "qwen3-8b", "source": "Qwen/Qwen3-8B", "engine": "vllm", "pool": "local", "contextLength": 8192}
    ],
    "hearth:webUi": {"admin": {"email": "admin@example.org"}},
}
"""The stack that the guide of that target speaks of."""


def test_its_stack_can_be_planned(tmp_path: Path) -> None:
    [stack] = _yaml(README)
    (tmp_path / "Pulumi.readme.yaml").write_text(stack, encoding="utf-8")
    assert make_plan(load_stack(tmp_path, "readme")).models


@pytest.mark.parametrize(("guide", "example"), EXAMPLES)
def test_parts_of_a_stack_in_the_guides_can_be_planned(guide: str, example: str, tmp_path: Path) -> None:
    config: dict[str, Any] = DOCKER if guide == "docker.md" else yaml.safe_load(_yaml(README)[0])["config"]
    parts = yaml.safe_load(example)
    config = {**config, **parts, **{key: {**config.get(key, {}), **parts[key]} for key in MERGED & parts.keys()}}
    (tmp_path / "Pulumi.guide.yaml").write_text(yaml.safe_dump({"config": config}), encoding="utf-8")
    shutil.copytree(ROOT / "tests/live/icons", tmp_path / "icons")
    assert make_plan(load_stack(tmp_path, "guide")).models


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_make_targets_exist(page: Path) -> None:
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)\b", "\n".join(_code(page.read_text(encoding="utf-8")))))
    targets = set(re.findall(r"^([a-z-]+(?: [a-z-]+)*):", MAKEFILE, re.MULTILINE))
    assert named <= {target for group in targets for target in group.split()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_architecture_names_folders_that_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    folders = re.findall(r"`((?:hearth|components|tests|bench)/[a-z_/]*)`", text)
    assert folders and [folder for folder in folders if not (ROOT / folder).is_dir()] == []


def _code(text: str) -> list[str]:
    """Contents of code blocks and of inline code."""
    return [*re.findall(r"```sh\n(.*?)```", text, re.DOTALL), *re.findall(r"`([^`\n]+)`", text)]
