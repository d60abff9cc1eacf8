"""All operators there are, found by walking the room."""

from __future__ import annotations

import importlib
import keyword
import pkgutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from types import MappingProxyType
from typing import Any

import autopipe.operators
from autopipe.errors import OptionError, UnknownOperatorError
from autopipe.operators.declaration import Operator
from autopipe.suggestion import did_you_mean
from autopipe.tree import TABLE_NAME, Node

_own: dict[str, Operator] = {}  # by name; trees are text, and so know their operators by name


@cache
def catalogue() -> Mapping[str, Operator]:
    """Every operator by name: the `OPERATORS` of all modules in this room."""
    found: dict[str, Operator] = {}
    for module in pkgutil.iter_modules(autopipe.operators.__path__, "autopipe.operators."):
        for operator in getattr(importlib.import_module(module.name), "OPERATORS", ()):
            assert operator.name not in found, f"two operators are called {operator.name}"
            found[operator.name] = operator
    return MappingProxyType(dict(sorted(found.items())))


def add_operators(operators: Iterable[Operator]) -> None:
    """Make a user's operators known in this process, beside those of the catalogue.

    One of the same name takes the place of the former.

    Raises
    ------
    OptionError
        If a name cannot stand in a tree, or is taken by the catalogue.
    """
    for operator in operators:
        name = operator.name
        if not name.isidentifier() or keyword.iskeyword(name):
            raise OptionError(f"Operator(name={name!r}): a name is letters, digits and _.")
        if name in catalogue() or name == TABLE_NAME:
            raise OptionError(f"Operator(name={name!r}): that name is taken; choose another.")
        _own[name] = operator


def operator_named(name: str) -> Operator:
    """The operator of this name, of the catalogue or added.

    Raises
    ------
    UnknownOperatorError
        If there is none; the message names the nearest.
    """
    if found := catalogue().get(name, _own.get(name)):
        return found
    known = {**catalogue(), **_own}
    raise UnknownOperatorError(
        f"No operator is called {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}."
    )


def learner_of(tree: Node) -> str:
    """The operator that makes a tree's predictions; the root where nobody knows it now."""
    for _, node in tree.walk():
        with suppress(UnknownOperatorError):
            if node.op != TABLE_NAME and operator_named(node.op).is_learner:
                return node.op
    return tree.op


def estimator_for(node: Node) -> Any:  # a Transformer, Learner or Calibrator
    """An unfitted estimator with the hyperparameters of the node."""
    return operator_named(node.op).make(node.hyperparameters)
