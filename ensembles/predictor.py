"""The delivered model: a weighted average of cross-fitted members."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from autopipe.operators.calibration import Temperature
from autopipe.operators.fitted import FittedTree, Memo
from autopipe.table import Table
from autopipe.task import FloatArray

_ROWS_AT_ONCE = 100_000  # predicted together: bounds the memory
_ROWS_FOR_THREADS = 1_000  # fewer are done before threads would be


@dataclass(frozen=True, eq=False)
class Member:
    """A cross-fitted pipeline in an ensemble.

    Parameters
    ----------
    number : of its trial
    weight : positive
    models : one for every fold, averaged
    """

    number: int
    weight: float
    models: tuple[FittedTree, ...]


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
        memo: Memo = {}
        models = [
            (member.weight / len(member.models), model)
            for member in self.members
            for model in member.models
        ]

        def weighted(pair: tuple[float, FittedTree]) -> FloatArray:
            return np.asarray(pair[0] * pair[1].predict(table, memo).astype(np.float64))

        total = np.zeros((len(table), len(self.prior)))
        if len(table) < _ROWS_FOR_THREADS:
            for pair in models:
                total += weighted(pair)
        else:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                for part in pool.map(weighted, models):  # in order: the same sum every time
                    total += part
        return total / total.sum(axis=1, keepdims=True) if total.shape[1] > 1 else total
