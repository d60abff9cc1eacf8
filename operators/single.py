"""Columns in float32 that keep what their rows differ by, wherever and however small."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from autopipe.matrix import Matrix
from autopipe.operators.declaration import State
from autopipe.task import FloatArray

_LARGEST = np.finfo(np.float32).max
_MAGNITUDE = 60  # as a power of two: far above 1e-7, far below an overflow
_FARTHEST = 126  # powers of two that a float32 has on either side of 1


@dataclass(frozen=True, eq=False)
class Single:
    """What numbers are brought to before trees are grown on them in float32.

    A column that float32 would round is taken from its median, so that times of the same
    hour do not merge. Every column is multiplied by a power of two, which rounds nothing and
    leaves the trees the same, but for scikit-learn's: there, numbers less than 1e-7 apart are
    one and the same. Codes of categories stay as they are.

    Parameters
    ----------
    origin, factor : of every column; as they stand, they change nothing
    """

    origin: FloatArray = field(default_factory=lambda: np.zeros(1, np.float32))
    factor: NDArray[np.float32] = field(default_factory=lambda: np.ones(1, np.float32))

    @classmethod
    def of(cls, X: Matrix) -> Self:
        """Learn from the columns of some rows; missing values do not matter."""
        origin = np.zeros(X.values.shape[1], X.values.dtype)
        factor = np.ones(X.values.shape[1], np.float32)
        for index in np.flatnonzero(np.array(X.levels) == 0):
            column = X.values[:, index]
            column = column[np.isfinite(column)]
            if not len(column):
                continue
            if (np.clip(column, -_LARGEST, _LARGEST).astype(np.float32) != column).any():
                origin[index] = np.median(column)
            exponent = np.frexp(np.abs(column - origin[index]).max())[1]
            factor[index] = np.ldexp(1.0, np.clip(_MAGNITUDE - exponent, -_FARTHEST, _FARTHEST))
        return cls(origin, factor)

    def values(self, X: Matrix) -> NDArray[np.float32]:
        """The columns in float32, row by row; none is infinite, the missing stay missing."""
        scaled = X.values - self.origin
        with np.errstate(over="ignore"):
            scaled *= self.factor
        np.clip(scaled, -_LARGEST, _LARGEST, out=scaled)
        return np.ascontiguousarray(scaled, np.float32)

    def state(self) -> State:
        """Two arrays, "origin" and "factor", as a part of a learner's state."""
        return {"origin": self.origin, "factor": self.factor}

    @classmethod
    def restored(cls, state: State) -> Self:
        """From what `state` gave; one that changes nothing where a former version was saved."""
        if "origin" not in state:
            return cls()
        return cls(np.asarray(state["origin"]), np.asarray(state["factor"]))
