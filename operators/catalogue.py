"""All operators there are, found by walking the room."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import autopipe.operators
from autopipe.errors import UnknownOperatorError
from autopipe.operators.declaration import Operator
from autopipe.suggestion import did_you_mean
from autopipe.tree import Node


@cache
def catalogue() -> Mapping[str, Operator]:
    """Every operator by name: the `OPERATORS` of all modules in this room."""
    found: dict[str, Operator] = {}
    for module in pkgutil.iter_modules(autopipe.operators.__path__, "autopipe.operators."):
        for operator in getattr(importlib.import_module(module.name), "OPERATORS", ()):
            assert operator.name not in found, f"two operators are called {operator.name}"
            found[operator.name] = operator
    return MappingProxyType(dict(sorted(found.items())))


def operator_named(name: str) -> Operator:
    """The operator of this name.

    Raises
    ------
    UnknownOperatorError
        If there is none; the message names the nearest.
    """
    known = catalogue()
    if name in known:
        return known[name]
    raise UnknownOperatorError(
        f"No operator is called {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}."
    )


def estimator_for(node: Node) -> Any:  # a Transformer, Learner or Calibrator
    """An unfitted estimator with the hyperparameters of the node."""
    return operator_named(node.op).make(node.hyperparameters)
