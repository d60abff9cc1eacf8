"""Which operators a run may use, and what they may be set to, by what the user says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autopipe.errors import OptionError
from autopipe.operators.catalogue import add_operators, catalogue
from autopipe.operators.declaration import Operator
from autopipe.space import Choice, Domain, Fixed, Float, Int
from autopipe.suggestion import did_you_mean

Narrowing = Mapping[str, Mapping[str, object]]
"""By operator and hyperparameter: one value, (low, high), or a list of values."""


def chosen_operators(
    include: Sequence[str | Operator] | None, exclude: Sequence[str] | None
) -> list[Operator]:
    """The operators that names or families in `include` and `exclude` leave.

    `include` narrows the learners alone; what prepares the table for them stays. Operators
    that are the user's own are added; "all" stands for the catalogue's learners.

    Raises
    ------
    OptionError
        If a name is neither an operator nor a family, or no learner is left.
    """
    own = own_operators(include)
    add_operators(own)
    operators = [*catalogue().values(), *own]
    if include is not None and not isinstance(include, str):
        include = [op.name if isinstance(op, Operator) else op for op in include]
        include = None if "all" in include else include
    known = {name for operator in operators for name in (operator.name, operator.family)}
    for argument, names in (("include", include), ("exclude", exclude)):
        if isinstance(names, str):
            raise OptionError(f"{argument}={names!r}: give a list, such as [{names!r}].")
        if unknown := [name for name in names or () if name not in known]:
            raise OptionError(
                f"{argument} names {unknown}, which are neither operators nor families. "
                f"Known: {', '.join(sorted(known))}."
            )
    left = [
        operator
        for operator in operators
        if not {operator.name, operator.family} & set(exclude or ())
        and (
            include is None
            or not operator.is_learner
            or {operator.name, operator.family} & set(include)
        )
    ]
    if not any(operator.is_learner for operator in left):
        learners = sorted(operator.name for operator in operators if operator.is_learner)
        raise OptionError(
            f"include={include} and exclude={exclude} leave no learner. Known are: "
            f"{', '.join(learners)}."
        )
    return left


def own_operators(include: Sequence[str | Operator] | None) -> list[Operator]:
    """The operators that are the user's own."""
    return [operator for operator in include or () if isinstance(operator, Operator)]


def narrowed(operators: Sequence[Operator], space: Narrowing | None) -> list[Operator]:
    """The operators with the ranges that the user wants.

    Parameters
    ----------
    space : by operator and hyperparameter: a value that is frozen, a pair (low, high) of
        numbers, or a list of values

    Raises
    ------
    OptionError
        If a name is unknown, or a value outside what it may be.
    """
    known = {**catalogue(), **{operator.name: operator for operator in operators}}
    for name, wanted in _items(space or {}, "space"):
        if name not in known:
            raise OptionError(f"space: no operator is called {name!r}.{_hint(name, known)}")
        domains = known[name].space
        for key, _ in _items(wanted, f"space[{name!r}]"):
            if key not in domains:
                raise OptionError(
                    f"space: {name} has no hyperparameter {key!r}.{_hint(key, domains)}"
                )
    changed = {
        name: {
            **known[name].space,
            **{
                key: _narrowed(known[name].space[key], value, f"space: {name}.{key}={value!r}")
                for key, value in wanted.items()
            },
        }
        for name, wanted in (space or {}).items()
    }
    return [
        replace(operator, space=changed[operator.name])
        if operator.name in changed
        else operator
        for operator in operators
    ]


def _items(given: object, argument: str) -> list[tuple[object, object]]:
    if not isinstance(given, Mapping):
        raise OptionError(
            f"{argument}={given!r}: give a dict, as "
            "space={'lightgbm': {'learning_rate': (0.01, 0.1), 'num_leaves': 31}}."
        )
    return list(given.items())


def _hint(name: object, known: Mapping[str, object]) -> str:
    return f"{did_you_mean(name, known)} Known: {', '.join(known) or 'none'}."


def _narrowed(domain: Domain, wanted: object, argument: str) -> Domain:
    values: list[Any]  # checked against the domain
    values = list(wanted) if isinstance(wanted, (tuple, list, np.ndarray)) else [wanted]
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    if isinstance(domain, Float):
        values = [float(value) if type(value) is int else value for value in values]
    for value in values:
        if value not in domain:
            raise OptionError(f"{argument}: {value!r} is outside {domain!r}.")
    if not values:
        raise OptionError(f"{argument}: give a value, (low, high), or a list of values.")
    if len(set(map(repr, values))) == 1:
        return Fixed(values[0])
    if isinstance(domain, (Float, Int)) and isinstance(wanted, tuple):
        if len(values) != 2:
            raise OptionError(f"{argument}: a range is (low, high); give a list of values.")
        low, high = min(values), max(values)
        return replace(domain, low=low, high=high, default=min(max(domain.default, low), high))
    return Choice(tuple(values), domain.default if domain.default in values else values[0])
