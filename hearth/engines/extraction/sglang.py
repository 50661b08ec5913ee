"""SGLang: flags, parser names, metrics and paths of one version, read from its sources.

Older versions call `parser.add_argument(...)` for every flag, in `ServerArgs.add_cli_args`. Newer ones annotate fields,
`name: A[type, Arg(...)] = default`, in `ServerArgs` and later in a class for each topic; few calls are left there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from hearth.engines.extraction.snapshot import Snapshot
from hearth.engines.extraction.source import UNKNOWN, Hint, Names
from hearth.engines.flags import Flag

PACKAGE = "sglang"
OLDEST = "0.4.0"

_SRT = "sglang/srt/"
_ARGUMENTS = tuple(_SRT + file for file in ("server_args.py", "arg_groups/fields/*.py"))
_CHOICES = tuple(
    _SRT + file
    for file in (
        "arg_groups/choices.py",
        "reasoning_parser.py",
        "parser/reasoning_parser.py",
        "parser/reasoning_parser_names.py",
        "function_call_parser.py",
        "function_call/function_call_parser.py",
        "function_call/parser_names.py",
    )
)
_ACTIONS = f"{_SRT}arg_groups/argparse_actions.py"
_METRICS = tuple(_SRT + file for file in ("metrics/*.py", "observability/*.py"))
_ROUTES = tuple(
    _SRT + file
    for file in ("server.py", "entrypoints/http_server.py", "entrypoints/v1_loads.py", "entrypoints/elastic_ep.py")
)
_COMMON = tuple(_SRT + file for file in ("utils.py", "utils/common.py"))
"""Has metrics of HTTP requests and mounts their page."""
_COMMANDS = "sglang/cli/main.py"
FILES = (*_ARGUMENTS, *_CHOICES, _ACTIONS, *_METRICS, *_ROUTES, *_COMMON, _COMMANDS)
"""Files that `read` looks at; no version has all of them."""

_METRIC = re.compile(r"sglang:[a-z]\w*")
_DEPRECATED = re.compile(r"\W*deprecated\b", re.IGNORECASE)
_VERBS = frozenset({"get", "head", "post", "put", "delete", "patch", "api_route", "websocket"})
_LISTS = frozenset({"*", "+"})
_WITHOUT_VALUE = frozenset(
    {
        "store_true",
        "store_false",
        "store_const",
        "DeprecatedAction",
        "DeprecatedStoreTrueAction",
        "DeprecatedStoreConstAction",
    }
)
_NO_HINT = Hint(frozenset())


def read(version: str, sources: Mapping[str, str]) -> Snapshot:
    """What the files of one version have, by path as in `FILES`. Raises SyntaxError for text that is not Python."""
    modules = {path: ast.parse(text) for path, text in sources.items()}

    def matching(*patterns: str) -> list[ast.Module]:
        return [module for path, module in modules.items() if any(fnmatchcase(path, p) for p in patterns)]

    flags = {flag.name: flag for flag in _flags(_Values(matching(*_ARGUMENTS, *_CHOICES, _ACTIONS)))}
    return Snapshot(
        version=version,
        flags=flags,
        reasoning_parsers=_choices(flags, "--reasoning-parser"),
        tool_call_parsers=_choices(flags, "--tool-call-parser"),
        metrics=frozenset(name for module in matching(*_METRICS, *_COMMON) for name in _metrics(module)),
        paths=frozenset(
            [
                *(path for module in matching(*_ROUTES) for path in _paths(module)),
                *(_text(call.args[0]) for module in matching(*_COMMON) for call in _calls(module, {"Mount"})),
            ]
        )
        - {""},
        commands=frozenset(
            "sglang serve"
            for module in matching(_COMMANDS)
            for call in _calls(module, {"add_parser"})
            if call.args and _text(call.args[0]) == "serve"
        ),
    )


class _Values(Names):
    """What the server's arguments say, with the fields of ServerArgs and of the classes that make it up."""

    def __init__(self, trees: Iterable[ast.Module]) -> None:
        super().__init__(trees)
        topics = [name for name in self.classes if "_NS_PATH" in self._assigned(name)]
        self.parts = [self.classes[name] for name in ("ServerArgs", *topics) if name in self.classes]
        self.declared = {name: field for c in self.parts for name, field in self.fields(c.name).items()}
        for method in self.methods("ServerArgs"):
            if method.name == "add_cli_args":
                named = (s for s in method.body if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name))
                self._values |= {ast.unparse(s.targets[0]): s.value for s in named}

    def value(self, node: ast.expr | None) -> Any:
        """Also sums, products, keys, and what a function without arguments returns."""
        match node:
            case ast.BinOp(left=left, op=ast.Add() | ast.Mult() as op, right=right):
                first, second = self.value(left), self.value(right)
                if first is UNKNOWN or second is UNKNOWN:
                    return UNKNOWN
                return first + second if isinstance(op, ast.Add) else first * second
            case ast.Call(func=ast.Attribute(value=inner, attr="keys"), args=[]):
                return self.value(inner)
            case ast.Call(func=ast.Name(id="_declared_default"), args=[ast.Constant(value=str(name))]):
                return self.value(self.declared[name].default) if name in self.declared else UNKNOWN
            case ast.Call(func=ast.Name(id=name), args=[]) if name in self.functions:
                last = self.functions[name].body[-1]
                return self.value(last.value) if isinstance(last, ast.Return) else UNKNOWN
            case _:
                return super().value(node)

    def refuses(self, action: str) -> bool:
        """Whether an argparse action only raises: its flag is known, but cannot be given."""
        calls = [m for m in self.methods(action) if m.name == "__call__"]
        return any(isinstance(m.body[0], ast.Raise) for m in calls)


def _flags(values: _Values) -> Iterator[Flag]:
    for name, field in values.declared.items():
        match field.hint:
            case ast.Subscript(value=ast.Name(id="A"), slice=ast.Tuple(elts=[hint, *facts])):
                stated = _stated(facts)
                if stated and "no_cli" not in stated:
                    spellings = [_text(stated.get("cli_name")) or f"--{name.replace('_', '-')}", *_aliases(stated)]
                    yield _flag(spellings, {**stated, "default": field.default}, values.hint(hint), values)
            case _:
                pass  # no flag, or one that a call adds
    for call in (call for part in values.parts for call in _calls(part, {"add_argument"})):
        spellings = [name for name in map(_text, call.args) if name.startswith("-")]
        stated = _keywords(call)
        if spellings and "error_message" not in stated and not values.refuses(_last_name(stated.get("action"))):
            yield _flag(spellings, stated, _NO_HINT, values)


def _stated(facts: Iterable[ast.expr]) -> dict[str, ast.expr]:
    """Keywords of `Arg(...)`, with those of its action, or the help text alone; empty for a field that is no flag."""
    fact = next((f for f in facts if not (isinstance(f, ast.Call) and _last_name(f.func) == "NS")), None)
    if not isinstance(fact, ast.Call):
        return {"help": fact} if fact else {}
    stated = _keywords(fact)
    match stated.get("action_kwargs"):
        case ast.Dict(keys=keys, values=values):
            return {**stated, **{_text(key): value for key, value in zip(keys, values, strict=True)}}
        case _:
            return stated


def _keywords(call: ast.Call) -> dict[str, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


def _aliases(stated: Mapping[str, ast.expr]) -> list[str]:
    aliases = stated.get("aliases")
    return [_text(alias) for alias in aliases.elts] if isinstance(aliases, ast.List) else []


def _flag(spellings: list[str], stated: Mapping[str, ast.expr | None], hint: Hint, values: _Values) -> Flag:
    # The longest spelling: which one comes first changes between versions, as of --tensor-parallel-size and --tp-size.
    name = max(spellings, key=len)
    action, help_text = _last_name(stated.get("action")), _text(stated.get("help"))
    kind = _kind(stated, action, hint)
    default = values.value(stated.get("default"))
    choices: Any = values.value(stated.get("choices"))
    return Flag(
        name=name,
        kind=kind,
        aliases=tuple(spelling for spelling in spellings if spelling != name),
        default=default if isinstance(default, str | int | float) else False if kind == "switch" else None,
        choices=(hint.values or None) if choices is UNKNOWN else tuple(map(str, choices)),
        deprecated=action.startswith("Deprecated") or bool(_DEPRECATED.match(help_text)),
    )


def _kind(stated: Mapping[str, ast.expr | None], action: str, hint: Hint) -> str:
    """As argparse and SGLang's `add_cli_args_from_dataclass` (srt/arg_groups/arg_utils.py) decide it."""
    nargs = _text(stated.get("nargs"))
    if action == "BooleanOptionalAction":
        return "pair"
    if (action in _WITHOUT_VALUE and "nargs" not in stated) or (not action and "bool" in hint.types):
        return "switch"
    if nargs in _LISTS or (not nargs and not action and "list" in hint.types and "type_parser" not in stated):
        return "list"
    return "optional" if nargs == "?" else "value"


def _choices(flags: Mapping[str, Flag], name: str) -> frozenset[str]:
    return frozenset(flags[name].choices or ()) if name in flags else frozenset()


def _metrics(module: ast.Module) -> Iterator[str]:
    """Names of metrics as a scrape shows them: the Prometheus client ends every counter with `_total`."""
    for call in _calls(module, {"Counter", "Gauge", "GaugeHistogram", "Histogram", "Summary"}):
        given = next((k.value for k in call.keywords if k.arg == "name"), call.args[0] if call.args else None)
        name = _text(given)
        if _METRIC.fullmatch(name):
            yield f"{name.removesuffix('_total')}_total" if _last_name(call.func) == "Counter" else name


def _paths(module: ast.Module) -> Iterator[str]:
    """Paths that decorators name; for `os.environ.get(NAME, path)` the one without that variable."""
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in function.decorator_list:
                match decorator:
                    case ast.Call(func=ast.Attribute(attr=verb), args=[path, *_]) if verb in _VERBS:
                        yield _text(path.args[-1] if isinstance(path, ast.Call) else path)
                    case _:
                        pass


def _calls(node: ast.AST, names: Collection[str]) -> Iterator[ast.Call]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and _last_name(inner.func) in names:
            yield inner


def _last_name(node: ast.expr | None) -> str:
    """`d` of `d` and `c.d`, and a string's own text, as in `action="store_true"`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return _text(node)


def _text(node: ast.expr | None) -> str:
    """Beginning of a string that the source states; empty for anything else."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[first, *_]) | ast.BinOp(left=first, op=ast.Add()):
            return _text(first)
        case _:
            return ""
