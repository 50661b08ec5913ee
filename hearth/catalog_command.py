"""The commands `catalog add`, `catalog list`, `catalog show`, `catalog gpus` and `catalog instances`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeAlias

import typer

from hearth.answers import print_json

if TYPE_CHECKING:
    from hearth.catalog.add import Addition
    from hearth.catalog.models import CatalogModel
    from hearth.catalog.repository import Repository

catalog = typer.Typer(help="What Hearth knows of models, GPUs and cloud instances.", no_args_is_help=True)

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@catalog.command()
def add(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A Hugging Face id (ORG/NAME), or a model's folder.")],
    family: Annotated[
        str | None, typer.Option(metavar="F", help="Whose parsers it has; that of its nearest relative when left out.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="ORG/NAME", help="What a folder's model is called; local/FOLDER when left out."),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(envvar="HF_ENDPOINT", metavar="URL", help="The hub, or a mirror of it.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="HF_TOKEN", metavar="TOKEN", help="For gated and private models.")
    ] = None,
    revision: Annotated[str, typer.Option(metavar="R", help="Branch, tag or commit on the hub.")] = "main",
    replace: Annotated[bool, typer.Option("--replace", help="Write an entry anew that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read a model's config.json and the size of its weights, and write its entry, so that previews stay offline.

    Ends with 1 when the model cannot be read or its entry cannot be written; then nothing has changed.
    """
    from hearth.catalog.add import AddError, make_entry, refuse_existing, write_entry
    from hearth.catalog.models import CatalogError, families
    from hearth.catalog.repository import RepositoryError

    model = _model_name(source, name)
    if family and family not in families():
        raise typer.BadParameter(f"{family!r} is none of {', '.join(families())}", param_hint="--family")
    try:
        if not replace:
            refuse_existing(model)
        addition = make_entry(model, _repository(source, endpoint, token, revision), family)
        path = write_entry(addition)
    except (AddError, CatalogError, RepositoryError) as error:
        _refuse(str(error), as_json)
    _show_addition(addition, path, as_json)


@catalog.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the models that Hearth knows."""
    from hearth.catalog.models import CatalogError, catalog_model, model_names
    from hearth.planning.memory.deployment import GIB

    try:
        models = [model for model in map(catalog_model, model_names()) if model]
        documents = [_document(model) for model in models]
    except CatalogError as error:
        _refuse(str(error), as_json)
    if as_json:
        print_json(documents)
        return
    rows = [
        (model.source, model.family, f"{model.weights_bytes / GIB:.1f}", str(model.architecture.max_context))
        for model in models
    ]
    _print_table(("MODEL", "FAMILY", "WEIGHTS GIB", "CONTEXT"), rows)


@catalog.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A Hugging Face id, or its last part, in any case.")],
    as_json: AsJson = False,
) -> None:
    """Show what Hearth knows of a model. Ends with 1 for one that it does not know."""
    from hearth.catalog.models import CatalogError, find

    try:
        document = _document(find(name))
    except (CatalogError, LookupError) as error:
        _refuse(str(error), as_json)
    if as_json:
        print_json(document)
    else:
        _print_table((), [(key, _plain(value)) for key, value in document.items() if value not in (None, {})])


@catalog.command("gpus")
def list_gpus(as_json: AsJson = False) -> None:
    """List the GPUs that Hearth knows."""
    from hearth.catalog.gpus import gpus

    if as_json:
        from dataclasses import asdict

        print_json([{**asdict(gpu), "fp8": gpu.fp8, "fp4": gpu.fp4} for gpu in gpus().values()])
        return
    rows = [
        (
            gpu.name,
            f"{gpu.usable_gib:.1f}",
            f"{gpu.bandwidth:.0f}",
            gpu.compute_capability,
            " ".join(form for form, has in (("fp8", gpu.fp8), ("fp4", gpu.fp4)) if has),
            " ".join(profile.name for profile in gpu.mig_profiles),
        )
        for gpu in gpus().values()
    ]
    _print_table(("GPU", "USABLE GIB", "GB/S", "COMPUTE", "FORMATS", "MIG PROFILES"), rows)


@catalog.command("instances")
def list_instances(as_json: AsJson = False) -> None:
    """List cloud instances with GPUs, and what they cost on the day that the price was read."""
    from hearth.catalog.instances import instances

    if as_json:
        from dataclasses import asdict

        print_json([{**asdict(each), "gpu": each.gpu.name} for each in instances().values()])
        return
    rows = [
        (
            each.name,
            f"{each.count} x {each.gpu.name}",
            str(each.cpus),
            str(each.memory_gib),
            f"{each.price.usd_per_hour:.2f} {each.price.region} {each.price.date}" if each.price else "",
        )
        for each in instances().values()
    ]
    _print_table(("INSTANCE", "GPUS", "VCPUS", "MEMORY GIB", "$/H ON DEMAND"), rows)


def _model_name(source: str, name: str | None) -> str:
    from hearth.catalog.add import NAME

    if not Path(source).is_dir():
        if not NAME.fullmatch(source):
            raise typer.BadParameter(f"{source!r} is neither a folder nor of the form ORG/NAME", param_hint="SOURCE")
        if name:
            raise typer.BadParameter("names a folder's model; one of the hub keeps its own", param_hint="--name")
        return source
    chosen = name or f"local/{Path(source).resolve().name}"
    if not NAME.fullmatch(chosen):
        raise typer.BadParameter(f"{chosen!r} is not of the form ORG/NAME", param_hint="--name")
    return chosen


def _repository(source: str, endpoint: str | None, token: str | None, revision: str) -> Repository:
    """The folder, or else the hub's repository. Raises RepositoryError."""
    if Path(source).is_dir():
        from hearth.catalog.repository import Folder

        return Folder(Path(source))
    from hearth.catalog.hub import DEFAULT_ENDPOINT, Hub, open_repository

    try:
        hub = Hub(endpoint or DEFAULT_ENDPOINT, (token or "").strip() or None, lambda text: typer.echo(text, err=True))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--endpoint or --token") from None
    return open_repository(hub, source, revision)


def _show_addition(addition: Addition, path: Path, as_json: bool) -> None:
    from hearth.planning.memory.deployment import GIB

    content = addition.content
    size = content["weightsBytes"]
    counted = addition.counted_bytes
    odd = None if addition.plausible else f"config.json adds up to {counted / GIB:.1f} GiB: are the files complete?"
    if as_json:
        print_json(
            {
                "model": addition.source,
                "file": str(path),
                "family": content["family"],
                "family_of": addition.relative,
                "weights_bytes": size,
                "weights_source": content["weightsSource"],
                "max_context": addition.max_context,
                "revision": content.get("revision"),
                "warning": odd,
            }
        )
        return
    family = content["family"]
    like = f", as {addition.relative}; another: --replace --family" if addition.relative else ""
    typer.echo(f"{addition.source} is in the catalog: {path}")
    typer.echo(f"  family   {family}{like}")
    typer.echo(f"  weights  {size / GIB:.1f} GiB ({content['weightsSource']})")
    typer.echo(f"  context  {addition.max_context} tokens")
    if odd:
        typer.echo(f"warning: {odd}", err=True)


def _document(model: CatalogModel) -> dict[str, object]:
    architecture = model.architecture
    quantization = architecture.quantization
    return {
        "model": model.source,
        "family": model.family,
        "model_type": architecture.model_type,
        "parameters": architecture.parameters.total,
        "weights_bytes": model.weights_bytes,
        "quantization": quantization.method if quantization else None,
        "max_context": architecture.max_context,
        "layers": {type(group.attention).__name__: group.count for group in architecture.layers},
        "attention_heads": architecture.attention_heads,
        "experts": architecture.experts or None,
        "experts_per_token": architecture.experts_per_token or None,
        "multimodal": architecture.multimodal,
        "parsers": {
            engine: {"reasoning": parsers.reasoning, "tool_call": parsers.tool_call}
            for engine, parsers in model.parsers.items()
        },
    }


def _plain(value: object) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their longest cell; a row of text is easy to grep."""
    table = [head, *rows] if head else list(rows)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))] if table else []
    for row in table:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _refuse(message: str, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"error": message})
    else:
        typer.echo(f"hearth catalog: {message}", err=True)
    raise typer.Exit(1)
