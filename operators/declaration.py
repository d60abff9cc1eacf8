"""How an operator is declared, and what its estimator must offer."""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self, runtime_checkable

import numpy as np

from autopipe.devices import CPU
from autopipe.errors import DeadlineReached
from autopipe.matrix import Matrix
from autopipe.operators.cost import Cost, CostRule, Shape, undeclared
from autopipe.roles import Role
from autopipe.space import Space, Value
from autopipe.table import Schema, Table
from autopipe.task import FloatArray, IntArray, Target, TaskKind


class Raw:
    """The coded table itself, or one with columns added."""


class Coded:
    """A matrix whose values may be missing and whose columns may hold category codes."""


class Complete(Coded):
    """A matrix without missing values."""


class Dense(Complete):
    """A matrix without missing values or categories, on scales that can be compared."""


class Predictions:
    """Class probabilities or numbers, one row for every row of the table."""


State = Mapping[str, np.ndarray | Value | list[Value]]
"""A fitted estimator as arrays and JSON: enough to predict again, in any process."""


class Transformer(Protocol):
    """Turns a table or a matrix into a matrix, or a table into one with more columns."""

    def fit_transform(self, data: Table | Matrix, target: Target, seed: int) -> Table | Matrix:
        """Fit to the training rows and return what a learner should be trained on.

        An encoder that looks at the target returns cross-fitted values here: they differ
        from what `transform` gives for the same rows.
        """
        ...

    def transform(self, data: Table | Matrix) -> Table | Matrix:
        """The output for new rows."""
        ...

    def state(self) -> State:
        """What was learned."""
        ...

    def restore(self, state: State) -> Self:
        """Take back what `state` gave."""
        ...


@dataclass(frozen=True)
class Limits:
    """What a fit may take.

    Parameters
    ----------
    deadline : time on `time.monotonic`'s axis by which the fit should have returned
    threads : native threads
    device : "cpu", or "cuda" where a graphics card may be used
    """

    deadline: float = float("inf")
    threads: int = 1
    device: str = CPU


class Learner(Protocol):
    """Gives predictions of shape (rows, outputs): probabilities, or one number."""

    is_truncated: bool
    """Whether the deadline stopped the last fit before it would have stopped by itself."""

    prepared_by: tuple[str, ...]
    """The hyperparameters that `prepare` uses; learners that agree in them can share it."""

    def prepare(self, X: Matrix, target: Target, limits: Limits) -> object:
        """What all fits on these rows share, such as binned columns. Fits nothing."""
        ...

    def fit(
        self,
        prepared: object,
        train_rows: IntArray,
        valid_rows: IntArray,
        seed: int,
        limits: Limits,
    ) -> FloatArray:
        """Fit on some rows of what was prepared, and predict others.

        The validation rows may decide when to stop, and nothing else.

        Returns
        -------
        array of shape (valid rows, outputs)
            In the order of `valid_rows`, equal to what `predict` gives for them.

        Raises
        ------
        DeadlineReached
            If time was up before anything usable was fitted.
        """
        ...

    def predict(self, X: Matrix) -> FloatArray:
        """Predictions for new rows."""
        ...

    def state(self) -> State:
        """What was learned."""
        ...

    def restore(self, state: State) -> Self:
        """Take back what `state` gave."""
        ...


@runtime_checkable
class FoldsLearner(Protocol):
    """A learner that fits all folds at once in less time than one after the other."""

    def fit_folds(
        self,
        prepared: Sequence[object],
        pairs: Sequence[tuple[IntArray, IntArray]],
        seeds: Sequence[int],
        limits: Limits,
    ) -> list[tuple[Learner, FloatArray]]:
        """As `fit` on every fold, which may be of this method with one fold.

        A fold's result depends on its own rows and seed alone.

        Parameters
        ----------
        prepared : what `prepare` gave, for every fold; the same where folds share it
        pairs : training and validation rows of every fold
        seeds : of every fold

        Returns
        -------
        list of a fitted learner and its predictions of the validation rows
        """
        ...


class Calibrator(Protocol):
    """Corrects the predictions of a learner."""

    def fit(self, predictions: FloatArray, target: Target) -> Self:
        """Fit to predictions of rows that the learner below never saw."""
        ...

    def transform(self, predictions: FloatArray) -> FloatArray:
        """Corrected predictions, same shape."""
        ...

    def state(self) -> State:
        """What was learned."""
        ...

    def restore(self, state: State) -> Self:
        """Take back what `state` gave."""
        ...


_EVERY_KIND = frozenset(TaskKind)


@dataclass(frozen=True)
class Operator:
    """One thing that may stand at a node of a tree, declared once.

    Parameters
    ----------
    name : as it prints in trees
    family : what it is tallied under, such as "linear" or "encoding"
    build : "module:Class" of the estimator, imported when first built; of an operator of your
        own also the class itself, which then travels to the workers
    takes : the state of every input
    gives : the state of the output
    space : the hyperparameters, passed to the class by keyword
    source : paper or documentation that describes the method
    kinds : the kinds of task it serves
    needs_categories : whether it is of no use to a table without categories
    needs_texts : whether it is of no use to a table without texts
    uses_target : whether fitting looks at the target
    is_stateless : whether the output of a row depends on that row alone, so that one
        transformed table serves all folds
    keeps_monotone : whether predictions rise or fall with a column as its `monotone` says, and
        what comes out of a transformer keeps that mark; others decline where a column has one
    most_rows : rows of the table up to which it pays, or None where any number does
    most_columns : columns of the table up to which it pays, or None
    device_rows : rows of the table from which on it is fitted on a graphics card, where there
        is one, or None where it never is
    most_threads : folds that it fits at the same time at most, or None
    cost : what it costs by hyperparameters and size; None where that is a guess
    requires : the library without which the operator declines
    extra : the extra of autopipe that installs this library
    """

    name: str
    family: str
    build: str | Callable[..., object]
    takes: tuple[type, ...]
    gives: type
    space: Space = field(default_factory=dict)
    source: str = ""
    kinds: frozenset[TaskKind] = _EVERY_KIND
    needs_categories: bool = False
    needs_texts: bool = False
    uses_target: bool = False
    is_stateless: bool = False
    keeps_monotone: bool = False
    most_rows: int | None = None
    most_columns: int | None = None
    device_rows: int | None = None
    most_threads: int | None = None
    cost: CostRule | None = None
    requires: str = ""
    extra: str = ""

    @property
    def is_learner(self) -> bool:
        """Whether it makes predictions from a matrix."""
        return self.gives is Predictions and Predictions not in self.takes

    @property
    def is_calibrator(self) -> bool:
        """Whether it corrects predictions."""
        return self.gives is Predictions and Predictions in self.takes

    def declines(self, schema: Schema, kind: TaskKind, rows: int | None = None) -> str:
        """Why this operator cannot serve such a table; empty if it can.

        Parameters
        ----------
        rows : of the table, where they are known
        """
        if kind not in self.kinds:
            return f"{self.name} serves {', '.join(sorted(self.kinds))}, not {kind}"
        if schema.is_monotone and not self.keeps_monotone:
            return f"{self.name} does not heed monotone"
        if self.needs_categories and not any(column.levels for column in schema.columns):
            return f"{self.name} needs a column of categories"
        if self.most_rows is not None and rows is not None and rows > self.most_rows:
            return f"{self.name} serves up to {self.most_rows} rows, not {rows}"
        columns = len(schema.columns)
        if self.most_columns is not None and columns > self.most_columns:
            return f"{self.name} serves up to {self.most_columns} columns, not {columns}"
        if self.needs_texts and not schema.having(Role.TEXT):
            return f"{self.name} needs a column of texts"
        if self.requires and importlib.util.find_spec(self.requires) is None:
            return f"{self.name} needs {self.requires}: pip install 'autopipe[{self.extra}]'"
        return ""

    def costs(self, params: Mapping[str, Value], shape: Shape) -> Cost:
        """What a fit costs on data of this shape."""
        return (self.cost or undeclared(self.is_learner))(params, shape)

    def make(self, params: Mapping[str, Value]) -> object:
        """An unfitted estimator with these hyperparameters."""
        if callable(self.build):
            return self.build(**params)
        module, name = self.build.split(":")
        return getattr(importlib.import_module(module), name)(**params)


def check_deadline(limits: Limits) -> None:
    """Raise `DeadlineReached` where the time is up before a fit has begun."""
    if time.monotonic() >= limits.deadline:
        raise DeadlineReached("The deadline passed before the fit had begun.")
