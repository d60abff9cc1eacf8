"""Which operators a run may use, by what the user includes and excludes."""

from __future__ import annotations

from collections.abc import Sequence

from autopipe.errors import OptionError
from autopipe.operators.catalogue import add_operators, catalogue
from autopipe.operators.declaration import Operator


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
        raise OptionError(f"include={include} and exclude={exclude} leave no learner.")
    return left


def own_operators(include: Sequence[str | Operator] | None) -> list[Operator]:
    """The operators that are the user's own."""
    return [operator for operator in include or () if isinstance(operator, Operator)]
