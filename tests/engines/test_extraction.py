"""Reading flags from sources, and making the table of many versions."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

import pytest

from hearth.engines.extraction import vllm
from hearth.engines.extraction.__main__ import snapshots
from hearth.engines.extraction.snapshot import Snapshot, at, dumps, merge
from hearth.engines.extraction.source import UNKNOWN, Names
from hearth.engines.flags import TABLES, Flag
from hearth.package_index import PackageError, releases

CONFIG = '''
KVDtype = Literal["auto", "fp8"]
class Backend(str, Enum):
    XLA = "xla"
    MP = "mp"
@config
class CacheConfig:
    block_size: SkipValidation[int] = None
    share: float = Field(default=0.92, gt=0)
    cache_dtype: KVDtype = "auto"
    caching: Optional[bool] = None
    old: bool = False
    """[DEPRECATED] Has no effect."""
    sizes: list[int] | None = None
    names: "str | list[str] | None" = None
    token: bool | str | None = None
    backend: Union[Backend, str, None] = Backend.MP
    method: KVDtype | str = "auto"
@config
class VllmConfig:
    cache_config: CacheConfig = field(default_factory=CacheConfig)
'''
ARGUMENTS = """
class EngineArgs:
    share: float = CacheConfig.share
    off: bool = not CacheConfig.old
    @staticmethod
    def add_cli_args(parser):
        parser.add_argument("--model", default="m")
        parser.add_argument("--max-model-len", "-l", type=int)
        cache_kwargs = get_kwargs(CacheConfig)
        group = parser.add_argument_group(title="CacheConfig")
        group.add_argument("--block-size", **cache_kwargs["block_size"])
        group.add_argument("--share", **cache_kwargs["share"])
        group.add_argument("--kv-cache-dtype", **cache_kwargs["cache_dtype"])
        group.add_argument("--caching", **{**cache_kwargs["caching"], "default": None})
        group.add_argument("--enable-old", **cache_kwargs["old"])
        group.add_argument("--sizes", **cache_kwargs["sizes"])
        group.add_argument("--names", **cache_kwargs["names"])
        group.add_argument("--token", **cache_kwargs["token"])
        group.add_argument("--backend", choices=[b.value for b in Backend], **cache_kwargs["backend"])
        group.add_argument("--method", **cache_kwargs["method"])
        vllm_kwargs = get_kwargs(VllmConfig)
        vllm_kwargs["cache_config"]["type"] = json.loads
        group.add_argument("--cache-config", "-cc", **vllm_kwargs["cache_config"])
        dtype = cache_kwargs["cache_dtype"]
        dtype["choices"] += ["more"]
        group.add_argument("--other-dtype", **dtype)
        parser.add_argument("--off", action="store_true", default=EngineArgs.off, deprecated=True)
        parser.add_argument("--spare_flag", action="store_true", help="Spare.")
        parser.add_argument("--both", action=argparse.BooleanOptionalAction)
        return parser
class AsyncEngineArgs(EngineArgs):
    pass
"""
FRONTEND = """
@config
class BaseFrontendArgs:
    chat_template: str | None = None
@config
class FrontendArgs(BaseFrontendArgs):
    host: str | None = None
    port: int = 8000
    allowed_origins: list[str] = field(default_factory=lambda: ["*"])
    middleware: list[str] = field(default_factory=list)
    @staticmethod
    def add_cli_args(parser):
        frontend_kwargs = get_kwargs(FrontendArgs)
        del frontend_kwargs["allowed_origins"]["nargs"]
        frontend_kwargs["middleware"]["action"] = "append"
        if "nargs" in frontend_kwargs["middleware"]:
            del frontend_kwargs["middleware"]["nargs"]
        for key, value in frontend_kwargs.items():
            group.add_argument(f"--{key.replace('_', '-')}", **value)
def make_arg_parser(parser):
    parser.add_argument("model_tag", type=str, nargs="?")
    parser.add_argument("--headless", action="store_true")
    return FrontendArgs.add_cli_args(parser)
"""
SOURCES = {
    "vllm/config/cache.py": CONFIG,
    "vllm/engine/arg_utils.py": ARGUMENTS,
    "vllm/entrypoints/openai/cli_args.py": FRONTEND,
    "vllm/tool_parsers/__init__.py": '_TOOL_PARSERS_TO_REGISTER = {"hermes": ("a", "B")}',
    "vllm/reasoning/r1.py": '@ReasoningParserManager.register_module(["r1", "deepseek"])\nclass R1: pass',
    "vllm/reasoning/q.py": '@ReasoningParserManager.register_module(name="qwen")\nclass Q: pass',
    "vllm/v1/metrics/loggers.py": 'self._counter_cls(name="vllm:tokens")\nself._gauge_cls(name="vllm:running")',
    "vllm/entrypoints/health.py": '@router.get("/health")\ndef health(): pass\nMount("/metrics", app)',
    "vllm/entrypoints/launchers/dp_supervisor.py": '@app.get("/ready")\ndef ready(): pass',
}
ALPHA = Flag("--alpha", "value", default=1)


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return vllm.read("1.0.0", SOURCES)


def names(text: str) -> Names:
    return Names([ast.parse(text)])


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A", 4),
        ("-1", -1),
        ("not C.on", True),
        ("C.size", 4),
        ("get_field(C, 'size')", 4),
        ("Field(default=3)", 3),
        ("field(default=3)", 3),
        ("E.X", "x"),
        ("E.X.value", "x"),
        ("[e.value for e in E]", ["x", "y"]),
        ("get_args(L)", ["a", "b"]),
        ("[*M, None]", ["p", "q", None]),
        ("field(default_factory=list)", UNKNOWN),
        ("envs.PORT", UNKNOWN),
        ("int(ssl.CERT_NONE)", UNKNOWN),
        ("missing", UNKNOWN),
    ],
)
def test_values_that_a_source_states(text: str, value: object) -> None:
    known = names(
        "A = 4\nL = Literal['a', 'b']\nM = {'p': 1, 'q': 2}\n"
        "class C:\n    on: bool = False\n    size: int = A\nclass E(Enum):\n    X = 'x'\n    Y = 'y'\n"
    )
    assert known.value(expression(text)) == value


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("int", {"int"}),
        ("Optional[int]", {"int", "None"}),
        ("Union[str, list[str], None]", {"str", "list", "None"}),
        ("'int | None'", {"int", "None"}),
        ("Annotated[bool, 1]", {"bool"}),
        ("tuple[int, ...]", {"list"}),
        ("Alias", {"Literal", "None"}),
        ("module.Alias", {"Literal", "None"}),
    ],
)
def test_types_that_a_hint_allows(text: str, types: set[str]) -> None:
    assert names("Alias = Optional[Literal['a']]").hint(expression(text)).types == types


@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        ("--model", "value"),
        ("--block-size", "value"),
        ("--caching", "pair"),
        ("--both", "pair"),
        ("--off", "switch"),
        ("--spare-flag", "switch"),
        ("--headless", "switch"),
        ("--sizes", "list"),
        ("--names", "list"),
        ("--token", "optional"),
        ("--backend", "value"),
        ("--cache-config", "value"),
        ("--chat-template", "value"),
        ("--allowed-origins", "value"),
        ("--middleware", "value"),
    ],
)
def test_kind_of_a_flag(snapshot: Snapshot, flag: str, kind: str) -> None:
    assert snapshot.flags[flag].kind == kind


@pytest.mark.parametrize(
    ("flag", "default"),
    [
        ("--model", "m"),
        ("--share", 0.92),
        ("--kv-cache-dtype", "auto"),
        ("--caching", None),
        ("--off", True),
        ("--spare-flag", False),
        ("--backend", "mp"),
        ("--port", 8000),
        ("--allowed-origins", None),
        ("--cache-config", None),
    ],
)
def test_default_of_a_flag(snapshot: Snapshot, flag: str, default: object) -> None:
    assert snapshot.flags[flag].default == default


@pytest.mark.parametrize(
    ("flag", "choices"),
    [
        ("--kv-cache-dtype", ("auto", "fp8")),
        ("--backend", ("xla", "mp")),
        ("--method", None),
        ("--other-dtype", None),
        ("--block-size", None),
    ],
)
def test_choices_of_a_flag(snapshot: Snapshot, flag: str, choices: object) -> None:
    assert snapshot.flags[flag].choices == choices


@pytest.mark.parametrize(("flag", "aliases"), [("--max-model-len", ("-l",)), ("--cache-config", ("-cc",))])
def test_aliases_of_a_flag(snapshot: Snapshot, flag: str, aliases: tuple[str, ...]) -> None:
    assert snapshot.flags[flag].aliases == aliases


def test_deprecated_by_keyword_or_by_text(snapshot: Snapshot) -> None:
    assert {name for name, flag in snapshot.flags.items() if flag.deprecated} == {"--off", "--enable-old"}


def test_a_positional_argument_is_no_flag(snapshot: Snapshot) -> None:
    assert not [name for name in snapshot.flags if "model-tag" in name]


def test_a_parser_that_pairs_enable_with_disable() -> None:
    parser = {"vllm/utils/argparse_utils.py": "class EnableDisableAction(BooleanOptionalAction): pass"}
    assert vllm.read("1.0.0", SOURCES | parser).flags["--enable-old"].inverses == ("--disable-old",)


def test_parsers_by_decorator_and_by_table(snapshot: Snapshot) -> None:
    assert (snapshot.reasoning_parsers, snapshot.tool_call_parsers) == ({"r1", "deepseek", "qwen"}, {"hermes"})


def test_a_counter_ends_in_total(snapshot: Snapshot) -> None:
    assert snapshot.metrics == {"vllm:tokens_total", "vllm:running"}


def test_paths_of_the_server_alone(snapshot: Snapshot) -> None:
    assert snapshot.paths == {"/health", "/metrics"}


def test_flags_that_moved_to_unknown_files_are_an_error() -> None:
    with pytest.raises(PackageError, match="not known here"):
        vllm.read("1.0.0", {"vllm/config/cache.py": CONFIG, "vllm/engine/arg_utils.py": ARGUMENTS})


@pytest.mark.parametrize("declared", ["**make()", "**cache_kwargs['gone']"])
def test_a_declaration_that_is_not_understood_is_an_error(declared: str) -> None:
    changed = ARGUMENTS.replace('**cache_kwargs["share"]', declared)
    with pytest.raises(PackageError, match=r"vLLM's"):
        vllm.read("1.0.0", SOURCES | {"vllm/engine/arg_utils.py": changed})


def table(*flags: Mapping[str, Flag]) -> dict[str, Any]:
    return merge("vllm", "vllm", [Snapshot(f"1.{minor}.0", each) for minor, each in enumerate(flags)])


def test_spans_of_a_flag_that_left_and_came_back() -> None:
    merged = table({"--alpha": ALPHA}, {}, {"--alpha": ALPHA})
    assert merged["flags"]["--alpha"]["spans"] == [["1.0.0", "1.1.0"], ["1.2.0", None]]


def test_versions_are_merged_in_the_order_of_their_release() -> None:
    merged = merge("vllm", "vllm", [Snapshot("1.10.0"), Snapshot("1.9.0", {"--alpha": ALPHA})])
    assert merged["flags"]["--alpha"]["spans"] == [["1.9.0", "1.10.0"]]


@pytest.mark.parametrize("default", [True, 2, "1", None])
def test_a_default_that_changes(default: object) -> None:
    merged = table({"--alpha": ALPHA}, {"--alpha": Flag("--alpha", "value", default=default)})
    assert merged["flags"]["--alpha"]["defaults"] == [("1.0.0", 1), ("1.1.0", default)]


def test_what_a_flag_never_had_is_left_out() -> None:
    assert table({"--alpha": ALPHA})["flags"]["--alpha"].keys() == {"spans", "kind", "defaults"}


def test_a_table_says_of_a_version_what_was_read(snapshot: Snapshot) -> None:
    merged = merge("vllm", "vllm", [Snapshot("0.9.0", {"--alpha": ALPHA}), snapshot])
    assert at(json.loads(dumps(merged)), "1.0.0") == snapshot


def test_a_table_has_one_flag_a_line() -> None:
    text = dumps(table({"--alpha": ALPHA, "--beta": Flag("--beta", "switch")}))
    assert len([line for line in text.splitlines() if '"--' in line]) == 2


@pytest.mark.packages
def test_the_table_is_what_the_package_says() -> None:
    try:
        published = releases(vllm.PACKAGE)
    except PackageError as error:
        pytest.skip(f"no package index: {error}")
    committed = json.loads((TABLES / "vllm.json").read_text(encoding="utf-8"))
    assert "0.33.0" in published
    assert snapshots("vllm", ["0.33.0"]) == [at(committed, "0.33.0")]
