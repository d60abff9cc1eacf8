"""What a module of ours defines at its head and imports, as syntax with its text."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

PACKAGE = "autopipe"
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Name(NamedTuple):
    """Something that a module of ours defines at its head."""

    module: str
    name: str


class Import(NamedTuple):
    """A name that is imported from a library."""

    module: str
    name: str  # empty where the module itself is imported
    local: str


@dataclass(eq=False)
class Definition:
    """A statement at the head of a module, and what of it is wanted."""

    module: Module
    node: ast.stmt
    methods: list[_Function] = field(default_factory=list)  # those that may be left out
    wanted: list[_Function] = field(default_factory=list)

    @property
    def is_plain(self) -> bool:
        """Whether it binds a value, not a class or function."""
        return isinstance(self.node, (ast.Assign, ast.AnnAssign))

    def pieces(self) -> Iterator[ast.AST]:
        """The syntax that is kept."""
        if isinstance(self.node, ast.ClassDef):
            yield from self.node.bases
            yield from self.node.keywords
            yield from self.node.decorator_list
            body = [part for part in self.node.body if part not in self.methods]
            yield ast.ClassDef(self.node.name, [], [], body, [])
            yield from self.wanted
        else:
            yield self.node


class Module:
    """The source of a module, its definitions and imports by name."""

    def __init__(self, name: str) -> None:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None
        self.name = name
        source = Path(spec.origin).read_text(encoding="utf-8")
        self.lines = source.split("\n")
        self.tree = ast.parse(source)
        self.definitions: dict[str, Definition] = {}
        self.imports: dict[str, Name | Import] = {}  # a Name without name is a module
        self._ends: dict[int, int] = {}  # the last lines of what a text explains
        for statement, after in zip_longest(self.tree.body, self.tree.body[1:]):
            self._take(statement)
            is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if is_text and isinstance(statement, (ast.Assign, ast.AnnAssign)):
                self._ends[id(statement)] = after.end_lineno or after.lineno

    @property
    def title(self) -> str:
        """The first line of its docstring."""
        return (ast.get_docstring(self.tree) or "").partition("\n")[0]

    def _take(self, statement: ast.stmt) -> None:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            for alias in statement.names:
                self.imports[alias.asname or alias.name] = _imported(statement, alias)
        elif isinstance(statement, ast.If):  # of what only type checkers see
            for inner in statement.body:
                self._take(inner)
        elif isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            self.definitions[statement.name] = Definition(
                self, statement, _optional_methods(statement)
            )
        elif isinstance(statement, ast.Assign):
            self._take_targets(statement, statement.targets)
        elif isinstance(statement, ast.AnnAssign):
            self._take_targets(statement, [statement.target])

    def _take_targets(self, statement: ast.stmt, targets: list[ast.expr]) -> None:
        definition = Definition(self, statement)
        for target in targets:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    self.definitions[node.id] = definition

    def span(self, node: ast.stmt) -> tuple[int, int]:
        """First line and the one after the last, with the comments above and a text below."""
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(each.lineno for each in decorators)]) - 1
        while first and self.lines[first - 1].lstrip().startswith("#"):
            first -= 1
        return first, self._ends.get(id(node), node.end_lineno or node.lineno)


def _imported(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> Name | Import:
    local = alias.asname or alias.name
    if isinstance(statement, ast.Import):
        return Import(alias.name, "", local)
    module = statement.module or ""
    if module.partition(".")[0] != PACKAGE:
        return Import(module, alias.name, local)
    inner, spec = f"{module}.{alias.name}", importlib.util.find_spec(module)
    is_package = spec is not None and spec.submodule_search_locations is not None
    if is_package and importlib.util.find_spec(inner) is not None:
        return Name(inner, "")
    return Name(module, alias.name)


# What operators are asked for by name; other public methods of a private class may be called
# by the library that an object of it is given to.
_PROTOCOL = frozenset(
    {"fit", "fit_folds", "fit_transform", "predict", "prepare", "restore", "state", "transform"}
)


def _optional_methods(node: ast.stmt) -> list[_Function]:
    """The methods that are left out where nothing reads their name."""
    if not isinstance(node, ast.ClassDef):
        return []
    methods = [part for part in node.body if isinstance(part, _Function)]
    is_private = node.name.startswith("_")
    return [
        method
        for method in methods
        if not method.name.endswith("__")
        and (method.name in _PROTOCOL or method.name.startswith("_") or not is_private)
    ]
