"""What a fit costs, as far as it can be told beforehand: seconds of a core, and memory.

Every operator declares a rule beside its hyperparameters. The constants are measured on one
core of 2024; another machine is so many times faster or slower, which a run soon finds out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

from autopipe.roles import Role
from autopipe.space import Value
from autopipe.table import Table
from autopipe.task import Target

_DATE_PARTS, _TEXT_PARTS = 7, 4  # columns that every encoder makes of a time or a text
_CELL_SECONDS = 2e-8  # of an operator that passes over its cells a few times
_LEARNER_SECONDS = 5e-6  # for every cell and output, of a learner that declares nothing
_CELL_MEGABYTES = 4e-6


@dataclass(frozen=True)
class Shape:
    """What a cost depends on: the size of what an operator is fitted to.

    Parameters
    ----------
    rows : that are trained on
    columns : of the matrix; of a table, those that its codes would have
    outputs : numbers that a learner finds for a row: the classes from three on, else 1
    held_out : rows that are predicted
    levels : of every column of categories that is still one
    texts : columns of texts
    text_bytes : of a row, in all of them
    """

    rows: int
    columns: int
    outputs: int = 1
    held_out: int = 0
    levels: tuple[int, ...] = ()
    texts: int = 0
    text_bytes: float = 0.0

    @classmethod
    def of(cls, table: Table, target: Target) -> Self:
        """All rows of a table."""
        schema = table.schema
        dates, texts = schema.having(Role.DATETIME), schema.having(Role.TEXT)
        more = (_DATE_PARTS - 1) * len(dates) + (_TEXT_PARTS - 1) * len(texts)
        return cls(
            rows=len(table),
            columns=len(schema.columns) + more,
            outputs=target.n_classes if target.n_classes > 2 else 1,
            levels=tuple(c.levels for c in schema.having(Role.CATEGORICAL)),
            texts=len(texts),
            text_bytes=sum(len(t.buffer) for t in table.texts) / max(1, len(table)),
        )

    @property
    def cells(self) -> float:
        """Values that are trained on."""
        return float(self.rows * self.columns)

    @property
    def all_cells(self) -> float:
        """Values of trained and predicted rows."""
        return float((self.rows + self.held_out) * self.columns)

    def encoded(self, columns: float) -> Shape:
        """The shape once the categories have become so many columns of numbers."""
        plain = self.columns - len(self.levels)
        return replace(self, columns=plain + round(columns), levels=())


@dataclass(frozen=True)
class Cost:
    """Of one fit, and of predicting the rows it holds out.

    Parameters
    ----------
    seconds : of one core
    prepare_seconds : of what all fits on the same columns share
    megabytes : that are held meanwhile, beside the input
    gives : shape of the output; None where it is that of the input
    """

    seconds: float
    prepare_seconds: float = 0.0
    megabytes: float = 0.0
    gives: Shape | None = None


CostRule: TypeAlias = Callable[[Mapping[str, Value], Shape], Cost]
"""What an operator costs with these hyperparameters on data of such a shape."""


def by_cells(seconds: float = _CELL_SECONDS) -> CostRule:
    """The rule of a transformer that takes so many seconds for every value."""

    def rule(params: Mapping[str, Value], shape: Shape) -> Cost:
        return Cost(seconds * shape.all_cells, megabytes=_CELL_MEGABYTES * shape.all_cells)

    return rule


def number(params: Mapping[str, Value], name: str) -> float:
    """A hyperparameter that is a number."""
    value = params[name]
    assert isinstance(value, (int, float))
    return float(value)


def undeclared(is_learner: bool) -> CostRule:
    """The rule of an operator that declares none: a guess that the first trials correct."""

    def learner(params: Mapping[str, Value], shape: Shape) -> Cost:
        seconds = _LEARNER_SECONDS * shape.cells * shape.outputs
        return Cost(seconds, megabytes=_CELL_MEGABYTES * shape.all_cells)

    return learner if is_learner else by_cells()
