"""Which names in a piece of source mean something outside of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Use(NamedTuple):
    """A name that is read and not bound within."""

    node: ast.Name
    parent: ast.AST


def free_names(node: ast.AST) -> Iterator[Use]:
    """Every use of a name that no function, comprehension or class within binds.

    Annotations count: they are read where types are asked for.

    Examples
    --------
    >>> source = "def f(x, y=z): return [g(x, i) for i in h.every]"
    >>> [use.node.id for use in free_names(ast.parse(source).body[0])]
    ['z', 'h', 'g']
    """
    yield from _free(node, node, frozenset())


def _free(node: ast.AST, parent: ast.AST, bound: frozenset[str]) -> Iterator[Use]:
    if isinstance(node, ast.Name):
        if node.id not in bound:
            yield Use(node, parent)
    elif isinstance(node, _FUNCTIONS):
        inside = node.body if isinstance(node.body, list) else [node.body]
        arguments = node.args
        for child in ast.iter_child_nodes(node):
            if child not in inside:  # decorators, defaults and annotations
                yield from _free(child, node, bound)
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
        local = {argument.arg for argument in every}
        for statement in inside:
            local |= set(_bindings(statement))
        for statement in inside:
            yield from _free(statement, node, bound | local)
    elif isinstance(node, _COMPREHENSIONS):
        local = {name for loop in node.generators for name in _bindings(loop.target)}
        for loop in node.generators:
            yield from _free(loop, node, bound | local)
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.comprehension):
                yield from _free(child, node, bound | local)
    elif isinstance(node, ast.ClassDef):
        local = {name for statement in node.body for name in _bindings(statement)}
        for child in ast.iter_child_nodes(node):
            is_method = child in node.body and isinstance(child, _FUNCTIONS)
            yield from _free(child, node, bound if is_method else bound | local)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _free(child, node, bound)


def _bindings(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds in the scope that it stands in."""
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
        return
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
        return
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield (alias.asname or alias.name).partition(".")[0]
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        if node.name:
            yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest
    for child in ast.iter_child_nodes(node):
        if isinstance(node, _COMPREHENSIONS) and isinstance(child, ast.comprehension):
            continue  # its targets are its own
        yield from _bindings(child)
