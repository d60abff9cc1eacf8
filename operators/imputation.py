"""Values for what is missing."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from autopipe.matrix import Matrix
from autopipe.operators.declaration import Coded, Complete, Operator, State
from autopipe.operators.gaps import usual_level
from autopipe.space import Choice
from autopipe.task import FloatArray, Target


class Impute:
    """Fills every gap with one value per column, learned from the training rows.

    Infinite numbers count as missing. A column with nothing but gaps in training becomes 0.

    Parameters
    ----------
    numbers : "median" or "mean" of the known values
    categories : "own_level" keeps missing as a level of each category that had gaps in
        training; what is new, and with "most_frequent" all gaps, get the most frequent level
    indicator : whether to add a column of zeros and ones for every column with gaps in
        training
    """

    def __init__(self, *, numbers: str, categories: str, indicator: bool) -> None:
        self.numbers = numbers
        self.categories = categories
        self.indicator = indicator
        self._fill = np.empty(0)
        self._gained_level = np.empty(0, np.bool_)
        self._indicated = np.empty(0, np.int64)

    def fit_transform(self, data: Matrix, target: Target, seed: int) -> Matrix:
        width = data.values.shape[1]
        self._fill = np.zeros(width)
        self._gained_level = np.zeros(width, np.bool_)
        has_gaps = _gaps(data).any(axis=0)
        for index, levels in enumerate(data.levels):
            values = data.values[:, index]
            known = values[np.isfinite(values)]
            if len(known) == 0:
                continue
            if levels and self.categories == "own_level" and len(known) < len(values):
                self._fill[index] = levels
                self._gained_level[index] = True
            else:
                self._fill[index] = self._typical(known, data, index)
        self._indicated = np.flatnonzero(has_gaps & self.indicator)
        return self.transform(data)

    def _typical(self, known: FloatArray, data: Matrix, index: int) -> float:
        if data.levels[index]:
            return usual_level(known, data, index)
        if self.numbers == "median":
            return float(np.median(known))
        return float(known.mean(dtype=np.float64))

    def transform(self, data: Matrix) -> Matrix:
        is_gap = _gaps(data)
        is_filled = ~np.isfinite(data.values)
        if self.categories == "most_frequent":
            is_filled |= is_gap
        filled = np.where(is_filled, self._fill.astype(data.values.dtype), data.values)
        levels = [
            n + int(gained) for n, gained in zip(data.levels, self._gained_level, strict=True)
        ]
        marks = is_gap[:, self._indicated].astype(filled.dtype)
        return Matrix(
            np.hstack([filled, marks]),
            (*levels, *[0] * len(self._indicated)),
            (*data.names, *[f"{data.names[index]} missing" for index in self._indicated]),
            data.monotone and (*data.monotone, *[0] * len(self._indicated)),
        )

    def state(self) -> State:
        return {
            "fill": self._fill,
            "gained_level": self._gained_level,
            "indicated": self._indicated,
        }

    def restore(self, state: State) -> Self:
        self._fill = np.asarray(state["fill"])
        self._gained_level = np.asarray(state["gained_level"])
        self._indicated = np.asarray(state["indicated"])
        return self


def _gaps(data: Matrix) -> NDArray[np.bool_]:
    """Which values are missing, of the shape of the values; categories that are new are not."""
    is_gap = ~np.isfinite(data.values)
    gaps = np.array(data.gaps, np.int64)
    has_level = gaps >= 0
    if has_level.any():
        is_gap[:, has_level] = data.values[:, has_level] == gaps[has_level]
    return is_gap


OPERATORS = (
    Operator(
        name="impute",
        family="imputation",
        build="autopipe.operators.imputation:Impute",
        takes=(Coded,),
        gives=Complete,
        space={
            "numbers": Choice(("median", "mean")),
            "categories": Choice(("own_level", "most_frequent")),
            "indicator": Choice((True, False)),
        },
        keeps_monotone=True,
    ),
)
