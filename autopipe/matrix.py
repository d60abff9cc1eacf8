"""What flows between the operators of a tree.

Only numpy is imported, so that the source can stand in an exported script.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Matrix:
    """Feature columns as one array of numbers.

    Parameters
    ----------
    values : float32 or float64 array of shape (rows, columns), NaN where a number is missing
        or a category is new
    levels : for every column 0 where it holds numbers, or k where it holds the codes
        0 .. k - 1 of a category
    names : for every column where it came from, such as "c3" or "c3=2"
    monotone : for every column 1 where predictions may only rise with it, -1 where they may
        only fall, else 0; empty where all are free
    gaps : for every column of categories the code of a missing one, else -1; empty where that
        is not known
    """

    values: NDArray[np.float32 | np.float64]
    levels: tuple[int, ...]
    names: tuple[str, ...]
    monotone: tuple[int, ...] = ()
    gaps: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        assert self.values.ndim == 2
        assert self.values.shape[1] == len(self.levels) == len(self.names)
        assert len(self.monotone) in (0, len(self.names))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return self.values.nbytes

    @property
    def categorical(self) -> tuple[int, ...]:
        """The columns that hold codes of a category."""
        return tuple(index for index, levels in enumerate(self.levels) if levels)

    def take(self, rows: NDArray[np.integer] | slice) -> Matrix:
        """Some rows, in the order given."""
        return replace(self, values=self.values[rows])


def joined(first: Matrix, second: Matrix) -> Matrix:
    """The rows of the first above the rows of the second."""
    return replace(first, values=np.concatenate([first.values, second.values]))


def as_new(
    X: Matrix, train_rows: NDArray[np.integer], rows: NDArray[np.integer]
) -> tuple[Matrix, NDArray[np.integer]]:
    """Some rows as if the training rows were all that is known, and the places that changes.

    Categories that no training row has are new.
    """
    seen_as = X.take(rows)
    changes = np.zeros(len(rows), dtype=bool)
    for column in X.categorical:
        known = _codes(X.values[train_rows, column])
        is_new = are_new(_codes(seen_as.values[:, column]), known, X.levels[column])
        seen_as.values[is_new, column] = np.nan
        changes |= is_new
    return seen_as, np.flatnonzero(changes)


def are_new(
    codes: NDArray[np.integer], known: NDArray[np.integer], levels: int
) -> NDArray[np.bool_]:
    """Which codes of a category are none of the known ones; -1 is known to be new already."""
    is_known = np.zeros(levels + 1, dtype=bool)
    is_known[-1] = True
    is_known[known] = True
    is_new: NDArray[np.bool_] = ~is_known[codes]
    return is_new


def _codes(column: NDArray[np.float32 | np.float64]) -> NDArray[np.integer]:
    return np.nan_to_num(column, nan=-1.0).astype(np.int64)
