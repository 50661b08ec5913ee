"""Which environment variables are the defaults of a program's persistent config values."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hearth.catalog.extraction.environment import Module


def config_values(module: Module, table: str) -> dict[str, set[str]]:
    """Variables that each config value comes from; `table` names the dict literal of the values.

    Follows the module's assignments in their order. Those in branches add to what a name comes from, because either
    branch may be taken; a name that only branches assign is forgotten when a later statement assigns it anew.
    Raises NotUnderstoodError.
    """
    values: dict[str, set[str]] = {}
    origins: dict[str, set[str]] = {}
    branch: dict[str, int] = {}
    """Position of the statement whose branch first assigned a name; none for names assigned outside of branches."""

    def variables_of(expression: ast.expr) -> set[str]:
        names = [node for node in ast.walk(expression) if isinstance(node, ast.Name)]
        own = {name.id for name in names if isinstance(name.ctx, ast.Store)}
        known = (origins.get(name.id, set[str]()) for name in names if name.id not in own)
        return module.read_in(expression).union(*known)

    for position, statement in enumerate(module.tree.body):
        for name, value in _assignments(statement):
            if name == table and isinstance(value, ast.Dict):
                pairs = zip(value.keys, value.values, strict=True)
                values |= {str(k.value): variables_of(v) for k, v in pairs if isinstance(k, ast.Constant)}
            elif isinstance(statement, ast.Assign | ast.AnnAssign):
                origins[name] = variables_of(value)
                branch.pop(name, None)
            elif name not in origins or branch.get(name, position) != position:
                origins[name] = variables_of(value)
                branch[name] = position
            else:
                origins[name] = origins[name] | variables_of(value)
    return values


def _assignments(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """Names and values that a statement assigns outside of functions, in the order of the source."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            pass
        case _:
            for inner in ast.iter_child_nodes(statement):
                if isinstance(inner, ast.stmt):
                    yield from _assignments(inner)
                elif isinstance(inner, ast.ExceptHandler):
                    for caught in inner.body:
                        yield from _assignments(caught)
