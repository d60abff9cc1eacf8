"""What a missing value is taken for where a learner has seen none in its column."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from autopipe.matrix import Matrix
from autopipe.operators.declaration import State
from autopipe.task import FloatArray, IntArray

_MOST_ROWS = 1_000  # that a median is taken of

_Values = NDArray[np.float32 | np.float64]


@dataclass(frozen=True, eq=False)
class Gaps:
    """What stands for a missing value in a column that had none where a booster was fitted.

    Trees that have seen no missing value have learned no way for one. LightGBM takes it for
    zero; XGBoost sends it the same way at every split, which adds up, over a thousand rounds,
    to predictions beyond all that it was shown. Categories that are new are missing here.

    Parameters
    ----------
    fills : of every column, NaN where missing values stay as they are; none where all do
    """

    fills: FloatArray = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, X: Matrix, rows: IntArray, has_categories: bool = False) -> Self:
        """Medians of the columns of numbers that are complete in these rows.

        Parameters
        ----------
        has_categories : whether those of categories get their most frequent level
        """
        is_torn = np.asarray(np.isnan(X.values).any(axis=0))
        is_torn[is_torn] = np.isnan(X.values[np.ix_(rows, is_torn)]).any(axis=0)
        some = X.values[rows[:: 1 + len(rows) // _MOST_ROWS]]
        fills = np.full(X.values.shape[1], np.nan)
        for index in np.flatnonzero(~is_torn).tolist():
            if not X.levels[index]:
                fills[index] = np.median(some[:, index])
            elif has_categories:
                fills[index] = usual_level(some[:, index], X, index)
        return cls(fills)

    def filled(self, values: _Values) -> _Values:
        """Rows of columns with these in the place of what is missing."""
        is_missing = np.isnan(values)
        if not len(self.fills) or not is_missing.any():
            return values
        filled: _Values = np.where(is_missing, self.fills.astype(values.dtype), values)
        return filled

    def matter_in(self, values: _Values) -> bool:
        """Whether `filled` changes any of these rows."""
        return bool(len(self.fills) and (np.isnan(values) & ~np.isnan(self.fills)).any())

    def state(self) -> State:
        """One array, "fills", as a part of a learner's state."""
        return {"fills": self.fills}

    @classmethod
    def restored(cls, state: State) -> Self:
        """From what `state` gave; one that changes nothing where a former version was saved."""
        return cls(np.asarray(state["fills"])) if "fills" in state else cls()


def usual_level(codes: _Values, X: Matrix, column: int) -> int:
    """The most frequent one of a column's codes, but not that of a missing category."""
    counts = np.bincount(codes.astype(np.int64), minlength=X.levels[column])
    if X.gaps and X.gaps[column] >= 0:
        counts[X.gaps[column]] = 0
    return int(counts.argmax())
