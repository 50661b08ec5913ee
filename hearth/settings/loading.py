"""Reads what a stack says: from its file without Pulumi, or from the config that a running program gets."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, cast

from hearth.problems import ConfigurationError, Path, Problem, render_path
from hearth.settings.checks import find_contradictions
from hearth.settings.overrides import apply_overrides
from hearth.settings.shape import Shape, settings_shape
from hearth.settings.stack import Settings
from hearth.settings.stack_file import PREFIX, path_of, read_stack_file
from hearth.settings.structure import ENCRYPTED, HIDDEN, nearest, understand


@dataclass(frozen=True)
class LoadedStack:
    """Everything that is known about a stack's settings."""

    stack: str
    source: str
    """Where the settings were read: Pulumi.prod.yaml, or the Pulumi config of a running program."""
    settings: Settings | None
    """As much as could be understood; None if nothing could."""
    problems: tuple[Problem, ...]
    pruned: tuple[Path, ...]
    """What was left out, or replaced by a stand-in, to understand the rest."""
    config: Mapping[str, str]
    """Full key -> value as the Pulumi engine hands it to a program (objects as JSON).

    Encrypted values that were read from a file are placeholders."""
    secret_keys: frozenset[str]
    """Full keys whose values hold something encrypted."""
    lines: Mapping[Path, int] = field(default_factory=dict[Path, int])
    """Line of every key in the file, counted from 1."""
    directory: FilePath = FilePath()
    """Where the files are that the settings name."""

    def locate(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems with the line of their key, or of the section that it belongs in."""
        return [_located(problem, self.lines) for problem in problems]


def load_stack(directory: FilePath, stack: str, overrides: Sequence[str] = ()) -> LoadedStack:
    """Read Pulumi.<stack>.yaml, with `key=value` overrides on top; needs no Pulumi.

    Raises ConfigurationError if there is no such stack.
    """
    file = directory / f"Pulumi.{stack}.yaml"
    try:
        content = read_stack_file(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError([_no_such_stack(directory, stack)], file.name) from None
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem((), None, f"cannot be read: {error}", "make it a readable text file in UTF-8")
        raise ConfigurationError([problem], file.name) from None
    if not content.config and content.problems:
        return LoadedStack(stack, file.name, None, content.problems, (), {}, frozenset(), content.lines)
    problems = [
        *content.problems,
        *_misspelt_namespaces(content.config),
        *_plain_secrets(content.config, stack),
        *_encrypted_settings(content.encrypted),
    ]
    overridden = apply_overrides(content.config, overrides)
    problems += overridden.problems
    secret = {path[0] for path in content.encrypted} | {path[0] for path, _ in _given_secrets(overridden.config)}
    return _understood(
        LoadedStack(
            stack=stack,
            source=file.name,
            settings=None,
            problems=tuple(problems),
            pruned=tuple(path for problem in problems for path in (problem.path, *problem.depends_on) if path),
            config={key: engine_text(value) for key, value in overridden.config.items()},
            secret_keys=frozenset(key for key in overridden.config if path_of(key)[0] in secret),
            lines=content.lines,
            directory=directory,
        )
    )


def load_config(
    config: Mapping[str, str], stack: str, secret_keys: Collection[str] = (), directory: FilePath = FilePath()
) -> LoadedStack:
    """Understand the config that `pulumi.runtime` gives a running program; secrets in it are decrypted."""
    source = f"Pulumi config of stack {stack}"
    told = LoadedStack(stack, source, None, (), (), dict(config), frozenset(secret_keys), directory=directory)
    loaded = _understood(told)
    return replace(loaded, problems=tuple(_hidden(problem, secret_keys) for problem in loaded.problems))


def unaffected(problems: Iterable[Problem], pruned: Collection[Path]) -> list[Problem]:
    """The findings that do not rest on a pruned part, and so will still be there once other mistakes are corrected.

    A finding rests on a part if its path, or one that it depends on, is that part, is within it or contains it.
    """
    return [
        problem
        for problem in problems
        if not any(_overlap(path, part) for path in (problem.path, *problem.depends_on) for part in pruned)
    ]


def engine_text(value: object) -> str:
    """A config value as the Pulumi engine hands it over: text as it is, nothing as "", everything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _understood(loaded: LoadedStack) -> LoadedStack:
    """With settings, and everything that is wrong with them."""
    ours = {key.removeprefix(PREFIX): text for key, text in loaded.config.items() if key.startswith(PREFIX)}
    raw = {key: _value((key,), text) for key, text in ours.items()}
    understood = understand(raw, loaded.pruned)
    contradictions = unaffected(find_contradictions(understood.settings), understood.pruned)
    return replace(
        loaded,
        settings=understood.settings,
        problems=tuple(loaded.locate([*loaded.problems, *understood.problems, *contradictions])),
        pruned=understood.pruned,
    )


def _value(path: Path, text: str) -> object:
    """What the engine's text stands for: text where the setting is text, else JSON."""
    shape = settings_shape().at(path)
    if shape and shape.kind == "text":
        return text
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def _hidden(problem: Problem, secret_keys: Collection[str]) -> Problem:
    """The engine tells only which top-level keys hold a secret, and a secret may stand at a wrong place in one."""
    holds_secret = bool(problem.path) and f"{PREFIX}{problem.path[0]}" in secret_keys
    return replace(problem, value=HIDDEN) if holds_secret and problem.value is not None else problem


def _overlap(one: Path, other: Path) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _located(problem: Problem, lines: Mapping[Path, int]) -> Problem:
    if problem.line is not None:
        return problem
    known = (problem.path[:length] for length in range(len(problem.path), 0, -1))
    return problem.at_line(next((lines[path] for path in known if path in lines), None))


def _no_such_stack(directory: FilePath, stack: str) -> Problem:
    names = sorted(file.name.split(".", 1)[1].rpartition(".")[0] for file in directory.glob("Pulumi.*.yaml"))
    meant = nearest(stack, names)
    there = f"{directory} has {', '.join(names)}" if names else f"{directory} has no Pulumi.<stack>.yaml"
    remedy = f"did you mean {meant}? {there}" if meant else there
    return Problem((), stack, "there is no such stack", remedy)


def _misspelt_namespaces(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Keys of other namespaces belong to providers; one that is almost ours is a mistake."""
    for key in config:
        namespace, _, name = key.partition(":")
        if namespace != "hearth" and nearest(namespace, ["hearth"]):
            why = f"the namespace {namespace} is not hearth"
            yield Problem((key,), None, why, f"write {PREFIX}{name}", depends_on=((name,),))


def _plain_secrets(config: Mapping[str, Any], stack: str) -> Iterator[Problem]:
    for path, value in _given_secrets(config):
        if isinstance(value, str) and value != ENCRYPTED:
            yield Problem(
                path,
                HIDDEN,
                "is a secret in plain text, in a file that is meant to be shared",
                f"remove it, then run: pulumi config set --stack {stack} --secret --path '{render_path(path)}'",
            )


def _given_secrets(config: Mapping[str, Any]) -> Iterator[tuple[Path, object]]:
    """Every secret that has a value, by its path."""
    for path, value in _leaves({path_of(key)[0]: value for key, value in config.items()}, ()):
        shape = settings_shape().at(path)
        if value is not None and shape and shape.secret:
            yield path, value


def _encrypted_settings(encrypted: Iterable[Path]) -> Iterator[Problem]:
    for path in encrypted:
        shape = settings_shape().at(path)
        if shape and not shape.secret:
            yield Problem(
                path,
                ENCRYPTED,
                "is encrypted, so a plan cannot read it",
                f"write it in plain text: {shape.words}; encrypt only the secrets: "
                f"{', '.join(render_path(secret) for secret in _secret_paths())}",
            )


def _secret_paths() -> list[Path]:
    """Every setting that is a secret."""
    return [*_secrets_below(settings_shape(), ())]


def _secrets_below(shape: Shape, path: Path) -> Iterator[Path]:
    if shape.secret:
        yield path
    for key, below in shape.keys.items():
        yield from _secrets_below(below, (*path, key))
    if shape.item:
        yield from _secrets_below(shape.item, (*path, str(shape.key.example) if shape.key else 0))


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, object]]:
    """Every value that is no mapping and no list, by its path."""
    match value:
        case dict():
            parts: Iterable[tuple[str | int, Any]] = cast("dict[str, Any]", value).items()
        case list():
            parts = enumerate(cast("list[Any]", value))
        case _:
            yield path, value
            return
    for key, part in parts:
        yield from _leaves(part, (*path, key))
