"""What the extraction reads in SGLang's sources."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

import hearth.engines
from hearth.engines.extraction import sglang
from hearth.engines.extraction.snapshot import Snapshot, at
from hearth.engines.flags import Flag
from hearth.package_index import PackageError, releases, sources

TABLE = Path(hearth.engines.__file__).parent / "tables" / "sglang.json"


def snapshot(**files: str) -> Snapshot:
    """A version with these files under sglang/srt; `__` stands for a folder."""
    return sglang.read(
        "0.5.0", {f"sglang/srt/{name.replace('__', '/')}.py": dedent(text) for name, text in files.items()}
    )


def called(*arguments: str, before: str = "") -> dict[str, Flag]:
    """Flags of a version that adds them by calls."""
    text = "\n".join(
        [
            before,
            "class ServerArgs:",
            "    tp_size: int = 1",
            "    def add_cli_args(parser):",
            *(f"        parser.add_argument({a})" for a in arguments),
        ]
    )
    return dict(snapshot(server_args=text).flags)


def annotated(*fields: str) -> dict[str, Flag]:
    """Flags of a version that annotates its fields."""
    return dict(snapshot(server_args="\n    ".join(["class ServerArgs:", *fields])).flags)


def test_a_flag_goes_by_its_longest_spelling() -> None:
    assert called('"--tp-size", "--tensor-parallel-size"')["--tensor-parallel-size"].aliases == ("--tp-size",)


def test_a_default_may_be_a_field_of_the_arguments() -> None:
    assert called('"--tp-size", default=ServerArgs.tp_size')["--tp-size"].default == 1


def test_a_default_that_only_running_would_tell_is_none() -> None:
    assert called('"--seed", default=random_seed()')["--seed"].default is None


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ("type=int", "value"),
        ('action="store_true"', "switch"),
        ('nargs="+"', "list"),
        ('nargs="*", action=LoRAPathAction', "list"),
        ('nargs="?", const=1', "optional"),
        ("action=argparse.BooleanOptionalAction", "pair"),
        ("action=DeprecatedStoreConstAction", "switch"),
        ("action=DeprecatedStoreConstAction, nargs=None", "value"),
        ("action=DeprecatedAliasStoreAction", "value"),
    ],
)
def test_kind_of_a_called_flag(settings: str, kind: str) -> None:
    assert called(f'"--flag", {settings}')["--flag"].kind == kind


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ('flag: A[int, "help"] = 1', "value"),
        ('flag: A[bool, "help"] = False', "switch"),
        ('flag: A[Optional[List[int]], "help"] = None', "list"),
        ('flag: A[Optional[List[str]], Arg(help="", type_parser=json_list_type)] = None', "value"),
        ('flag: A[bool, Arg(help="", action=argparse.BooleanOptionalAction)] = True', "pair"),
        ('flag: A[Optional[List[str]], Arg(action=LoRAPathAction, action_kwargs={"nargs": "*"})] = None', "list"),
    ],
)
def test_kind_of_an_annotated_flag(field: str, kind: str) -> None:
    assert annotated(field)["--flag"].kind == kind


def test_an_annotated_flag_has_the_default_of_its_field() -> None:
    assert annotated('window: A[int, "help"] = 1024 * 1024')["--window"].default == 1048576


def test_an_annotated_flag_may_be_named_otherwise() -> None:
    flags = annotated('tp_size: A[int, Arg(cli_name="--tensor-parallel-size", aliases=["--tp"])] = 1')
    assert flags["--tensor-parallel-size"].aliases == ("--tp",)


@pytest.mark.parametrize(
    "field",
    [
        "handler: Optional[Callable] = None",
        'handler: A[Optional[Callable], NS("device")] = None',
        "handler: A[bool, Arg(no_cli=True)] = False",
    ],
)
def test_a_field_without_a_help_text_is_no_flag(field: str) -> None:
    assert not annotated(field)


def test_fields_of_a_topic_are_flags() -> None:
    topic = """
        class Memory(msgspec.Struct):
            _NS_PATH = "memory"
            page_size: A[int, "help"] = 1
        """
    assert snapshot(arg_groups__fields__memory=topic).flags["--page-size"].default == 1


def test_fields_of_other_classes_are_no_flags() -> None:
    assert not snapshot(server_args='class PortArgs:\n    port: A[int, "help"] = 1').flags


@pytest.mark.parametrize(
    ("before", "choices"),
    [
        ("", '["auto", "fp8"]'),
        ('NAMES = ["auto", "fp8"]', "NAMES"),
        ('NAMES = ["fp8"]', '["auto"] + NAMES'),
        ('class P:\n    Map: Dict = {"auto": A, "fp8": B}', "list(P.Map.keys())"),
        ('def names():\n    from there import X\n    return ["auto", "fp8"]', "names()"),
    ],
)
def test_choices_are_followed_to_where_they_are_stated(before: str, choices: str) -> None:
    assert called(f'"--flag", choices={choices}', before=before)["--flag"].choices == ("auto", "fp8")


def test_choices_that_only_running_would_tell_are_none() -> None:
    assert called('"--flag", choices=[m.lower() for m in modes()]')["--flag"].choices is None


def test_a_literal_type_states_choices() -> None:
    assert annotated('mode: A[Optional[Literal["a", "b"]], "help"] = None')["--mode"].choices == ("a", "b")


@pytest.mark.parametrize(
    "settings", ["action=DeprecatedStoreTrueAction", 'help="[Deprecated] Use --other."', 'help="(Deprecated: use x)"']
)
def test_a_flag_that_says_so_is_deprecated(settings: str) -> None:
    assert called(f'"--flag", {settings}')["--flag"].deprecated


def test_a_flag_that_names_a_deprecated_value_is_not() -> None:
    assert not called('"--flag", help="Backend; nsa is deprecated."')["--flag"].deprecated


def test_a_flag_that_only_stops_the_server_is_not_there() -> None:
    refusing = "class Gone(argparse.Action):\n    def __call__(self, parser):\n        raise ValueError(self.help)"
    assert not called('"--flag", action=Gone', before=refusing)


def test_a_flag_with_a_message_for_who_gives_it_is_not_there() -> None:
    assert not called('"--flag", action=DeprecatedAction, error_message="Use --other."')


def test_parser_names_are_those_that_the_flag_accepts() -> None:
    arguments = """
        class ServerArgs:
            def add_cli_args(parser):
                names = list(ReasoningParser.DetectorMap)
                parser.add_argument("--reasoning-parser", choices=["auto"] + names)
        """
    detectors = 'class ReasoningParser:\n    DetectorMap = {"qwen3": Qwen3Detector}'
    found = snapshot(server_args=arguments, parser__reasoning_parser=detectors)
    assert found.reasoning_parsers == {"auto", "qwen3"}


def test_counters_end_as_the_scrape_shows_them() -> None:
    text = 'Counter(name="sglang:aborted")\nCounter("sglang:done_total")\nGauge(name="sglang:waiting")'
    assert snapshot(metrics__collector=text).metrics == {
        "sglang:aborted_total",
        "sglang:done_total",
        "sglang:waiting",
    }


def test_paths_are_those_of_decorators_and_mounts() -> None:
    server = """
        @app.get("/health")
        @app.api_route("/generate", methods=["POST"])
        async def one(): pass
        @app.post(os.environ.get("ROUTE", "/vertex"))
        def two(): requests.get("/elsewhere")
        @app.exception_handler(HTTPException)
        def three(): pass
        """
    found = snapshot(entrypoints__http_server=server, utils='def metrics(): return Mount("/metrics", app)')
    assert found.paths == {"/health", "/generate", "/vertex", "/metrics"}


def test_the_command_is_there_once_it_has_the_word_serve() -> None:
    assert sglang.read("0.5.5", {"sglang/cli/main.py": 'subparsers.add_parser("serve")'}).commands == {"sglang serve"}


def test_older_versions_have_no_command() -> None:
    assert not sglang.read("0.5.4", {"sglang/launch_server.py": ""}).commands


@pytest.mark.packages
def test_the_table_is_what_the_package_says() -> None:
    version = "0.5.21"
    try:
        published = releases(sglang.PACKAGE)
    except PackageError as error:
        pytest.skip(str(error))
    fresh = sglang.read(version, sources(sglang.PACKAGE, version, published[version], sglang.FILES))
    assert fresh == at(json.loads(TABLE.read_text(encoding="utf-8")), version)
