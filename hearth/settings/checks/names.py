"""Names: each is used once, and each that is referred to exists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hearth.problems import Path, Problem, render_path
from hearth.settings.stack import Settings
from hearth.settings.structure import nearest

_TIERS = ("content-extraction", "ollama", "pipelines", "postgres", "redis", "speech-to-text", "web-ui")
_DERIVED = "-download"
_LONGEST_LABEL = 63
"""Characters of a Kubernetes label value: pods carry the name of their Job."""


def full_tag(name: str) -> str:
    """An Ollama tag in full: gemma3 means gemma3:latest."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def model_names_differ(settings: Settings) -> Iterator[Problem]:
    """Workloads are named after models."""
    yield from repeated((("models", index, "name"), model.name) for index, model in enumerate(settings.models))


def pool_names_differ(settings: Settings) -> Iterator[Problem]:
    """Models refer to pools by name."""
    pools = enumerate(settings.gpu_node_pools)
    yield from repeated((("gpuNodePools", index, "name"), pool.name) for index, pool in pools)


def nodes_in_one_pool(settings: Settings) -> Iterator[Problem]:
    """A node in two pools would be counted twice."""
    yield from repeated(
        (("gpuNodePools", index, "nodes", position), node)
        for index, pool in enumerate(settings.gpu_node_pools)
        for position, node in enumerate(pool.nodes)
    )


def model_names_free(settings: Settings) -> Iterator[Problem]:
    """The platform's own workloads, and those derived from other models, have names too."""
    derived = {f"{model.name}{_DERIVED}": index for index, model in enumerate(settings.models)}
    for index, model in enumerate(settings.models):
        path: Path = ("models", index, "name")
        tier = next((tier for tier in _TIERS if model.name == tier or model.name.startswith(f"{tier}-")), None)
        if tier:
            why = f"would clash with the workloads of Hearth's own {tier}"
            yield Problem(path, model.name, why, f"choose a name that is not {tier} and does not begin with {tier}-")
        elif model.name in derived:
            other: Path = ("models", derived[model.name], "name")
            why = f"is the name of the Job that downloads the weights of {render_path(other[:-1])}"
            yield Problem(
                path, model.name, why, f"choose a name that does not end with {_DERIVED}", depends_on=(other,)
            )


def served_names_differ(settings: Settings) -> Iterator[Problem]:
    """People and programs choose a model by its served name, whichever engine runs it.

    Equal names of models and equal tags of Ollama are found by their own checks.
    """
    tags = settings.ollama.models if settings.ollama else []
    first: dict[str, Path] = {}
    for index, tag in enumerate(tags):
        first.setdefault(full_tag(tag), ("ollama", "models", index))
    by_key: list[tuple[str, int, str]] = [
        ("servedName" if model.served_name else "name", index, model.served_name or model.name)
        for index, model in enumerate(settings.models)
    ]
    # Those that go by their own name first, so that a servedName that repeats one is what is reported.
    for key, index, name in sorted(by_key):
        path: Path = ("models", index, key)
        other = first.setdefault(full_tag(name), path)
        if other != path and not key == other[-1] == "name":
            why = f"{render_path(other)} is served by this name already"
            yield Problem(path, name, why, "give the model another servedName", depends_on=(other,))


def adapter_names_differ(settings: Settings) -> Iterator[Problem]:
    """Adapters are listed beside all models and tags, and their volumes are named after model and adapter."""
    tags = settings.ollama.models if settings.ollama else []
    taken: dict[str, Path] = {full_tag(tag): ("ollama", "models", index) for index, tag in enumerate(tags)}
    for index, model in enumerate(settings.models):
        key = "servedName" if model.served_name else "name"
        taken.setdefault(full_tag(model.served_name or model.name), ("models", index, key))
    workloads: dict[str, Path] = {model.name: ("models", index, "name") for index, model in enumerate(settings.models)}
    for index, model in enumerate(settings.models):
        for position, adapter in enumerate(model.adapters):
            path: Path = ("models", index, "adapters", position, "name")
            volume = f"{model.name}-{adapter.name}"
            too_long = len(f"{volume}{_DERIVED}") - _LONGEST_LABEL
            other = taken.setdefault(full_tag(adapter.name), path)
            clash = workloads.setdefault(volume, path)
            if other != path:
                why = f"{render_path(other)} is served by this name already"
                yield Problem(path, adapter.name, why, "give the adapter another name", depends_on=(other,))
            elif clash != path:
                why = f"its volume would be named {volume}-weights, as that of {render_path(clash[:-1])} is"
                yield Problem(path, adapter.name, why, "give the adapter another name", depends_on=(clash,))
            elif too_long > 0:
                why = f"its Job {volume}{_DERIVED} would be longer than the {_LONGEST_LABEL} characters of a label"
                remedy = f"shorten the adapter's name or the model's by {too_long}"
                yield Problem(path, adapter.name, why, remedy, depends_on=(("models", index, "name"),))


def pools_known(settings: Settings) -> Iterator[Problem]:
    """Models and Ollama run on pools of this stack."""
    known = {pool.name: ("gpuNodePools", index, "name") for index, pool in enumerate(settings.gpu_node_pools)}
    wanted: list[tuple[Path, str]] = [(("models", index, "pool"), m.pool) for index, m in enumerate(settings.models)]
    if settings.ollama and settings.ollama.pool:
        wanted.append((("ollama", "pool"), settings.ollama.pool))
    for path, name in wanted:
        if name in known:
            continue
        meant = nearest(name, known)
        there = f"the pools are {', '.join(known)}" if known else "there are none: add hearth:gpuNodePools"
        remedy = f"write {meant}; {there}" if meant else f"choose a pool; {there}"
        yield Problem(path, name, "is not the name of a GPU node pool", remedy, depends_on=(("gpuNodePools",),))


def repeated(entries: Iterable[tuple[Path, str]]) -> Iterator[Problem]:
    """Every name that an earlier entry has already."""
    first: dict[str, Path] = {}
    for path, name in entries:
        other = first.setdefault(name, path)
        if other != path:
            remedy = "choose another name, or remove one of the two"
            yield Problem(path, name, f"{render_path(other)} has this name already", remedy, depends_on=(other,))
