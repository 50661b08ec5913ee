"""Reads what one version of vLLM's OpenAI-compatible server has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from hearth.engines.extraction.snapshot import Snapshot
from hearth.engines.extraction.source import Names
from hearth.engines.extraction.vllm_flags import flags_of
from hearth.package_index import PackageError

PACKAGE = "vllm"
OLDEST = "0.8.0"
_DECLARING = (
    "vllm/config.py",
    "vllm/config/*.py",
    "vllm/engine/arg_utils.py",
    "vllm/entrypoints/*/cli_args.py",
    "vllm/entrypoints/cli/serve.py",
    "vllm/model_executor/layers/quantization/__init__.py",
    "vllm/model_executor/model_loader/__init__.py",
    "vllm/utils.py",
    "vllm/utils/__init__.py",
    "vllm/utils/argparse_utils.py",
)
"""Files with flags, the classes that they take their defaults from, and the parser."""
FILES = (
    *_DECLARING,
    "vllm/entrypoints/*.py",
    "vllm/reasoning/*.py",
    "vllm/tool_parsers/*.py",
    "vllm/v1/*metrics.py",
    "vllm/v1/metrics/loggers.py",
    "vllm/v1/metrics/perf.py",
)

_NOT_THE_SERVER = re.compile(r"vllm/entrypoints/(cli/|api_server\.py)|/dp_supervisor\.py")
"""Files whose paths another program than `vllm serve` answers."""
_ROUTES = {"get", "post", "put", "delete", "api_route", "add_api_route", "websocket", "Mount", "mount"}


def read(version: str, sources: Mapping[str, str]) -> Snapshot:
    """What this version has, from the texts of `FILES` by path.

    Raises PackageError when the files lack what every known version has.
    """
    trees = {path: ast.parse(text) for path, text in sources.items()}
    flags = flags_of(Names(tree for path, tree in trees.items() if any(fnmatchcase(path, p) for p in _DECLARING)))
    if not {"--model", "--host", "--max-model-len"} <= flags.keys():
        raise PackageError(f"vLLM {version} declares its flags in a way that is not known here.")
    served = [tree for path, tree in trees.items() if "/entrypoints/" in path and not _NOT_THE_SERVER.search(path)]
    return Snapshot(
        version=version,
        flags=flags,
        reasoning_parsers=frozenset(_parsers(trees.values(), "ReasoningParserManager", "_REASONING_PARSERS")),
        tool_call_parsers=frozenset(_parsers(trees.values(), "ToolParserManager", "_TOOL_PARSERS")),
        metrics=frozenset(_metrics({path: tree for path, tree in trees.items() if path.startswith("vllm/v1/")})),
        paths=frozenset(_paths(served)),
    )


def _parsers(trees: Iterable[ast.Module], manager: str, registry: str) -> Iterator[str]:
    """Names that a decorator registers, or the keys of the table of modules that are loaded when needed."""
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(keys=keys)) if name.startswith(registry):
                yield from (key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="register_module")) if owner == manager:
                given = [*node.args, *(k.value for k in node.keywords if k.arg == "name")]
                constants = (c for value in given for c in ast.walk(value) if isinstance(c, ast.Constant))
                yield from (c.value for c in constants if isinstance(c.value, str))
            case _:
                pass


def _metrics(trees: Mapping[str, ast.Module]) -> Iterator[str]:
    """Metrics as they are scraped: prometheus_client appends _total to a counter's name."""
    for path, tree in trees.items():
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and "counter" in ast.unparse(n.func).lower()]
        counted = {id(constant) for call in calls for constant in ast.walk(call)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and re.fullmatch(r"vllm:[a-z0-9_]+", str(node.value)):
                counter = id(node) in counted or path.endswith("spec_decode/metrics.py")  # has no other kind
                name = str(node.value)
                yield f"{name.removesuffix('_total')}_total" if counter else name


def _paths(trees: Iterable[ast.Module]) -> Iterator[str]:
    for call in (n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Call) and n.args):
        called = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
        path = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
        if called in _ROUTES and isinstance(path, str) and path.startswith("/"):
            yield path
