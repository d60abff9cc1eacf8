"""The delivered model: a weighted average of cross-fitted members."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from autopipe.ensembles.stacking import table_of
from autopipe.operators.calibration import Temperature
from autopipe.operators.fitted import FittedTree, Memo
from autopipe.table import Table
from autopipe.task import FloatArray

_ROWS_AT_ONCE = 100_000  # predicted together: bounds the memory
_ROWS_FOR_THREADS = 100  # fewer are done before threads would be


@dataclass(frozen=True, eq=False)
class Member:
    """A cross-fitted pipeline in an ensemble.

    Parameters
    ----------
    number : of its trial
    weight : positive
    models : one for every fold, averaged
    inputs : empty; or, of a stacked member, those whose predictions its models read, as
        the table that `stacking.table_of` makes of them. Their weights mean nothing.
    """

    number: int
    weight: float
    models: tuple[FittedTree, ...]
    inputs: tuple[Member, ...] = ()


def pipelines_of(members: Sequence[Member]) -> dict[int, Member]:
    """Every pipeline once, by number: inputs, and members, whose weights mean something."""
    inputs = {each.number: each for member in members for each in member.inputs}
    return inputs | {member.number: member for member in members}


@dataclass(frozen=True, eq=False)
class Predictor:
    """Predicts for coded tables.

    Parameters
    ----------
    members : their weights sum to 1; none where no trial was completed
    prior : array of shape (outputs,), the prediction without members
    temperature : of the members' average; None where it does not help
    """

    members: Sequence[Member]
    prior: FloatArray
    temperature: Temperature | None = None

    def predict(self, table: Table) -> FloatArray:
        """Class probabilities or numbers.

        Returns
        -------
        float64 array of shape (rows, outputs)
            Rows of probabilities sum to 1.
        """
        starts = range(0, max(1, len(table)), _ROWS_AT_ONCE)
        parts = [self._predicted(table.take(slice(i, i + _ROWS_AT_ONCE))) for i in starts]
        predicted = np.concatenate(parts)
        return predicted if self.temperature is None else self.temperature.transform(predicted)

    def _predicted(self, table: Table) -> FloatArray:
        if not self.members:
            return np.tile(self.prior, (len(table), 1))
        with ExitStack() as stack:
            run: _Map = map
            if len(table) >= _ROWS_FOR_THREADS:
                run = stack.enter_context(ThreadPoolExecutor(_core_count())).map
            total = self._sum(table, run)
        return total / total.sum(axis=1, keepdims=True) if total.shape[1] > 1 else total

    def _sum(self, table: Table, run: _Map) -> FloatArray:
        """The weighted sum of the members, of which inputs are asked once."""
        weights = {member.number: member.weight for member in self.members}
        stacked = [member for member in self.members if member.inputs]
        needed = {each.number for member in stacked for each in member.inputs}
        first = [each for member in self.members for each in member.inputs or (member,)]
        first = list({member.number: member for member in first}.values())
        total = np.zeros((len(table), len(self.prior)))
        told: dict[int, FloatArray] = {}
        for member, mean in zip(first, _means(first, table, run), strict=True):
            total += weights.get(member.number, 0.0) * mean
            if member.number in needed:
                told[member.number] = mean
        for member in stacked:
            below = table_of(np.stack([told[each.number] for each in member.inputs]))
            total += member.weight * next(_means([member], below, run))
        return total


_Map = Callable[
    [Callable[[FittedTree], FloatArray], Iterable[FittedTree]], Iterator[FloatArray]
]


def _core_count() -> int:
    """Cores that this process may run on; all of them where the system does not tell."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _means(members: Sequence[Member], table: Table, run: _Map) -> Iterator[FloatArray]:
    """For every member the mean of its models' predictions, in order."""
    memo: Memo = {}
    models = [model for member in members for model in member.models]
    parts = run(lambda model: model.predict(table, memo).astype(np.float64), models)
    for member in members:
        mean = sum(next(parts) for _ in member.models) / len(member.models)
        yield np.asarray(mean)
