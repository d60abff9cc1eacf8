"""What a network is given for the columns of a matrix: numbers around 0, and slots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autopipe.matrix import Matrix
from autopipe.operators.scaling import bent, median_and_factor
from autopipe.task import FloatArray, IntArray

_MOST_LEVELS = 1_000  # of a column that have a slot each; the step of the optimizer visits all
_LEAST_ROWS = 2  # of a level with a slot of its own: one row would be learned by heart


@dataclass(frozen=True)
class Layout:
    """What of a matrix fixes the shapes of a network.

    Parameters
    ----------
    levels : as in `Matrix`
    is_gappy : for every column whether it has missing values, training rows or not
    """

    levels: tuple[int, ...]
    is_gappy: tuple[bool, ...]

    @classmethod
    def of(cls, X: Matrix) -> Layout:
        """The layout of a matrix."""
        return cls(X.levels, tuple(bool(np.isnan(column).any()) for column in X.values.T))

    @property
    def numeric(self) -> tuple[int, ...]:
        """The columns of numbers."""
        return tuple(index for index, levels in enumerate(self.levels) if not levels)

    @property
    def flagged(self) -> tuple[int, ...]:
        """The columns of numbers whose gaps have a column of their own."""
        return tuple(index for index in self.numeric if self.is_gappy[index])

    @property
    def categorical(self) -> tuple[int, ...]:
        """The columns of categories."""
        return tuple(index for index, levels in enumerate(self.levels) if levels)

    @property
    def slots(self) -> tuple[int, ...]:
        """For every column of categories how many slots it has.

        Slot 0 takes rare and unseen levels, 1 a missing value, the others the levels.
        """
        return tuple(2 + min(self.levels[index], _MOST_LEVELS) for index in self.categorical)


@dataclass(frozen=True, eq=False)
class Inputs:
    """Scales and slots, learned from the training rows of one fold.

    Numbers are centred at the median, divided by the distance between the quartiles and
    bent smoothly into (-3, 3); a missing one becomes 0, with a flag.

    Parameters
    ----------
    layout : of the matrix
    centre, factor : for every column of numbers
    slot_of : for every column of categories the slots of a missing value and of its levels,
        one column after the other

    References
    ----------
    Holzmüller et al., Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular
    Data, NeurIPS 2024: robust scaling and smooth clipping (section 3).
    """

    layout: Layout
    centre: FloatArray
    factor: FloatArray
    slot_of: IntArray

    @classmethod
    def fitted(cls, values: FloatArray, layout: Layout) -> Inputs:
        """Learn from the training rows."""
        numeric = [median_and_factor(values[:, index]) for index in layout.numeric]
        slots = [_slots(values[:, index], layout.levels[index]) for index in layout.categorical]
        centre, factor = np.array(numeric, np.float64).reshape(-1, 2).T
        return cls(layout, centre, factor, np.concatenate([np.empty(0, np.int32), *slots]))

    def numbers(self, values: FloatArray) -> NDArray[np.float32]:
        """Columns of numbers, then the flags."""
        layout = self.layout
        numbers = values[:, layout.numeric].astype(np.float64)
        scaled = np.nan_to_num((numbers - self.centre) * self.factor)
        return np.hstack([bent(scaled), np.isnan(values[:, layout.flagged])], dtype=np.float32)

    def slots(self, values: FloatArray) -> IntArray:
        """A slot for every column of categories."""
        levels = [self.layout.levels[index] for index in self.layout.categorical]
        begins = np.cumsum([0, *(each + 1 for each in levels)])[:-1].astype(np.int64)
        codes = values[:, self.layout.categorical]
        places = np.where(np.isnan(codes), 0, codes + 1).astype(np.int64)
        return np.asarray(self.slot_of[begins + places])


def _slots(column: FloatArray, levels: int) -> IntArray:
    """The slots of a missing value and of every level."""
    codes = np.where(np.isnan(column), 0, column + 1).astype(np.int64)
    counts = np.bincount(codes, minlength=levels + 1)
    slots = np.zeros(levels + 1, np.int32)
    slots[0] = counts[0] > 0
    order = np.argsort(-counts[1:], kind="stable")[:_MOST_LEVELS]
    kept = np.sort(order[counts[1:][order] >= _LEAST_ROWS])
    if levels <= _MOST_LEVELS:
        slots[1 + kept] = 2 + kept
    else:
        slots[1 + kept] = 2 + np.arange(len(kept))
    return slots


def edges_of(numbers: NDArray[np.float32], most: int) -> FloatArray:
    """Edges of bins with the same number of rows each, shape (columns, most + 1).

    Where a column has too few different values for so many bins, the last edge is repeated.
    """
    quantiles = np.quantile(numbers, np.linspace(0.0, 1.0, most + 1), axis=0).T
    edges = np.empty_like(quantiles)
    for edge, row in zip(edges, quantiles, strict=True):
        different = np.unique(row)
        edge[:] = different[-1]
        edge[: len(different)] = different
    return edges
