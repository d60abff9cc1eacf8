"""Trees out of exported scripts."""

from __future__ import annotations

import ast

from autopipe.errors import TreeError
from autopipe.tree import parse

_NAME = "TREES"


def trees_in(script: str) -> list[str]:
    """The trees of an exported script, in its order; nothing in it is run.

    Parameters
    ----------
    script : the text, whose `TREES` may have been edited by hand

    Raises
    ------
    TreeError
        If it is no Python, or has no `TREES`.

    Examples
    --------
    >>> trees_in('TREES = {7: "lightgbm(codes(table), num_leaves=31)"}')
    ['lightgbm(codes(table), num_leaves=31)']
    """
    try:
        statements = ast.parse(script).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TreeError(f"The script is not Python: {error}.") from error
    for statement in statements:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(values=values)):
                if name == _NAME:
                    return [str(parse(_text(value))) for value in values]
    raise TreeError(f"The script has no {_NAME}; wanted one that `export` wrote.")


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise TreeError(f"{_NAME} holds {ast.unparse(node)[:60]} where the text of a tree belongs.")
