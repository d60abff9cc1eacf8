"""Columns turned into fewer that share nothing linear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

import numpy as np

from autopipe.matrix import Matrix
from autopipe.operators.cost import Cost, Shape
from autopipe.operators.declaration import Dense, Operator, State
from autopipe.space import Choice, Float, Value
from autopipe.task import Target

_MOST_COLUMNS = 2_000  # of the table: the decomposition costs their cube


class PrincipalComponents:
    """Directions of largest variance, scikit-learn's PCA.

    Parameters
    ----------
    variance : share of the variance that is kept
    whiten : whether every direction is brought to variance 1
    append : whether the columns stay beside the directions, as trees want them

    References
    ----------
    Jolliffe, Principal Component Analysis, 2nd ed. 2002, chapter 6.1.
    """

    def __init__(self, *, variance: float, whiten: bool, append: bool) -> None:
        self.variance = variance
        self.whiten = whiten
        self.append = append
        self._mean = np.empty(0)
        self._directions = np.empty((0, 0))
        """Shape (columns, directions)."""

    def fit_transform(self, data: Matrix, target: Target, seed: int) -> Matrix:
        from sklearn.decomposition import PCA

        values = data.values.astype(np.float64)
        self._mean = values.mean(axis=0)
        if not np.ptp(values, axis=0).any():  # PCA divides by the variance
            self._directions = np.zeros((values.shape[1], 1))
            return self.transform(data)
        found = PCA(self.variance, svd_solver="full").fit(values)
        self._directions = found.components_.T
        if self.whiten:
            self._directions = self._directions / np.sqrt(found.explained_variance_)
        return self.transform(data)

    def transform(self, data: Matrix) -> Matrix:
        # Not a matrix product: its rounding would depend on the company of a row.
        turned = np.einsum(
            "ij,jk->ik", data.values.astype(np.float64) - self._mean, self._directions
        ).astype(np.float32)
        names = tuple(f"direction {index}" for index in range(turned.shape[1]))
        if not self.append:
            return Matrix(turned, (0,) * len(names), names)
        return Matrix(
            np.hstack([data.values, turned]),
            (*data.levels, *[0] * len(names)),
            (*data.names, *names),
        )

    def state(self) -> State:
        return {"mean": self._mean, "directions": self._directions}

    def restore(self, state: State) -> Self:
        self._mean = np.asarray(state["mean"])
        self._directions = np.asarray(state["directions"])
        return self


def _cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    smaller = min(shape.rows, shape.columns)
    directions = max(1, round(0.7 * smaller))
    seconds = 1e-9 * shape.cells * smaller + 1e-9 * shape.all_cells * directions
    columns = directions + shape.columns * bool(params["append"])
    gives = replace(shape, columns=columns)
    return Cost(seconds, megabytes=1.6e-5 * shape.all_cells, gives=gives)


OPERATORS = (
    Operator(
        name="pca",
        family="projection",
        build="autopipe.operators.projection:PrincipalComponents",
        takes=(Dense,),
        gives=Dense,
        space={
            "variance": Float(0.5, 0.999, default=0.95),
            "whiten": Choice((False, True)),
            "append": Choice((True, False)),
        },
        cost=_cost,
        source="Jolliffe, Principal Component Analysis, 2nd ed. 2002, ch. 6.1",
        most_columns=_MOST_COLUMNS,
    ),
)
